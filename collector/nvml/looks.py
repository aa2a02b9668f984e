"""When it is worth the while to list processes: the dearest call of all, and the only one that tells who came."""

from __future__ import annotations

from collector.source import Tick

MOVED_BYTES = 32 << 20
"""A context takes hundreds of MB: memory that moves by this much may be a process that came or went."""

APART_NS = 2_000_000_000
"""Looks out of turn are at least so far apart, whatever memory does."""


class Looks:
    """A look at every `every`-th tick, and at once when memory moved since the tick before."""

    def __init__(self, every: int) -> None:
        self._every = every
        self._since = every
        self._at_ns = 0
        self._memory: dict[str, int] = {}
        self._moved = False

    def due(self, tick: Tick) -> bool:
        """Whether to look at this tick, whose devices are read already."""
        now = {r.uuid: r.memory_bytes for r in tick.readings if r.memory_bytes is not None}
        self._moved |= any(abs(self._memory.get(uuid, used) - used) >= MOVED_BYTES for uuid, used in now.items())
        self._memory = now
        self._since += 1
        out_of_turn = self._moved and tick.at.boot_ns - self._at_ns >= APART_NS
        if self._since < self._every and not out_of_turn:
            return False
        self._since, self._at_ns, self._moved = 0, tick.at.boot_ns, False
        return True
