"""What nobody held: out of service, not known to be free, or free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from accounting.core.measure import UNOBSERVED
from accounting.core.partition import Partition
from accounting.core.places import Site, pool_codes, with_place
from accounting.core.spans import apart, spans_by
from accounting.core.steps import edges, label, merge, sweep


@dataclass(frozen=True, slots=True)
class Unused:
    """`known` is free time that is known to be free, `rest` frames of the same columns with their `state`."""

    known: pl.DataFrame
    rest: list[pl.DataFrame]


def unused(
    free: pl.DataFrame, p: Partition, site: Site, places: pl.DataFrame, out: Mapping[str, pl.DataFrame]
) -> Unused:
    """Divides `free` (place, pool, start, end, quantity, alone).

    `out`: by state, when a device could not be used: place, start, end.
    """
    counted = _counted(p, site, places)
    usable, rest = free, []
    for state, spans in out.items():
        usable, whole = apart(usable, "place", spans)
        usable, some = _parted(usable, _amounts(counted, state))
        rest.append(pl.concat([whole, some]).with_columns(state=pl.lit(state)))
    if p.scheduled:
        return Unused(usable, rest)
    watched = spans_by("place", p.watched, places)
    told = merge(counted.filter(pl.col("told") > 0), "place").rename({"key": "place"})
    unknown, known = apart(usable, "place", pl.concat([watched, told]))
    return Unused(known, [*rest, unknown.with_columns(state=pl.lit(UNOBSERVED))])


def _counted(p: Partition, site: Site, places: pl.DataFrame) -> pl.DataFrame:
    """What is known of capacity without devices' names: place, start, end, and by state how much of it (millionths)."""
    rows = pool_codes(p.unnamed.rename({"start_ms": "start", "end_ms": "end"}), site.pools)
    placed = with_place(rows.with_columns(device_id=pl.lit(None, pl.String)), places)
    return placed.filter(pl.col("place").is_not_null())


def _amounts(counted: pl.DataFrame, state: str) -> pl.DataFrame:
    """How much of a pool without devices' names is in a state: place, start, end, amount; disjoint."""
    rows = counted.filter(pl.col(state) > 0)
    if not rows.height:
        return pl.DataFrame(schema=dict.fromkeys(("place", "start", "end", "amount"), pl.Int64))
    found = sweep(edges(rows, "place", amount=state)).rename({"key": "place"})
    return found.filter(pl.col("amount") > 0)


def _parted(free: pl.DataFrame, amounts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Free rows less an amount of theirs, and that amount as rows: who holds nothing broken holds something whole."""
    if not amounts.height:
        return free, free.clear()
    pieces = label(free, "place", amounts, "amount").with_columns(
        amount=pl.min_horizontal(pl.col("amount").fill_null(0), "quantity")
    )
    taken = pieces.filter(pl.col("amount") > 0).with_columns(quantity="amount")
    left = pieces.with_columns(quantity=pl.col("quantity") - pl.col("amount")).filter(pl.col("quantity") > 0)
    return left.select(free.columns), taken.select(free.columns)
