"""What did not fit: counted by day, pool and kind, never dropped."""

from __future__ import annotations

import polars as pl

from accounting.core.activity import Activity
from accounting.core.measure import CODE
from accounting.core.occupancy import Occupancy
from accounting.core.partition import Partition
from accounting.core.rounding import MS_PER_HOUR, half_even, to_money, to_seconds
from accounting.core.rows import NOBODY
from accounting.core.setting import Setting
from accounting.core.steps import DAY, PPM, cut, daily, overlap
from accounting.tables import FAULTS

_COLUMNS = {
    "day": pl.Int64,
    "fault": pl.String,
    "pool": pl.Int64,
    "workloads": pl.Int64,
    "ms": pl.Int64,
    "cost": pl.Int64,
}
KINDS: dict[str, str] = {
    "over_allocated": "More was held in a pool than its capacity; capacity was raised for those instants.",
    "no_matching_capacity": "The pool has capacity, but of other accelerators; booked as allocated capacity.",
    "unallocated_use": "A device was busy though nobody held it.",
    "conflicting_samples": "Two samples of one device, source and start; the larger busy counts.",
    "disagreeing_samples": "Samples more than 10 points off what a more trusted source tells of the same time.",
    "disagreeing_holders": "Devices of which collectors name different holders; the most trusted one counts.",
    "missing_batches": "Batches that an agent wrote have not come; what they tell is unknown until they do.",
    "spread_without_weights": "A policy spreads this cost, but no team held or used anything; the platform bears it.",
}


def faults_table(
    setting: Setting,
    occupancy: Occupancy,
    holdings: pl.DataFrame,
    rows: pl.DataFrame,
    activity: Activity | None,
    orphaned: pl.DataFrame,
) -> pl.DataFrame:
    """`FAULTS` without `publication`."""
    pooled = rows.with_columns(pool=setting.places["pool"].gather(rows["place"]), day=pl.col("hour") // DAY)
    unmatched = pooled.filter(pl.col("pool").is_in(setting.pools("mismatch")))
    unheld = pooled.filter((pl.col("ident") == NOBODY) & (pl.col("state") == CODE["allocated_active"]))
    found = [
        _over_allocated(setting, occupancy, holdings),
        _by_pool(unmatched, "no_matching_capacity", pl.col("ident").n_unique()),
        _by_pool(unheld, "unallocated_use", pl.col("place").n_unique()),
        _by_pool(orphaned, "spread_without_weights", pl.len()),
        *_samples(setting.partition, activity),
        _missing(setting.partition),
        _disputed(setting.partition),
    ]
    named = pl.concat([f for f in found if f.height] or [pl.DataFrame(schema=_COLUMNS)])
    return (
        named.join(setting.site.pools.select("pool", "name", "accelerator"), on="pool", how="left")
        .with_columns(
            day=pl.col("day").cast(pl.Int32).cast(pl.Date),
            cluster=setting.cluster,
            pool="name",
            device_seconds=to_seconds(pl.col("ms")),
            cost=to_money(pl.col("cost")),
        )
        .select(c for c in FAULTS.names if c != "publication")
        .sort("day", "fault", "pool", "accelerator", nulls_last=True)
    )


def _over_allocated(setting: Setting, occupancy: Occupancy, holdings: pl.DataFrame) -> pl.DataFrame:
    of_pool = setting.places.filter(pl.col("pool").is_in(setting.pools("stated"))).select("place", "pool")
    excess = occupancy.excess.join(of_pool, on="place")
    if not excess.height:
        return pl.DataFrame(schema=_COLUMNS)
    prices = setting.ticks.lots.group_by("tick", maintain_order=True).agg(pl.col("price").first())
    pieces = cut(excess, "place", setting.ticks.table["key"]).join(prices, on="tick", how="left")
    ms = half_even((pl.col("quantity").cast(pl.Int128) * (pl.col("end") - pl.col("start"))).sum(), PPM).cast(pl.Int64)
    sums = pieces.group_by(pl.col("start") // DAY, "pool", "price").agg(ms=ms).rename({"start": "day"})
    cost = half_even(setting.nano(sums["price"]).cast(pl.Int128) * pl.col("ms"), MS_PER_HOUR)
    costs = sums.with_columns(cost=cost.cast(pl.Int64))
    totals = costs.group_by("day", "pool").agg(pl.col("ms").sum(), cost=_total("cost"))
    days = daily(holdings.join(of_pool.select("place"), on="place", how="semi"))
    touched = days.filter(overlap(days, "place", occupancy.excess.sort("place", "start")) > 0)
    counts = touched.group_by("day", "pool").agg(workloads=pl.struct("workload_id", "ident").n_unique().cast(pl.Int64))
    return totals.join(counts, on=["day", "pool"], how="left").select(
        "day", pl.lit("over_allocated").alias("fault"), "pool", pl.col("workloads").fill_null(0), "ms", "cost"
    )


def _by_pool(rows: pl.DataFrame, fault: str, count: pl.Expr) -> pl.DataFrame:
    sums = rows.group_by("day", "pool").agg(workloads=count.cast(pl.Int64), ms=pl.col("ms").sum(), cost=_total("cost"))
    return sums.select("day", pl.lit(fault).alias("fault"), "pool", "workloads", "ms", "cost")


def _total(column: str) -> pl.Expr:
    """A sum that is NULL where nothing was priced."""
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum())


def _samples(p: Partition, activity: Activity | None) -> list[pl.DataFrame]:
    if activity is None:
        return []
    found = activity.sources
    counts = (("conflicting_samples", found.conflicts), ("disagreeing_samples", found.disagreements))
    return [_counted(p, days, fault) for fault, days in counts]


def _missing(p: Partition) -> pl.DataFrame:
    days = p.gaps.group_by(day=pl.col("at_ms") // DAY).agg(samples=pl.col("batches").sum())
    return _counted(p, days, "missing_batches")


def _disputed(p: Partition) -> pl.DataFrame:
    """How many pieces, and how long they last."""
    days = p.disputes.group_by(day=pl.col("at_ms") // DAY).agg(samples=pl.len().cast(pl.Int64), ms=pl.col("ms").sum())
    return _counted(p, days.select("day", "samples"), "disagreeing_holders").with_columns(
        ms=days.filter(pl.col("day").is_between(p.start // DAY, p.end // DAY, closed="left"))["ms"]
    )


def _counted(p: Partition, days: pl.DataFrame, fault: str) -> pl.DataFrame:
    inside = days.filter(pl.col("day").is_between(p.start // DAY, p.end // DAY, closed="left"))
    none = pl.lit(None, pl.Int64)
    return inside.select(
        "day",
        pl.lit(fault).alias("fault"),
        none.alias("pool"),
        pl.col("samples").alias("workloads"),
        none.alias("ms"),
        none.alias("cost"),
    )
