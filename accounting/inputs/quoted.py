"""Quotas of queues and what they used: of all that is told of one instant, what counts."""

from __future__ import annotations

import polars as pl

from accounting.agent_tables import AGENT_QUOTAS
from accounting.core.partition import QUOTAS
from accounting.core.steps import cut, packed
from accounting.inputs.counts import rank
from accounting.stores.lake import Lake

_KEY = ["queue", "flavor", "accelerator"]
_LEVEL = {"rank": False, "nominal_ppm": True, "used_ppm": True, "cohort": False}
"""What a row says, and whether more goes before less."""


def told(lake: Lake) -> pl.LazyFrame:
    """`AGENT_QUOTAS` as they came, and `rank`."""
    return lake.scan_input(AGENT_QUOTAS.name).with_columns(rank=rank())


def levels(rows: pl.DataFrame) -> pl.DataFrame:
    """QUOTAS of rows of one cluster (with `rank`), which may overlap; adjacent equal ones are one, in order.

    At each instant of a queue, flavor and accelerator the most trusted source counts; where one source says several
    things, the greatest quota, of equal quotas the greatest use, then the first cohort, any before none.
    """
    keys = rows.select(_KEY).unique().sort(_KEY).with_row_index("key").cast({"key": pl.Int64})
    said = rows.select(*_LEVEL).unique().sort(*_LEVEL, descending=list(_LEVEL.values()), nulls_last=True)
    turns = said.with_row_index("turn").cast({"turn": pl.Int64})
    coded = (
        rows.join(keys, on=_KEY)
        .join(turns, on=list(_LEVEL), nulls_equal=True)
        .select("key", "turn", start="start_ms", end="until_ms")
        .unique()
    )
    edges = pl.concat([coded.select(at=packed("key", edge)) for edge in ("start", "end")])["at"].unique().sort()
    best = cut(coded, "key", edges).group_by("key", "start").agg(pl.col("turn").min(), pl.col("end").first())
    found = _joined(best).join(keys, on="key").join(turns, on="turn")
    return found.select(list(QUOTAS)).sort(*_KEY, "start_ms")


def _joined(pieces: pl.DataFrame) -> pl.DataFrame:
    """Disjoint pieces, those that touch and say the same as one."""
    ordered = pieces.sort("key", "start")
    same = (pl.col(name) == pl.col(name).shift() for name in ("key", "turn"))
    on = pl.all_horizontal(*same, pl.col("start") == pl.col("end").shift()).fill_null(False)
    return (
        ordered.group_by((~on).cum_sum().alias("_run"), maintain_order=True)
        .agg(pl.col("key", "turn").first(), start_ms=pl.col("start").first(), end_ms=pl.col("end").last())
        .drop("_run")
    )
