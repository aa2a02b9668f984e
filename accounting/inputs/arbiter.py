"""Who holds what, where several collectors tell: at every instant the most trusted one that can tell counts."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.partition import DISPUTES
from accounting.core.spans import apart
from accounting.core.steps import merge

APART_MS = 120_000
"""A disagreement about a holder that lasts longer is none of sampling: two minutes of a monitoring system."""

SAMPLE_MS = 60_000
"""Between two samples of a monitoring system."""

NO_DISPUTES = pl.DataFrame(schema={"cluster": pl.String, **DISPUTES})

_WHO = ["cluster", "workload_id"]


@dataclass(frozen=True, slots=True)
class Arbitrated:
    """`holdings` and `allocations` that count (`start_ms`, `until_ms`, …); `disputes` about holders."""

    holdings: pl.DataFrame
    allocations: pl.DataFrame
    disputes: pl.DataFrame


def arbitrate(
    holdings: pl.DataFrame, allocations: pl.DataFrame, logged: pl.DataFrame, records: pl.LazyFrame
) -> Arbitrated:
    """Cuts what a less trusted collector tells where a more trusted one tells, or watched and would have told.

    `holdings` name devices, `allocations` are counts; both have `rank`. `logged` are imported jobs: they go before
    counts, as a scheduler's log is what its counts become. `records` say when collectors watched devices.
    """
    several = holdings["rank"].n_unique() > 1
    if not several and not allocations.height:
        return Arbitrated(holdings, allocations, NO_DISPUTES)
    watched = _watched(holdings, records)
    held, disputes = _by_device(holdings, watched) if several else (holdings, NO_DISPUTES)
    return Arbitrated(held, _by_count(allocations, held, watched, logged), disputes)


def _watched(holdings: pl.DataFrame, records: pl.LazyFrame) -> pl.DataFrame:
    """When collectors that know of holders watched devices that are held: device_id, rank, start, end; may overlap."""
    knows = holdings.select("cluster", "rank").unique()
    devices = holdings.select("device_id").unique()
    seen = records.filter(pl.col("workload_id").is_null()).select(
        "cluster", "device_id", "rank", start="start_ms", end="end_ms"
    )
    told = seen.join(knows.lazy(), on=["cluster", "rank"], how="semi").join(devices.lazy(), on="device_id", how="semi")
    rows = told.drop("cluster").collect(engine="streaming")
    codes = rows.select("device_id", "rank").unique().sort("device_id", "rank").with_row_index("key")
    coded = rows.join(codes.cast({"key": pl.Int64}), on=["device_id", "rank"])
    return merge(coded, "key").join(codes.cast({"key": pl.Int64}), on="key").drop("key")


def _by_device(holdings: pl.DataFrame, watched: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    codes = holdings.select("device_id").unique().sort("device_id").with_row_index("code").cast({"code": pl.Int64})
    rows = holdings.rename({"start_ms": "start", "until_ms": "end"}).join(codes, on="device_id")
    spans = watched.join(codes, on="device_id").select("code", "rank", "start", "end")
    kept, disputed = rows.clear(), []
    for which in rows["rank"].unique().sort():
        better = pl.concat([spans.filter(pl.col("rank") < which), kept.select(spans.columns)])
        told = merge(better, "code").rename({"key": "code"})
        left, lost = apart(rows.filter(pl.col("rank") == which), "code", told)
        disputed.append(_denied(lost, kept))
        kept = pl.concat([kept, left.select(kept.columns)])
    back = kept.rename({"start": "start_ms", "end": "until_ms"}).select(holdings.columns)
    return back, pl.concat(disputed)


def _denied(lost: pl.DataFrame, kept: pl.DataFrame) -> pl.DataFrame:
    """What of the lost pieces the more trusted collectors say of another holder, or of none; long ones."""
    who = ["code", *_WHO]
    pairs = pl.concat([lost.select(who), kept.select(who)]).unique().sort(who).with_row_index("pair")
    pairs = pairs.cast({"pair": pl.Int64})
    same = merge(kept.join(pairs, on=who), "pair").rename({"key": "pair"})
    other, _ = apart(lost.join(pairs, on=who), "pair", same)
    length = pl.col("end") - pl.col("start")
    return other.filter(length >= APART_MS).select("cluster", at_ms="start", device_id="device_id", ms=length)


def _by_count(
    allocations: pl.DataFrame, holdings: pl.DataFrame, watched: pl.DataFrame, logged: pl.DataFrame
) -> pl.DataFrame:
    """Allocations less the time in which devices of their workload are known, a log has it, or a better count."""
    waits = allocations.filter(pl.col("start_ms").is_null())
    who = pl.concat([f.select(_WHO) for f in (allocations, holdings)]).unique().sort(_WHO).with_row_index("code")
    who = who.cast({"code": pl.Int64})
    rows = allocations.filter(pl.col("start_ms").is_not_null()).join(who, on=_WHO)
    rows = rows.with_columns(begun="start_ms", whole=pl.col("until_ms") - pl.col("start_ms"))
    rows = rows.rename({"start_ms": "start", "until_ms": "end"})
    named, log = _of_devices(holdings, who), _of_log(logged, who)
    around = _around_devices(holdings, watched, who)
    kept = rows.clear()
    for which in rows["rank"].unique().sort():
        told = pl.col("rank") <= which
        spans = pl.concat([named.filter(told).drop("rank"), kept.select("code", "start", "end")])
        left = _elsewhere(_without(rows.filter(pl.col("rank") == which), spans), around.filter(told))
        kept = pl.concat([kept, _without(left.filter(_says_more()), log).select(kept.columns)])
    back = kept.rename({"start": "start_ms", "end": "until_ms"})
    first = pl.when(pl.col("start_ms") == pl.col("begun")).then("submitted_ms")
    pieces = back.with_columns(submitted_ms=first).select(allocations.columns)
    return pl.concat([waits, _waited(rows, back, allocations.columns), pieces])


def _without(rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    left, _ = apart(rows, "code", merge(spans, "code").rename({"key": "code"}))
    return left


def _says_more() -> pl.Expr:
    """Counts are not sampled at the instants at which devices are: a little that is left of one says nothing."""
    length = pl.col("end") - pl.col("start")
    return (length == pl.col("whole")) | (length > SAMPLE_MS)


def _waited(rows: pl.DataFrame, kept: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """That they waited, of allocations whose beginning is not among what is kept."""
    unique = ["code", "rank", "submitted_ms", "begun"]
    begun = kept.filter(pl.col("start_ms") == pl.col("begun"))
    cut = rows.filter(pl.col("submitted_ms") < pl.col("begun")).join(begun, on=unique, how="anti")
    waits = cut.with_columns(start_ms=pl.lit(None, pl.Int64), until_ms="begun", closed=pl.lit(1, pl.Int64))
    return waits.select(columns)


def _of_devices(holdings: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    """When a workload held devices by name."""
    return holdings.join(who, on=_WHO).select("code", "rank", start="start_ms", end="until_ms")


def _around_devices(holdings: pl.DataFrame, watched: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    """When devices that a workload held at some time were watched: code, node, rank, start, end."""
    pairs = holdings.join(who, on=_WHO).select("code", "node", "rank", "device_id").unique()
    return pairs.join(watched, on=["device_id", "rank"]).select("code", "node", "rank", "start", "end")


def _elsewhere(rows: pl.DataFrame, around: pl.DataFrame) -> pl.DataFrame:
    """Rows less the time in which their workload's devices, at their node where they name one, were watched.

    A pod may go to another node under its name: what its former devices do says nothing of it any more.
    """
    spots = rows.select("code", "node").unique().sort("code", "node", nulls_last=True).with_row_index("spot")
    spots = spots.cast({"spot": pl.Int64})
    coded = rows.join(spots, on=["code", "node"], nulls_equal=True)
    both = around.rename({"node": "at"}).join(spots, on="code")
    here = both.filter(pl.col("node").is_null() | (pl.col("node") == pl.col("at")))
    left, _ = apart(coded, "spot", merge(here, "spot").rename({"key": "spot"}))
    return left.select(rows.columns)


def _of_log(logged: pl.DataFrame, who: pl.DataFrame) -> pl.DataFrame:
    until = pl.col("end_ms").fill_null(1 << 42)
    rows = logged.filter(pl.col("start_ms").is_not_null()).join(who, on=_WHO)
    return rows.select("code", start="start_ms", end=until)
