"""Names of numeric user ids."""

from __future__ import annotations

import pwd
from threading import Thread

WAIT_S = 0.3
"""A directory service (LDAP, SSSD) may answer late or never: sampling goes on after this, with the number as a name."""

MOST = 1024


class Users:
    """Names that were found are kept for the life of the agent."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._asked: dict[int, Thread] = {}

    def name(self, uid: int) -> str:
        """The user's name; the number where there is none, or not yet."""
        if uid not in self._names and uid not in self._asked and len(self._names) < MOST:
            # Where one is waited for in vain, a dozen shall not be.
            wait_s = 0.0 if self._asked else WAIT_S
            thread = Thread(target=self._look_up, args=(uid,), name="users", daemon=True)
            self._asked[uid] = thread
            thread.start()
            thread.join(wait_s)
        return self._names.get(uid, str(uid))

    def _look_up(self, uid: int) -> None:
        try:
            self._names[uid] = pwd.getpwuid(uid).pw_name
        except (KeyError, OverflowError):
            self._names[uid] = str(uid)
        self._asked.pop(uid, None)
