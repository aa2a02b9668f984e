"""The quotas table: what queues could use, used and borrowed, by hour."""

from __future__ import annotations

import polars as pl

from accounting.core.partition import Partition
from accounting.core.rounding import half_even, to_seconds
from accounting.core.steps import HOUR, PPM, hourly
from accounting.schema import INSTANT
from accounting.tables import QUOTAS

_GRAIN = ["hour", "queue", "cohort", "flavor", "accelerator"]


def quotas_table(p: Partition) -> pl.DataFrame:
    """`QUOTAS` without `publication`. Borrowed is what is used above the nominal quota at each instant."""
    pieces = hourly(p.quotas.rename({"start_ms": "start", "end_ms": "end"}))
    used, nominal, length = pl.col("used_ppm"), pl.col("nominal_ppm"), pl.col("end") - pl.col("start")
    spent = {"quota": nominal, "used": used, "borrowed": (used - nominal).clip(0)}
    sums = pieces.group_by(_GRAIN).agg(**{name: (level * length).sum() for name, level in spent.items()})
    hour = pl.col("hour") * HOUR
    return (
        sums.sort(_GRAIN, nulls_last=True)
        .with_columns(
            hour=hour.cast(INSTANT),
            day=hour.cast(pl.Datetime("ms")).dt.date(),
            cluster=pl.lit(p.cluster),
            **{f"{name}_seconds": to_seconds(half_even(pl.col(name), PPM)) for name in spent},
        )
        .select(c for c in QUOTAS.names if c != "publication")
    )
