"""What of the capacity commitments can cover: how much of a SKU there was between any two instants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import polars as pl

from accounting.core.pricing import Sku
from accounting.core.steps import HOUR, edges, sweep

Levels = list[tuple[int, int, int]]
"""Start, end (ms) and quantity (ppm) of a SKU; disjoint, in order, without gaps of quantity 0."""

_SKU = ("accelerator", "provider", "region", "purchase")


def levels(capacity: pl.DataFrame) -> dict[Sku, Levels]:
    """By SKU, what there is of it; `capacity` has `_SKU`, start_ms, end_ms (known, in ms) and quantity_ppm."""
    rows = capacity.filter(pl.col("end_ms") > pl.col("start_ms"))
    skus = rows.select(_SKU).unique().sort(_SKU, nulls_last=True).with_row_index("key")
    keyed = rows.join(skus, on=_SKU, nulls_equal=True).with_columns(pl.col("key").cast(pl.Int64))
    steps = sweep(edges(keyed.rename({"start_ms": "start", "end_ms": "end"}), "key", ppm="quantity_ppm"))
    found: dict[Sku, Levels] = {sku: [] for sku in skus.select(_SKU).iter_rows()}
    names = dict(enumerate(found))
    for key, start, end, ppm in steps.select("key", "start", "end", "ppm").iter_rows():
        if ppm > 0:
            found[names[key]].append((start, end, ppm))
    return found


def cuts(
    levels_of: Mapping[Sku, Levels], start: int, end: int, edges_more: Iterable[int], exact: Iterable[int]
) -> list[int]:
    """Instants from `start` to `end` between which every hour is like every other.

    An hour in which a level changes, or one of `edges_more` lies, is on its own; at `exact` there is a cut as well.
    """
    changes = {at for some in levels_of.values() for first, last, _ in some for at in (first, last)} | {*edges_more}
    hours = {hour for at in changes if at % HOUR for hour in (at - at % HOUR, at - at % HOUR + HOUR)}
    whole = {at for at in changes if not at % HOUR}
    return [start, *sorted(at for at in hours | whole | {*exact} if start < at < end), end]


def amounts(some: Levels, instants: Sequence[int]) -> list[int]:
    """Between each two of the instants (in order), quantity times time, in ppm·ms."""
    found, first = [], 0
    for start, end in pairwise(instants):
        while first < len(some) and some[first][1] <= start:
            first += 1
        total, number = 0, first
        while number < len(some) and some[number][0] < end:
            begins, ends, ppm = some[number]
            total += ppm * (min(ends, end) - max(begins, start))
            number += 1
        found.append(total)
    return found
