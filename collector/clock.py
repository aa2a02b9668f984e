"""Wall time over a clock that never steps."""

from __future__ import annotations

import time
from collections.abc import Callable

from collector.source import Instant

STEP_MS = 500
"""A difference between the wall clock and ours that is taken for a step; smaller ones are noise of reading."""

EARLIEST_MS = 1_704_067_200_000
"""2024-01-01: a clock that shows less was not set yet, and nothing can be told by it."""


def boot_ns() -> int:
    """Nanoseconds since boot, suspension included."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def wall_ns() -> int:
    """Unix time in nanoseconds, as the system has it."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def now_ms() -> int:
    """Unix time in milliseconds, as the system has it."""
    return wall_ns() // 1_000_000


class Clock:
    """Instants whose wall time is the boot clock plus an offset, which follows only steps of the system's clock."""

    def __init__(self, boot: Callable[[], int] = boot_ns, wall: Callable[[], int] = wall_ns) -> None:
        self._boot, self._wall = boot, wall
        self._offset = wall() // 1_000_000 - boot() // 1_000_000

    def now(self) -> tuple[Instant, int]:
        """The instant, and by how many ms the system's clock was stepped since the last call (0: it was not)."""
        boot = self._boot()
        offset = self._wall() // 1_000_000 - boot // 1_000_000
        stepped = offset - self._offset if abs(offset - self._offset) > STEP_MS else 0
        self._offset += stepped
        return Instant(boot, boot // 1_000_000 + self._offset), stepped
