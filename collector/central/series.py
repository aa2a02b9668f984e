"""Series of a monitoring system: what a gauge says of which time, and what a counter counted when.

A point tells of the time before it. A gauge's stands for the time since the point before, at most for `hold_ms`: what
is older was not observed. A counter's difference to the point before is what was counted in between; where it began
anew, its value is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from math import isfinite
from statistics import median_low
from typing import NamedTuple

from msgspec import Struct


class Series(Struct):
    """One series: its metric, its labels, and its points (Unix ms, value) in ascending order, none of them NaN."""

    name: str
    labels: dict[str, str]
    points: list[tuple[int, float]]


class Level(NamedTuple):
    """A gauge's value over an interval, in Unix ms."""

    start_ms: int
    end_ms: int
    value: float


class Increment(NamedTuple):
    """What a counter counted between two instants. `lost_ms`: so long before its new beginning nobody had looked."""

    start_ms: int
    end_ms: int
    value: float
    lost_ms: int = 0


class Last(NamedTuple):
    """A counter's last known point, and since when its process runs (Unix ms; 0: not known)."""

    at_ms: int
    value: float
    began_ms: int = 0


def series(name: str, labels: dict[str, str], points: Iterable[tuple[int, float]]) -> Series:
    """The series with its points sorted, one for each instant (the later told), and without NaN and infinity."""
    return Series(name, labels, sorted({at: value for at, value in points if isfinite(value)}.items()))


def step_ms(points: list[tuple[int, float]], default_ms: int) -> int:
    """The usual distance between points; `default_ms` where there are not two."""
    return median_low(b - a for (a, _), (b, _) in pairwise(points)) if len(points) > 1 else default_ms


def levels(points: list[tuple[int, float]], hold_ms: int, since_ms: int, until_ms: int) -> list[Level]:
    """What the points that lie in `(since_ms, until_ms]` say; earlier ones only bound the first."""
    found: list[Level] = []
    before: int | None = None
    for at, value in points:
        if since_ms < at <= until_ms:
            start = at - hold_ms if before is None else max(before, at - hold_ms)
            found.append(Level(start, at, value))
        before = at
    return found


def increments(
    points: list[tuple[int, float]],
    last: Last | None,
    since_ms: int,
    *,
    began: Mapping[int, int] | None = None,
    watched_ms: int | None = None,
    anew: Collection[int] = (),
) -> list[Increment]:
    """What a counter counted from point to point, after `last`.

    `began` says of the points' instants since when the process ran (Unix ms): where that changes the counter began
    anew, even if it has overtaken its old value; so it did at the instants `anew`. Without `last` the first point
    counts only if the counter is known to have begun at 0 at `since_ms` or later: with its process, or after
    `watched_ms`, when its process (or whoever is scraped at its place) was scraped and did not have it yet.
    """
    starts = began or {}
    found: list[Increment] = []
    for at, value in points:
        began_ms = starts.get(at, last.began_ms if last else 0)
        if last is None:
            zero_ms = watched_ms or began_ms
            if zero_ms and since_ms <= zero_ms < at:
                found.append(Increment(zero_ms, at, value))
        elif at > last.at_ms:
            found.append(_increment(last, at, value, began_ms, at in anew))
        last = Last(at, value, began_ms) if last is None or at >= last.at_ms else last
    return found


def _increment(last: Last, at: int, value: float, began_ms: int, anew: bool) -> Increment:
    other = began_ms and last.began_ms and abs(began_ms - last.began_ms) > 1000
    if not (anew or other or value < last.value):
        return Increment(last.at_ms, at, value - last.value)
    lost = began_ms - last.at_ms if last.at_ms < began_ms <= at else at - last.at_ms
    return Increment(last.at_ms, at, value, lost)
