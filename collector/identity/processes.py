"""What the kernel says of a process: its cgroup, its user, when it began."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

from msgspec import Struct

from collector.identity.cgroups import KUBELET_ROOTS, Cgroup, parse
from collector.identity.config import Keys
from collector.identity.users import Users
from collector.source import Instant

MOST = 4096
"""So many processes are remembered; those that were not asked for longest are forgotten first."""

GONE_NS = 300 * 10**9
"""A pid that is gone stands for the process last seen under it for five minutes: then it may be another's."""

_ENVIRON_BYTES = 1 << 17


class Vanished(Exception):
    """A file of a process is there and says nothing, as while the process ends."""


class Key(Struct, frozen=True):
    """One process, ever: pids are used again. `start` is in clock ticks since the boot."""

    boot: str
    pid: int
    start: int


class Process(Struct, frozen=True, kw_only=True):
    """`uid` and `user` are the kernel's; `hints` are the process's own words; `started_ms` is Unix time.

    `user` is who logged in, where the cgroup tells it: sudo makes another `uid`, but nobody else pays.
    """

    key: Key
    cgroup: Cgroup
    uid: int
    user: str
    started_ms: int
    hints: dict[str, str]


class Processes:
    """Processes of the node by pid, remembered for a while after their end.

    `found`, `lost` and `refused` count answers: who it is, that it is gone, that the agent may not read it.
    """

    def __init__(self, proc: Path, environment: Keys, users: Users, roots: tuple[str, ...] = KUBELET_ROOTS) -> None:
        self._proc = proc
        self._environment = environment
        self._roots = roots
        self._users = users
        self.found = self.lost = self.refused = 0
        self._boot = _text(proc / "sys/kernel/random/boot_id").strip()
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._seen: OrderedDict[int, tuple[Process, str, int]] = OrderedDict()

    def find(self, pid: int, at: Instant) -> Process | None:
        """The process, or the last one known under this pid; None: it cannot be told whose it was."""
        try:
            process = self._living(pid, at)
        except (FileNotFoundError, ProcessLookupError, Vanished):
            process = self._gone(pid, at)
        except OSError:
            self.refused += 1
            return None
        self.found += process is not None
        self.lost += process is None
        return process

    def _living(self, pid: int, at: Instant) -> Process | None:
        start = self._start(pid)
        cgroup = _text(self._proc / str(pid) / "cgroup")
        known = self._seen.get(pid)
        if known is not None and known[0].key.start == start and known[1] == cgroup:
            return self._remember(known[0], cgroup, at)
        process = self._read(pid, start, cgroup, at)
        # Another may have come under this pid while the files were read: then they are not one process's.
        return self._remember(process, cgroup, at) if self._start(pid) == start else None

    def _read(self, pid: int, start: int, cgroup: str, at: Instant) -> Process:
        uid = _uid(_text(self._proc / str(pid) / "status"))
        found = parse(cgroup, self._roots)
        return Process(
            key=Key(self._boot, pid, start),
            cgroup=found,
            uid=uid,
            user=self._users.name(uid if found.user is None else found.user),
            started_ms=at.wall_ms - at.boot_ns // 10**6 + start * 1000 // self._ticks,
            hints=self._hints(pid),
        )

    def _remember(self, process: Process, cgroup: str, at: Instant) -> Process:
        self._seen[process.key.pid] = (process, cgroup, at.boot_ns)
        self._seen.move_to_end(process.key.pid)
        while len(self._seen) > MOST:
            self._seen.popitem(last=False)
        return process

    def _gone(self, pid: int, at: Instant) -> Process | None:
        known = self._seen.get(pid)
        return known[0] if known is not None and at.boot_ns - known[2] <= GONE_NS else None

    def _start(self, pid: int) -> int:
        """Field 22 of stat; the name before it is the process's own and may hold blanks and brackets."""
        fields = _text(self._proc / str(pid) / "stat").rpartition(") ")[2].split()
        if len(fields) < 20:
            raise Vanished
        return int(fields[19])

    def _hints(self, pid: int) -> dict[str, str]:
        try:
            with (self._proc / str(pid) / "environ").open("rb") as file:
                words = file.read(_ENVIRON_BYTES).split(b"\0")
        except PermissionError:
            return {}
        pairs = (word.decode("utf-8", "replace").partition("=") for word in words)
        return self._environment.found({name: value for name, _, value in pairs})


def _text(path: Path) -> str:
    # As bytes: names of processes and cgroups may hold a carriage return, which text mode makes the end of a line.
    return path.read_bytes().decode("utf-8", "replace")


def _uid(status: str) -> int:
    for line in status.split("\n"):
        if line.startswith("Uid:"):
            return int(line.split()[1])
    raise Vanished
