"""Jobs as holdings: who held how much, from when to when, in the window; and who waited."""

from __future__ import annotations

import polars as pl

from accounting.core.ownership import own
from accounting.core.partition import Partition
from accounting.core.steps import PPM

IDENTITY = ("workload_id", "team", "cost_center", "owner_status", "model", "purpose", "node", "sharing", "source")
"""What a holder's usage row says of it; two attempts that agree in all of it are one row."""


def held(p: Partition) -> pl.DataFrame:
    """Jobs with `start`, `end` clipped to the window and `quantity`, cut at changes of team; empty ones are gone."""
    end = pl.min_horizontal(pl.col("end_ms").fill_null(p.watermark), pl.lit(p.end))
    jobs = (
        p.jobs.filter(pl.col("start_ms").is_not_null() & (pl.col("quantity_ppm") > 0))
        .with_columns(
            start=pl.max_horizontal("start_ms", pl.lit(p.start)),
            end=end,
            quantity=pl.col("quantity_ppm"),
            sharing=pl.when(pl.col("quantity_ppm") % PPM == 0)
            .then(pl.lit("exclusive"))
            .otherwise(pl.lit("fractional")),
            source=pl.lit("scheduler"),
        )
        .filter(pl.col("end") > pl.col("start"))
    )
    return own(jobs, p.teams)


def identified(holdings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Holdings with `ident`, and the table of identities (`ident` is their rank in sort order)."""
    identities = (
        holdings.select(IDENTITY)
        .unique()
        .sort(IDENTITY, nulls_last=True)
        .with_row_index("ident")
        .cast({"ident": pl.Int64})
    )
    joined = holdings.join(identities, on=IDENTITY, how="left", nulls_equal=True, maintain_order="left")
    columns = ("ident", "pool", "device_id", "workload_id", "begun", "node", "start", "end", "quantity")
    return joined.rename({"start_ms": "begun"}).select(columns), identities


def waiting(p: Partition) -> pl.DataFrame:
    """Requests from submission to start (or end, or the watermark): `pool, accelerator, start, end, quantity`.

    Rows of one workload that were submitted and started together (one for each device) are one request.
    """
    until = pl.coalesce("start_ms", "end_ms", pl.lit(p.watermark))
    rows = p.jobs.filter(pl.col("submitted_ms").is_not_null() & (pl.col("quantity_ppm") > 0)).select(
        "pool",
        "accelerator",
        "workload_id",
        start=pl.max_horizontal("submitted_ms", pl.lit(p.start)),
        end=pl.min_horizontal(until, pl.lit(p.end)),
        quantity="quantity_ppm",
        together=pl.when(pl.col("workload_id").is_null()).then(pl.int_range(pl.len())),
    )
    waits = rows.filter(pl.col("end") > pl.col("start"))
    summed = waits.group_by("pool", "accelerator", "workload_id", "start", "end", "together").agg(
        pl.col("quantity").sum()
    )
    return summed.select("pool", "accelerator", "start", "end", "quantity")
