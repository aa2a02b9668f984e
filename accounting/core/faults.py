"""What did not fit: counted by day, pool and kind, never dropped."""

from __future__ import annotations

import polars as pl

from accounting.core.activity import Activity
from accounting.core.measure import CODE
from accounting.core.occupancy import Occupancy
from accounting.core.partition import Partition
from accounting.core.places import Site
from accounting.core.rounding import MS_PER_HOUR, half_even, to_money, to_seconds
from accounting.core.rows import NOBODY
from accounting.core.steps import DAY, PPM, cut, daily, overlap
from accounting.core.ticks import Ticks
from accounting.tables import FAULTS

_COLUMNS = {"day": pl.Int64, "fault": pl.String, "pool": pl.Int64, "workloads": pl.Int64, "ms": pl.Int64, "cost": pl.Int64}
KINDS: dict[str, str] = {
    "over_allocated": "More was held in a pool than its capacity; capacity was raised for those instants.",
    "no_matching_capacity": "The pool has capacity, but of other accelerators; booked as allocated capacity.",
    "unallocated_use": "A device was busy though nobody held it.",
    "conflicting_samples": "Two samples of one device and start; the larger busy counts.",
    "spread_without_weights": "A policy spreads this cost, but no team held or used anything; the platform bears it.",
}


def faults_table(
    p: Partition, site: Site, places: pl.DataFrame, occupancy: Occupancy, holdings: pl.DataFrame, ticks: Ticks,
    rows: pl.DataFrame, activity: Activity | None, orphaned: pl.DataFrame,
) -> pl.DataFrame:  # fmt: skip
    """`FAULTS` without `publication`."""
    stated = dict(site.pools.select("pool", "stated").iter_rows())
    pooled = rows.with_columns(pool=places["pool"].gather(rows["place"]), day=pl.col("hour") // DAY)
    found = [
        _over_allocated(occupancy, places, holdings, ticks, [k for k, v in stated.items() if v == "stated"]),
        _by_pool(pooled.filter(pl.col("pool").is_in([k for k, v in stated.items() if v == "mismatch"])), "no_matching_capacity", "ident"),
        _by_pool(pooled.filter((pl.col("ident") == NOBODY) & (pl.col("state") == CODE["allocated_active"])), "unallocated_use", "place"),
        _conflicts(p, activity),
        orphaned.group_by("day", "pool").agg(
            fault=pl.lit("spread_without_weights").first(), workloads=pl.len().cast(pl.Int64), ms=pl.col("ms").sum(), cost=pl.col("cost").sum()
        ).select(*_COLUMNS),
    ]  # fmt: skip
    named = pl.concat([f for f in found if f.height] or [pl.DataFrame(schema=_COLUMNS)])
    return (
        named.join(site.pools.select("pool", "name", "accelerator"), on="pool", how="left")
        .with_columns(
            day=pl.col("day").cast(pl.Int32).cast(pl.Date),
            cluster=pl.lit(p.cluster),
            pool="name",
            device_seconds=to_seconds(pl.col("ms")),
            cost=to_money(pl.col("cost")),
        )
        .select(c for c in FAULTS.names if c != "publication")
        .sort("day", "fault", "pool", "accelerator", nulls_last=True)
    )


def _over_allocated(occupancy: Occupancy, places: pl.DataFrame, holdings: pl.DataFrame, ticks: Ticks, stated: list[int]) -> pl.DataFrame:
    of_pool = places.filter(pl.col("pool").is_in(stated)).select("place", "pool")
    excess = occupancy.excess.join(of_pool, on="place")
    if not excess.height:
        return pl.DataFrame(schema=_COLUMNS)
    prices = ticks.lots.group_by("tick", maintain_order=True).agg(pl.col("price").first())
    nano = pl.Series([b.nano for b in ticks.book], dtype=pl.Int64)
    pieces = cut(excess, "place", ticks.table["key"]).join(prices, on="tick", how="left")
    ms = half_even((pl.col("quantity") * (pl.col("end") - pl.col("start"))).sum(), PPM)
    sums = pieces.group_by(pl.col("start") // DAY, "pool", "price").agg(ms=ms).rename({"start": "day"})
    costs = sums.with_columns(nano=nano.gather(sums["price"]) if ticks.book else pl.lit(None, pl.Int64)).with_columns(
        cost=half_even(pl.col("nano").cast(pl.Int128) * pl.col("ms"), MS_PER_HOUR).cast(pl.Int64)
    )
    days = daily(holdings.join(of_pool.select("place"), on="place", how="semi"))
    touched = days.filter(overlap(days, "place", occupancy.excess.sort("place", "start")) > 0)
    counts = touched.group_by("day", "pool").agg(workloads=pl.struct("workload_id", "ident").n_unique().cast(pl.Int64))
    return (
        costs.group_by("day", "pool").agg(pl.col("ms").sum(), cost=pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()))
        .join(counts, on=["day", "pool"], how="left")
        .select("day", pl.lit("over_allocated").alias("fault"), "pool", pl.col("workloads").fill_null(0), "ms", "cost")
    )  # fmt: skip


def _by_pool(rows: pl.DataFrame, fault: str, counted: str) -> pl.DataFrame:
    return (
        rows.group_by("day", "pool")
        .agg(
            workloads=pl.col(counted).n_unique().cast(pl.Int64),
            ms=pl.col("ms").sum(),
            cost=pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()),
        )
        .select("day", pl.lit(fault).alias("fault"), "pool", "workloads", "ms", "cost")
    )


def _conflicts(p: Partition, activity: Activity | None) -> pl.DataFrame:
    if activity is None:
        return pl.DataFrame(schema=_COLUMNS)
    inside = activity.conflicts.filter(pl.col("day").is_between(p.start // DAY, p.end // DAY, closed="left"))
    none = pl.lit(None, pl.Int64)
    return inside.select(
        "day", pl.lit("conflicting_samples").alias("fault"), none.alias("pool"), pl.col("samples").alias("workloads"), none.alias("ms"), none.alias("cost")
    )
