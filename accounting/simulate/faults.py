"""The true faults: what an accounting of the company must find not to fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from accounting.simulate.company import HOUR, PPM
from accounting.simulate.truth import POOLED, levels
from accounting.simulate.world import STRAY, World


@dataclass(frozen=True, slots=True)
class Wrong:
    """How many samples contradict one of their own source or say something else than agents do; batches lost.

    `disputed`: hours of devices of which another collector names another holder than agents do.
    """

    contradictions: int = 0
    disagreements: int = 0
    lost: int = 0
    disputed: float = 0


def faults(world: World, usage: pl.DataFrame, wrong: Wrong, spread_from: date) -> pl.DataFrame:
    """`fault, count, hours` of every kind; `hours` is NULL where samples or batches are counted, else `count` is.

    `usage` is the true hourly usage, and from `spread_from` on the company's policy spreads what nobody held over
    those who held something in the pool that day.
    """
    unheld = pl.col("workload_id").is_null()
    hours = {
        "over_allocated": _over_allocated(world),
        "no_matching_capacity": _hours(usage.filter(pl.col("accelerator") == STRAY)),
        "disagreeing_holders": wrong.disputed,
        "unallocated_use": _hours(usage.filter(unheld & (pl.col("state") == "allocated_active"))),
        "spread_without_weights": _hours(_unborne(usage.filter(pl.col("day") >= spread_from))),
    }
    counts = {
        "conflicting_samples": wrong.contradictions,
        "disagreeing_samples": wrong.disagreements,
        "missing_batches": wrong.lost,
    }
    rows = [
        *((name, count, None) for name, count in counts.items()),
        *((name, None, value) for name, value in hours.items()),
    ]
    schema = {"fault": pl.String, "count": pl.Int64, "hours": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("fault")


def _over_allocated(world: World) -> float:
    """Hours by which what was held of pools exceeds what the inventory states; on a device, holders share it."""
    over = levels(world).filter((pl.col("place") >= POOLED) & (pl.col("held") > pl.col("there")))
    spent = (pl.col("held") - pl.col("there")).cast(pl.Int128) * (pl.col("end") - pl.col("start"))
    return float(over.select(spent.sum()).item()) / PPM / HOUR


def _unborne(usage: pl.DataFrame) -> pl.DataFrame:
    """What nobody held in a pool on a day on which nobody held anything there; what is broken is not spread."""
    day = ["cluster", "pool", "accelerator", "day"]
    held = usage.filter(pl.col("state").str.starts_with("allocated_")).select(day).unique()
    return usage.filter(pl.col("state") != "unhealthy").join(held, on=day, how="anti")


def _hours(rows: pl.DataFrame) -> float:
    return float(rows["device_seconds"].sum() or 0) / 3600
