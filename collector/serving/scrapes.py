"""When targets were scraped, and since when their processes run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from collector.central.series import Series
from collector.serving.counter import target_of
from collector.serving.engines import METRICS, STARTED, UP

LISTED = frozenset(METRICS)


class Scrapes:
    """Instants at which targets were scraped, in what was found and (`before`) before that; Unix ms."""

    def __init__(self, found: Iterable[Series], before: dict[str, int]) -> None:
        self._before = before
        self._told: dict[str, list[list[int]]] = {}
        self._began: dict[str, dict[int, int]] = {}
        for one in found:
            if one.name in LISTED:
                self._take(one, target_of(one.labels))

    def _take(self, one: Series, target: str) -> None:
        scraped = [at for at, value in one.points if one.name != UP or value > 0]
        if scraped:
            self._told.setdefault(target, []).append(scraped)
        if one.name == STARTED:
            self._began.setdefault(target, {}).update((at, round(value * 1000)) for at, value in one.points)

    def before(self, target: str, at_ms: int) -> int | None:
        """The target's last scrape before an instant; None: it is not known to have been scraped."""
        known = [told[i - 1] for told in self._told.get(target, []) if (i := bisect_left(told, at_ms))]
        if target in self._before and self._before[target] < at_ms:
            known.append(self._before[target])
        return max(known, default=None)

    def began(self, target: str) -> dict[int, int]:
        """By instants of scrapes: since when the target's process ran."""
        return self._began.get(target, {})

    def lasts(self) -> dict[str, int]:
        """Each target's last scrape in what was found."""
        return {target: max(told[-1] for told in several) for target, several in self._told.items()}
