"""Jobs as holdings: who held how much, from when to when, in the window; and who waited."""

from __future__ import annotations

import polars as pl

from accounting.core.ownership import own
from accounting.core.partition import AGENT, RANKS, Partition
from accounting.core.steps import PPM, label, merge

IDENTITY = ("workload_id", "team", "cost_center", "owner_status", "model", "purpose", "node", "sharing", "source")
"""What a holder's usage row says of it; two attempts that agree in all of it are one row."""

_SOURCES = {rank: source for source, rank in RANKS.items()}


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
            source=(-pl.col("import_seq")).replace_strict(_SOURCES, default="scheduler"),
        )
        .filter(pl.col("end") > pl.col("start"))
    )
    return own(once(jobs), p.teams)


def once(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `start`, `end`, less what several sources tell of one workload.

    While a row names a device, a row of the same workload that names none tells of the same time, and less; and while
    an agent tells that a workload holds a device, a job log's row of the same two tells nothing more.
    """
    return _of_one_device(_of_one_workload(rows))


def _of_one_device(rows: pl.DataFrame) -> pl.DataFrame:
    both = ("workload_id", "device_id")
    agent = rows["import_seq"] == AGENT if "import_seq" in rows.columns else pl.Series([False])
    if not agent.any():
        return rows
    codes = rows.filter(agent).select(both).drop_nulls().unique().sort(both).with_row_index("_code")
    coded = rows.join(codes.cast({"_code": pl.Int64}), on=both, how="left")
    mine, others = coded.filter(pl.col("import_seq") == AGENT), coded.filter(pl.col("import_seq") != AGENT)
    doubled = pl.col("_code").is_not_null()
    told = merge(mine.filter(doubled), "_code").rename({"key": "_code"}).with_columns(told=pl.lit(True))
    left = label(others.filter(doubled), "_code", told, "told").filter(pl.col("told").is_null())
    return pl.concat([f.select(rows.columns) for f in (mine, others.filter(~doubled), left)])


def _of_one_workload(rows: pl.DataFrame) -> pl.DataFrame:
    told, named = pl.col("workload_id").is_not_null(), pl.col("device_id").is_not_null()
    both = rows.filter(told).group_by("workload_id").agg(named=named.any(), unnamed=(~named).any())
    codes = both.filter(pl.col("named") & pl.col("unnamed")).select("workload_id").sort("workload_id")
    if not codes.height:
        return rows
    coded = rows.join(codes.with_row_index("_code").cast({"_code": pl.Int64}), on="workload_id", how="left")
    doubled = pl.col("_code").is_not_null()
    covered = merge(coded.filter(doubled & named), "_code").rename({"key": "_code"}).with_columns(covered=pl.lit(True))
    pieces = label(coded.filter(doubled & ~named), "_code", covered, "covered").filter(pl.col("covered").is_null())
    return pl.concat([coded.filter(~doubled | named).select(rows.columns), pieces.select(rows.columns)])


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
        "device_id",
        start=pl.max_horizontal("submitted_ms", pl.lit(p.start)),
        end=pl.min_horizontal(until, pl.lit(p.end)),
        quantity="quantity_ppm",
        together=pl.when(pl.col("workload_id").is_null()).then(pl.int_range(pl.len())),
    )
    waits = once(rows.filter(pl.col("end") > pl.col("start")))
    summed = waits.group_by("pool", "accelerator", "workload_id", "start", "end", "together").agg(
        pl.col("quantity").sum()
    )
    return summed.select("pool", "accelerator", "start", "end", "quantity")
