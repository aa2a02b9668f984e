"""What is asked of whatever has series of exporters, and series that are in hand already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from collector.central.findings import Span
from collector.central.series import Series


class Asked(Protocol):
    """Every method raises `Unanswered`, also where an answer is not whole."""

    def version(self) -> str: ...

    def names(self, wanted: Iterable[str], span: Span) -> set[str]:
        """Which of these metrics there are in a span."""
        ...

    def series(self, names: Iterable[str], span: Span, *matchers: str) -> list[Series]:
        """The series of these metrics with all of their points after the span's start up to its end."""
        ...

    def of(self, names: Iterable[str], span: Span, label: str, values: Iterable[str]) -> Iterator[Series]:
        """As `series`, of those only whose label has one of these values."""
        ...


class InHand:
    """Series that somebody else has read; of matchers it knows none."""

    def __init__(self) -> None:
        self.told: list[Series] = []

    def version(self) -> str:
        return ""

    def names(self, wanted: Iterable[str], span: Span) -> set[str]:
        return {one.name for one in self.told} & set(wanted)

    def series(self, names: Iterable[str], span: Span, *matchers: str) -> list[Series]:
        if matchers:
            raise NotImplementedError(f"matchers of series in hand: {matchers}")
        return list(self._inside(set(names), span))

    def of(self, names: Iterable[str], span: Span, label: str, values: Iterable[str]) -> Iterator[Series]:
        some = set(values)
        return (one for one in self._inside(set(names), span) if one.labels.get(label) in some)

    def _inside(self, names: set[str], span: Span) -> Iterator[Series]:
        for one in self.told:
            points = [point for point in one.points if span.start_ms < point[0] <= span.end_ms]
            if one.name in names and points:
                yield Series(one.name, one.labels, points)
