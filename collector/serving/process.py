"""What one process counted: its counters begin anew together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from collector.central.findings import Span
from collector.central.series import Increment, Last, increments
from collector.serving.counter import Counter
from collector.serving.engines import process_is_told
from collector.serving.memory import DAY_MS, Memory
from collector.serving.scrapes import Scrapes


class Process:
    """Counters of one process in a span, and what is remembered of them."""

    def __init__(self, counters: list[Counter], scrapes: Scrapes, span: Span, memory: Memory) -> None:
        self._counters = counters
        self._scrapes = scrapes
        self._span = span
        self._since_ms = memory.since_ms or 0
        self._lasts = memory.lasts.setdefault(counters[0].process, {})

    def counted(self) -> tuple[list[tuple[Counter, list[Increment]]], dict[int, int]]:
        """What each counter counted in the span, and the process's new beginnings: when seen, and the ms lost before.

        Of a counter that was not told at a new beginning nothing is remembered: when it is told again it goes on
        from 0.
        """
        told = [(one, self._increments(one, ())) for one in self._counters]
        anew = sorted({i.end_ms for _, several in told for i in several if i.lost_ms})
        if anew:
            told = [(one, self._increments(one, _first_after(anew, one))) for one in self._counters]
        lost = _lost(anew, told)
        self._remember(anew)
        start = self._span.start_ms
        inside = [(one, [i for i in several if i.end_ms > start]) for one, several in told]
        return inside, {at: ms for at, ms in lost.items() if at > start}

    def _increments(self, one: Counter, anew: Iterable[int]) -> list[Increment]:
        first = one.points[0][0]
        last = self._last(one)
        watched = None if last else self._scrapes.before(one.target, first)
        if watched is not None and watched <= first - DAY_MS:
            watched = None
        return increments(
            one.points,
            last,
            max(self._since_ms, first - DAY_MS) if watched is None else watched,
            began=self._began(one),
            watched_ms=watched,
            anew=frozenset(anew),
        )

    def _last(self, one: Counter) -> Last | None:
        last = self._lasts.get(one.key)
        return last if last and last.at_ms > one.points[0][0] - DAY_MS else None

    def _began(self, one: Counter) -> dict[int, int]:
        return self._scrapes.began(one.target) if process_is_told(one.name) else {}

    def _remember(self, anew: list[int]) -> None:
        for one in self._counters:
            at, value = one.points[-1]
            began = self._began(one)
            known = max((t for t, _ in one.points if t in began), default=None)
            before = self._lasts[one.key].began_ms if one.key in self._lasts else 0
            self._lasts[one.key] = Last(at, value, before if known is None else began[known])
        for key in [k for k, last in self._lasts.items() if anew and last.at_ms < anew[-1]]:
            del self._lasts[key]


def _first_after(anew: list[int], one: Counter) -> list[int]:
    at = [instant for instant, _ in one.points]
    return [at[i] for i in (bisect_left(at, instant) for instant in anew) if i < len(at)]


def _lost(anew: list[int], told: list[tuple[Counter, list[Increment]]]) -> dict[int, int]:
    """Nobody had looked since the last scrape that told any of the counters."""
    return {at: min(i.lost_ms for _, several in told for i in several if i.end_ms == at and i.lost_ms) for at in anew}
