"""The rows of an input that count: of the live imports, after replacement by key."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from accounting.inputs import invoice, prices, teams
from accounting.inputs.capacity import CAPACITY_KEY, KEYED
from accounting.inputs.jobs import JOB_KEY
from accounting.stores.lake import Lake
from accounting.tables import INPUTS

_HASH, _NEWEST = "_hash", "_newest"


def effective(lake: Lake, kind: str, aliases: Mapping[str, str] | None = None) -> pl.LazyFrame:
    """Rows of `INPUTS[kind]` that count; a job or capacity row of a later import replaces one with the same key.

    Prices have the accelerators' own names (`aliases`: the project's), because a price ends where the next begins.
    """
    rows = lake.scan_input(kind)
    several = sum(i.kind == kind for i in lake.imports(live_only=True)) > 1
    if kind == "jobs":
        rows = _begun(_newest(rows, JOB_KEY, pl.col("workload_id").is_not_null())) if several else rows
    elif kind == "capacity":
        rows = _successive(_newest(rows, CAPACITY_KEY, KEYED) if several else rows)
    elif kind == "invoice":
        rows = _newest(rows, invoice.KEY, pl.col("export_time_ms").is_not_null()) if several else rows
    elif kind == "prices":
        rows = prices.trimmed(prices.canonical(rows.collect(), aliases or {})).lazy()
    elif kind == "teams":
        rows = teams.distinct(rows.collect()).lazy()
    return rows.select(INPUTS[kind].names)


def _newest(rows: pl.LazyFrame, key: tuple[str, ...], keyed: pl.Expr) -> pl.LazyFrame:
    """Of the keyed rows, those of the latest import that has their key; the few keys that repeat are found by hash."""
    seq = pl.col("import_seq")
    hashed = rows.with_columns(pl.when(keyed).then(pl.struct(key).hash(seed=0)).alias(_HASH))
    repeated = (
        hashed.filter(pl.col(_HASH).is_not_null())
        .group_by(_HASH)
        .agg(seq.min().alias("_first"), seq.max().alias("_last"))
        .filter(pl.col("_first") < pl.col("_last"))
        .select(_HASH)
    )
    newest = hashed.join(repeated, on=_HASH, how="semi").group_by(key).agg(seq.max().alias(_NEWEST))
    joined = hashed.join(newest, on=key, how="left", nulls_equal=True)
    unkeyed = pl.col(_HASH).is_null()
    return joined.filter(unkeyed | pl.col(_NEWEST).is_null() | (seq == pl.col(_NEWEST)))


def _begun(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Without the rows of jobs that waited in one export and had started in a later one."""
    job = ("cluster", "workload_id")
    waiting = rows.filter(pl.col("workload_id").is_not_null() & pl.col("start_ms").is_null())
    started = rows.filter(pl.col("start_ms").is_not_null()).select(*job, started="import_seq")
    begun = waiting.join(started, on=job).filter(pl.col("started") > pl.col("import_seq"))
    return rows.join(begun.select("import_seq", "row"), on=["import_seq", "row"], how="anti")


def _successive(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of keyed rows of one device that overlap, the later start cuts the earlier; of one start the later stays."""
    by_device = pl.col("device_id").is_not_null()
    place = ("cluster", "pool", "node", "accelerator")
    group = ["device_id", *(pl.when(~by_device).then(pl.col(c)).alias(f"_{c}") for c in place)]
    start = pl.col("start_ms")
    keyed = rows.filter(KEYED).sort("start_ms", "import_seq", "row", nulls_last=False)
    following = keyed.with_columns(start.shift(-1).over(group).alias("_next"))
    cut = following.with_columns(pl.min_horizontal("end_ms", "_next").alias("_end")).filter(
        pl.col("_next").is_null()
        | (pl.col("_end") > start).fill_null(True)
        | (pl.col("end_ms") == start).fill_null(False)
    )
    return pl.concat(
        [
            rows.filter(KEYED.not_()),
            cut.with_columns(pl.col("_end").alias("end_ms")).select(rows.collect_schema().names()),
        ]
    )
