"""Accelerators that were counted, beside those that are known by name: how many more, and in which condition."""

from __future__ import annotations

import polars as pl

from accounting.core.partition import DEVICE_SPANS
from accounting.core.steps import edges, sweep
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
    kinds = seen.filter(pl.col("node").is_not_null()).group_by("cluster", "node").agg(pl.col("accelerator").unique())
    sole = kinds.filter(pl.col("accelerator").list.len() == 1).select(
        "cluster", "node", kind=pl.col("accelerator").list.first()
    )
    counted = pl.col("accelerator").n_unique().over("cluster", "node")
    both = stock.with_columns(kinds=counted).join(sole, on=["cluster", "node"], how="left", maintain_order="left")
    name = pl.when(pl.col("kinds") == 1).then(pl.coalesce("kind", "accelerator")).otherwise("accelerator")
    return both.with_columns(accelerator=name).select(stock.columns)


def _named_at(keys: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Devices by the stock that they are among: key, start, end, quantity_ppm."""
    devices = seen.select("cluster", "node", "pool", "accelerator", "quantity_ppm", start="start_ms", end="end_ms")
    by_node = devices.join(keys.filter(pl.col("node").is_not_null()), on=["cluster", "node", "accelerator"])
    by_pool = devices.join(keys.filter(pl.col("node").is_null()), on=["cluster", "pool", "accelerator"])
    return pl.concat([f.select("key", "start", "end", "quantity_ppm") for f in (by_node, by_pool)])
