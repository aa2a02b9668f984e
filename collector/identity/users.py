"""Names of numeric user ids."""

from __future__ import annotations

import pwd
from collections.abc import Callable
from threading import Thread

WAIT_S = 0.3
"""A directory service (LDAP, SSSD) may answer late or never: sampling goes on after this, with the number as a name."""

MOST = 1024


def _named(uid: int) -> str:
    try:
        # A directory may hold names that are no UTF-8, which no record can.
        return pwd.getpwuid(uid).pw_name.encode("utf-8", "replace").decode()
    except (KeyError, OverflowError):
        return str(uid)


class Users:
    """Names that were found are kept for the life of the agent; `look_up` may take as long as it likes."""

    def __init__(self, look_up: Callable[[int], str] = _named) -> None:
        self._look_up = look_up
        self._names: dict[int, str] = {}
        self._asked: dict[int, Thread] = {}

    def name(self, uid: int) -> str:
        """The user's name; the number where there is none, or not yet."""
        if uid not in self._names and uid not in self._asked and len(self._names) < MOST:
            # Where one is waited for in vain, a dozen shall not be.
            wait_s = 0.0 if self._asked else WAIT_S
            thread = Thread(target=self._ask, args=(uid,), name="users", daemon=True)
            self._asked[uid] = thread
            thread.start()
            thread.join(wait_s)
        return self._names.get(uid, str(uid))

    def _ask(self, uid: int) -> None:
        self._names[uid] = self._look_up(uid)
        self._asked.pop(uid, None)
