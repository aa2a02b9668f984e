"""How long to wait before asking again what failed."""

from __future__ import annotations

SHORTEST_NS = 1_000_000_000
LONGEST_NS = 60_000_000_000


class Backoff:
    """Waits of 1 s, 2 s, … 60 s from failure to failure; a minute without one starts over."""

    def __init__(self) -> None:
        self._wait_ns = SHORTEST_NS
        self._due_ns = 0

    def failed(self, at_ns: int) -> None:
        if at_ns - self._due_ns >= LONGEST_NS:
            self._wait_ns = SHORTEST_NS
        self._due_ns = at_ns + self._wait_ns
        self._wait_ns = min(2 * self._wait_ns, LONGEST_NS)

    def due(self, at_ns: int) -> bool:
        return at_ns >= self._due_ns
