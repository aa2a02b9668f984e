"""Accelerators that were counted, beside those that are known by name: how many more, and in which condition."""

from __future__ import annotations

import polars as pl

from accounting.core.partition import DEVICE_SPANS
from accounting.core.steps import edges, label, merge, sweep
from accounting.inputs.observations import shaped
from accounting.tables import INPUT_CAPACITY

_SPOT = ["cluster", "pool", "node", "accelerator", "provider", "region", "purchase"]
_DOWN = ("maintenance", "unhealthy")

LEVELS = {
    **dict.fromkeys(_SPOT, pl.String),
    **dict.fromkeys(("start_ms", "end_ms", "there", "named", "unnamed", "told", *_DOWN), pl.Int64),
}
"""One row a spot and stretch of time, quantities in millionths: counted `there`, of them `named` devices and `unnamed`
ones; how many are `told` and not bridged; how many are in maintenance and unhealthy.
"""


def levels(stock: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """LEVELS of stock (`counts.stock`) and devices (`observations.capacity`), both by canonical names.

    Devices at the same node, or in the same pool where the stock names no node, are among it. A node's devices are of
    the kind that their collector names, also where the scheduler calls them otherwise.
    """
    if not stock.height:
        return pl.DataFrame(schema=LEVELS)
    rows = _as_named(stock, seen).rename({"start_ms": "start", "end_ms": "end"})
    keys = rows.select(_SPOT).unique().sort(_SPOT, nulls_last=True).with_row_index("key").cast({"key": pl.Int64})
    amount = pl.col("quantity_ppm")
    there = rows.join(keys, on=_SPOT, nulls_equal=True).with_columns(
        told=amount * pl.col("told").cast(pl.Int64),
        **{state: amount * (pl.col("condition") == state).cast(pl.Int64) for state in _DOWN},
    )
    counted = edges(there, "key", there="quantity_ppm", told="told", **{state: state for state in _DOWN})
    known = edges(_named_at(keys, seen), "key", named="quantity_ppm")
    found = sweep(counted, known)
    named = pl.col("named") if known.height else pl.lit(0, pl.Int64)
    full = found.with_columns(named=named).filter(pl.col("there") > 0)
    rest = full.with_columns(unnamed=(pl.col("there") - pl.col("named")).clip(0))
    return rest.join(keys, on="key").rename({"start": "start_ms", "end": "end_ms"}).select(list(LEVELS))


def capacity(found: pl.DataFrame) -> pl.DataFrame:
    """Rows of `INPUT_CAPACITY` for those without a name."""
    rows = found.filter(pl.col("unnamed") > 0).with_columns(quantity_ppm="unnamed")
    return shaped(rows, INPUT_CAPACITY.schema)


def unnamed(found: pl.DataFrame) -> pl.DataFrame:
    """Those without a name: cluster, pool, accelerator, start_ms, end_ms, told, maintenance, unhealthy (millionths).

    Whatever is in a condition is taken to be one of them: a device that a collector still names works.
    """
    left = pl.col("unnamed")
    down = pl.min_horizontal("maintenance", left)
    return found.filter(left > 0).select(
        *("cluster", "pool", "accelerator", "start_ms", "end_ms"),
        told=pl.min_horizontal("told", left),
        maintenance=down,
        unhealthy=pl.min_horizontal("unhealthy", left - down),
    )


def devices_in(found: pl.DataFrame, seen: pl.DataFrame, condition: str) -> pl.DataFrame:
    """DEVICE_SPANS of the devices of nodes all of whose accelerators were in that condition, and `cluster`."""
    other = sum(pl.col(state) for state in _DOWN if state != condition)
    whole = found.filter(
        pl.col("node").is_not_null() & (pl.col(condition) > 0) & (pl.col(condition) + other >= pl.col("there"))
    ).select("cluster", "node", "accelerator", since="start_ms", until="end_ms")
    both = seen.join(whole, on=["cluster", "node", "accelerator"])
    inside = both.select(
        "cluster",
        "device_id",
        start_ms=pl.max_horizontal("start_ms", "since"),
        end_ms=pl.min_horizontal("end_ms", "until"),
    )
    return inside.filter(pl.col("end_ms") > pl.col("start_ms")).select("cluster", *DEVICE_SPANS)


def _as_named(stock: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Stock by the names of the devices at its node, while all that is counted there is of one kind."""
    where = ["cluster", "node"]
    nodes = stock.select(where).drop_nulls().unique().sort(where).with_row_index("spot").cast({"spot": pl.Int64})
    rows, devices = (f.rename({"start_ms": "start", "end_ms": "end"}).join(nodes, on=where) for f in (stock, seen))
    alone = label(rows, "spot", _alone(rows), "alone")
    named = label(alone, "spot", _kinds(devices), "kind").with_columns(
        accelerator=pl.when("alone").then(pl.coalesce("kind", "accelerator")).otherwise("accelerator")
    )
    back = named.rename({"start": "start_ms", "end": "end_ms"}).select(stock.columns)
    return pl.concat([back, stock.filter(pl.col("node").is_null())])


def _alone(rows: pl.DataFrame) -> pl.DataFrame:
    """When all that is counted at a spot is of one kind: spot, start, end, alone; disjoint."""
    kinds = rows.select("spot", "accelerator").unique().sort("spot", "accelerator").with_row_index("key")
    coded = rows.join(kinds.cast({"key": pl.Int64}), on=["spot", "accelerator"])
    there = merge(coded, "key").join(kinds.cast({"key": pl.Int64}), on="key").with_columns(n=pl.lit(1, pl.Int64))
    found = sweep(edges(there, "spot", n="n")).rename({"key": "spot"})
    return found.filter(pl.col("n") == 1).select("spot", "start", "end", alone=pl.lit(True))


def _kinds(devices: pl.DataFrame) -> pl.DataFrame:
    """Of which kind the devices of a spot are, where they are of one, until others take their place: also `kind`."""
    reach = devices.group_by("spot", kind="accelerator").agg(pl.col("start").min(), pl.col("end").max())
    rows = reach.sort("spot", "start", "kind")
    mixed = (pl.col("end").cum_max().shift(1) > pl.col("start")).any().over("spot")
    start = pl.when(pl.col("start").shift(1).over("spot").is_null()).then(0).otherwise("start")
    end = pl.col("start").shift(-1).over("spot").fill_null(1 << 42)
    return rows.filter(~mixed.fill_null(False)).select("spot", "kind", start=start, end=end)


def _named_at(keys: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Devices by the stock that they are among: key, start, end, quantity_ppm."""
    devices = seen.select("cluster", "node", "pool", "accelerator", "quantity_ppm", start="start_ms", end="end_ms")
    by_node = devices.join(keys.filter(pl.col("node").is_not_null()), on=["cluster", "node", "accelerator"])
    by_pool = devices.join(keys.filter(pl.col("node").is_null()), on=["cluster", "pool", "accelerator"])
    return pl.concat([f.select("key", "start", "end", "quantity_ppm") for f in (by_node, by_pool)])
