"""How full every place is over time: what was held, what was free, where more was held than there was."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.places import Site, with_place
from accounting.core.steps import HOUR, PPM, edges, label, merge, sweep


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Segments of constant occupancy, quantities in millionths.

    `bought`: place, lot, start, end, quantity: capacity by the place that accounts it.
    `free`: place, start, end, quantity, alone (True: a whole device that nobody held).
    `excess`: place, start, end, quantity: held beyond the capacity, by which it is raised.
    `shared`: place, start, end, held: devices while they have several holders or more than one device's worth.
    """

    bought: pl.DataFrame
    free: pl.DataFrame
    excess: pl.DataFrame
    shared: pl.DataFrame


def occupy(holdings: pl.DataFrame, site: Site, places: pl.DataFrame) -> Occupancy:
    """Occupancy of all places; `holdings` have `place`, `pool`, `device_id`, `start`, `end`, `quantity`."""
    capacity = with_place(site.capacity, places)
    on_device = pl.col("device_id").is_not_null()
    devices = _devices(holdings.filter(on_device), capacity.filter(on_device))
    whole = _drawn_on(devices.free, holdings.filter(~on_device), places, capacity)
    pooled = pl.concat([capacity.filter(~on_device).select("place", "lot", "start", "end", "quantity"), whole.moved])
    pools = _pools(holdings.filter(~on_device), pooled)
    return Occupancy(
        pl.concat([capacity.filter(on_device).select("place", "lot", "start", "end", "quantity"), pooled]),
        pl.concat([whole.kept, pools.free]),
        pl.concat([devices.excess, pools.excess]),
        devices.shared,
    )


def _totals(holdings: pl.DataFrame, capacity: pl.DataFrame) -> pl.DataFrame:
    counted = holdings.with_columns(one=pl.lit(1, pl.Int64))
    held = edges(counted, "place", held="quantity", holders="one")
    there = edges(capacity, "place", there="quantity").with_columns(
        held=pl.lit(0, pl.Int64), holders=pl.lit(0, pl.Int64)
    )
    held = held.with_columns(there=pl.lit(0, pl.Int64))
    return sweep(held, there.select(held.columns)).rename({"key": "place"})


def _devices(holdings: pl.DataFrame, capacity: pl.DataFrame) -> Occupancy:
    """A device is never raised above one: more is scaled down among its holders."""
    total = _totals(holdings, capacity).with_columns(
        taken=pl.min_horizontal("held", pl.max_horizontal("there", pl.lit(PPM)))
    )
    shared = total.filter((pl.col("holders") > 1) | (pl.col("held") > pl.col("taken")))
    return Occupancy(
        capacity,
        _free(total).with_columns(alone=pl.col("held") == 0).select("place", "start", "end", "quantity", "alone"),
        _excess(total),
        shared.select("place", "start", "end", "held", "taken"),
    )


def _pools(holdings: pl.DataFrame, capacity: pl.DataFrame) -> Occupancy:
    total = _totals(holdings, capacity).with_columns(taken="held")
    free = _free(total).with_columns(alone=pl.lit(False)).select("place", "start", "end", "quantity", "alone")
    return Occupancy(capacity, free, _excess(total), capacity.clear())


def _free(total: pl.DataFrame) -> pl.DataFrame:
    return total.filter(pl.col("there") > pl.col("taken")).with_columns(quantity=pl.col("there") - pl.col("taken"))


def _excess(total: pl.DataFrame) -> pl.DataFrame:
    over = total.filter(pl.col("taken") > pl.col("there"))
    return over.select("place", "start", "end", quantity=pl.col("taken") - pl.col("there"))


@dataclass(frozen=True, slots=True)
class _Drawn:
    kept: pl.DataFrame
    moved: pl.DataFrame


def _drawn_on(free: pl.DataFrame, pooled: pl.DataFrame, places: pl.DataFrame, capacity: pl.DataFrame) -> _Drawn:
    """Whole free devices, in the hours in which allocations without a device draw on their pool, belong to the pool."""
    hours = pooled.select("pool", start=pl.col("start") // HOUR * HOUR, end=(pl.col("end") + HOUR - 1) // HOUR * HOUR)
    lots = capacity.select("place", "lot", "start", "end")
    empty = capacity.select("place", "lot", "start", "end", "quantity").clear()
    if not hours.height or not free.height:
        return _Drawn(free, empty)
    mixed = merge(hours, "pool").rename({"key": "pool"}).with_columns(mixed=pl.lit(True))
    pieces = label(free.join(places.select("place", "pool"), on="place"), "pool", mixed, "mixed")
    moves = (pl.col("mixed").fill_null(False)) & pl.col("alone")
    home = places.filter(pl.col("device_id").is_null()).select("pool", home="place")
    moved = label(pieces.filter(moves), "place", lots, "lot").join(home, on="pool", how="left")
    return _Drawn(
        pieces.filter(~moves).select(free.columns),
        moved.select(pl.col("home").alias("place"), "lot", "start", "end", "quantity"),
    )
