"""Why free accelerators are free: a waiting request fits, nothing fits, or nobody asks."""

from __future__ import annotations

import polars as pl

from accounting.core.steps import DAY, edges, label, merge, packed, sweep

COMMON = 20
"""A request size is typical for a pool and day if at least one in COMMON of its requests has it."""


def stated(free: pl.DataFrame, waiting: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    """What is known to be `free` (place, pool, start, end, …), cut where its state changes; adds `state`.

    `waiting`: pool, start, end, quantity. `sizes`: pool, day, least: the least typical request of that pool and day.
    """
    tight = sizes.filter(pl.col("least") > (free["quantity"].min() or 0))
    if not free.height or not (waiting.height or tight.height):
        return free.with_columns(state=pl.lit("unallocated_free"))
    total = sweep(edges(free, "pool", quantity="quantity")).rename({"key": "pool"}).filter(pl.col("quantity") > 0)
    states = _stranded(_queued(total, waiting), sizes)
    return label(free, "pool", states.select("pool", "start", "end", "state"), "state")


def typical(held: pl.DataFrame) -> pl.DataFrame:
    """The least typical request size by pool and UTC day number: pool, day, least.

    `held`: pool, workload_id, begun, node, observed, start, end, quantity. What a workload began at one time, on
    however many devices, is one request, told by device or as a whole: the larger. Of a workload's attempts and pieces
    of a day the largest counts, once.
    """
    days = held.with_columns(day=pl.int_ranges(pl.col("start") // DAY, (pl.col("end") - 1) // DAY + 1)).explode("day")
    nameless = days.filter(pl.col("workload_id").is_null()).select("pool", "day", "quantity")
    row = ("pool", "day", "workload_id", "begun", "node", "observed")
    rows = days.filter(pl.col("workload_id").is_not_null()).group_by(row).agg(pl.col("quantity").max())
    named = pl.col("observed").is_not_null()
    told = (pl.col("quantity").filter(which).sum().alias(f"told_{n}") for n, which in enumerate((named, ~named)))
    sums = rows.group_by("pool", "day", "workload_id", "begun").agg(told)
    attempts = sums.with_columns(quantity=pl.max_horizontal("told_0", "told_1"))
    requests = attempts.group_by("pool", "day", "workload_id").agg(pl.col("quantity").max())
    sizes = pl.concat([requests.select("pool", "day", "quantity"), nameless])
    counts = sizes.group_by("pool", "day", "quantity").agg(pl.len())
    common = counts.filter(pl.col("len") * COMMON >= pl.col("len").sum().over("pool", "day"))
    return common.group_by("pool", "day").agg(least=pl.col("quantity").min())


def _queued(total: pl.DataFrame, waiting: pl.DataFrame) -> pl.DataFrame:
    """For each pool's free quantity: is any request waiting that is not larger? One union of waits per request size."""
    sizes = (
        waiting.select("pool", "quantity")
        .unique()
        .sort("pool", "quantity")
        .with_row_index("size")
        .cast({"size": pl.Int64})
    )
    if not sizes.height:
        return total.with_columns(waits=pl.lit(None, pl.Boolean))
    fitting = total.with_columns(_at=packed("pool", "quantity")).sort("_at")
    keyed = sizes.with_columns(_at=packed("pool", "quantity")).sort("_at")
    largest = fitting.join_asof(keyed.select("_at", "size", of="pool"), on="_at").with_columns(
        size=pl.when(pl.col("of") == pl.col("pool")).then("size")
    )
    needed = largest.select("pool", "size").drop_nulls().unique().rename({"size": "largest"})
    covered = (
        waiting.join(sizes, on=["pool", "quantity"]).join(needed, on="pool").filter(pl.col("size") <= pl.col("largest"))
    )
    unions = merge(covered, "largest").rename({"key": "size"}).with_columns(waits=pl.lit(True))
    fits = label(largest.filter(pl.col("size").is_not_null()), "size", unions, "waits")
    rest = largest.filter(pl.col("size").is_null()).with_columns(waits=pl.lit(None, pl.Boolean))
    return pl.concat([fits, rest.select(fits.columns)])


def _stranded(segments: pl.DataFrame, sizes: pl.DataFrame) -> pl.DataFrame:
    first, last = pl.col("start") // DAY, (pl.col("end") - 1) // DAY
    daily = (
        segments.with_columns(day=pl.int_ranges(first, last + 1))
        .explode("day")
        .with_columns(
            start=pl.max_horizontal("start", pl.col("day") * DAY),
            end=pl.min_horizontal("end", (pl.col("day") + 1) * DAY),
        )
        .join(sizes, on=["pool", "day"], how="left")
    )
    return daily.with_columns(
        state=pl.when(pl.col("waits").fill_null(False))
        .then(pl.lit("unallocated_queued"))
        .when(pl.col("quantity") < pl.col("least"))
        .then(pl.lit("unallocated_stranded"))
        .otherwise(pl.lit("unallocated_free"))
    )
