"""The serving table: what engines counted, by hour, workload and model."""

from __future__ import annotations

import polars as pl

from accounting.core.partition import Partition
from accounting.core.rounding import to_seconds
from accounting.core.steps import HOUR
from accounting.schema import INSTANT
from accounting.tables import SERVING

_COUNTS = ("requests", "input_tokens", "output_tokens", "busy_ms")


def serving_table(p: Partition, owned: pl.DataFrame) -> pl.DataFrame:
    """`SERVING` without `publication`; `owned` are holdings with `workload_id` and `team`.

    What was counted belongs to the hour in which its interval ends, so that no count is divided.
    """
    grain = ["hour", "workload_id", "model", "engine"]
    hourly = (
        p.served.with_columns(hour=(pl.col("end_ms") - 1) // HOUR * HOUR)
        .group_by(grain)
        .agg(pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in _COUNTS)
    )
    last = owned.filter(pl.col("workload_id").is_not_null()).sort("start", "team", nulls_last=False)
    owners = last.unique("workload_id", keep="last", maintain_order=True).select("workload_id", "team")
    return (
        hourly.join(owners, on="workload_id", how="left")
        .sort(grain)
        .select(
            hour=pl.col("hour").cast(INSTANT),
            day=pl.col("hour").cast(pl.Datetime("ms")).dt.date(),
            cluster=pl.lit(p.cluster),
            workload_id="workload_id",
            team="team",
            model="model",
            engine="engine",
            requests="requests",
            input_tokens="input_tokens",
            output_tokens="output_tokens",
            busy_seconds=to_seconds(pl.col("busy_ms")),
        )
        .select(c for c in SERVING.names if c != "publication")
    )
