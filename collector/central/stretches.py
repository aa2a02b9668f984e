"""What stays as it is, told as one stretch that grows: a month of a node is thirty rows and not 43,200."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, TypeVar

from msgspec import structs

from collector.central.findings import Quoted, Stocked

DAY_MS = 86_400_000


class Stretch(NamedTuple):
    """From when to when (Unix ms) something was without a change."""

    start_ms: int
    until_ms: int


Open = dict[str, Stretch]
"""The last stretch of each group, condition and quantity; of each queue, quota and use."""

_One = TypeVar("_One", Stocked, Quoted)


def extended(told: list[_One], before: Open) -> tuple[list[_One], Open]:
    """The rows, each from where its stretch began on that UTC day; and the stretches to go on with."""
    found: list[_One] = []
    known: Open = {}
    for one in sorted(told, key=lambda s: s.start_ms):
        key = _key(one)
        for start, until in _days(one.start_ms, one.until_ms):
            last = known.get(key, before.get(key))
            if last is not None and start % DAY_MS and last.start_ms <= start <= last.until_ms:
                known[key] = Stretch(last.start_ms, max(until, last.until_ms))
            else:
                known[key] = Stretch(start, until)
            found.append(structs.replace(one, start_ms=known[key].start_ms, until_ms=known[key].until_ms))
    return found, known


def _key(one: Stocked | Quoted) -> str:
    if isinstance(one, Stocked):
        return f"{one.group.place}{one.group.accelerator}{one.condition}{one.quantity_ppm}"
    return repr((one.group, one.queue, one.cohort, one.flavor, one.nominal_ppm, one.used_ppm))


def _days(start_ms: int, until_ms: int) -> list[tuple[int, int]]:
    edges = [start_ms, *range(start_ms - start_ms % DAY_MS + DAY_MS, until_ms, DAY_MS), until_ms]
    return list(pairwise(edges))
