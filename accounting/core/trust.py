"""One truth at an instant: of several sources that tell of one subject, the most trusted one counts."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.observed import intervals, one_per_start, without
from accounting.core.steps import daily, key_of, merge, ms_of, packed
from accounting.policy import Policy

APART_PPM = 100_000
"""Two sources disagree if they are further apart than this, on average over the time of which both tell."""


@dataclass(frozen=True, slots=True)
class Settled:
    """`rows` are `observed.intervals`, disjoint over all sources.

    By day (day, samples): `conflicts`, what lost to another sample of its own source and start; `disagreements`, what
    said something else than a more trusted source.
    """

    rows: pl.DataFrame
    conflicts: pl.DataFrame
    disagreements: pl.DataFrame


def settled(samples: pl.DataFrame, policies: tuple[Policy, ...]) -> Settled:
    """The samples (key, measures, rank) of all sources as one; each source's ends are its own."""
    ranks = samples["rank"].unique().sort()
    sources = [samples.filter(pl.col("rank") == rank).drop("rank") for rank in ranks]
    best, lost = _source(sources[0], policies)
    conflicts, disagreements = [lost], [lost.clear()]
    for rows in sources[1:]:
        worse, lost = _source(rows, policies)
        conflicts.append(lost)
        disagreements.append(_disagreeing(worse, best))
        best = pl.concat([best, without(worse, _covered(best))]).sort("key")
    return Settled(best, _by_day(conflicts), _by_day(disagreements))


def _source(samples: pl.DataFrame, policies: tuple[Policy, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    kept, lost = one_per_start(samples)
    return intervals(kept, policies), lost


def _by_day(counts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(counts).group_by("day").agg(pl.col("samples").sum())


def _spans(samples: pl.DataFrame) -> pl.DataFrame:
    start = ms_of("key")
    return samples.select("level", subject=key_of("key"), start=start, end=start + pl.col("length"))


def _covered(samples: pl.DataFrame) -> pl.DataFrame:
    return merge(_spans(samples), "subject").rename({"key": "subject"})


def _disagreeing(worse: pl.DataFrame, best: pl.DataFrame) -> pl.DataFrame:
    """By day the samples of `worse` that are off on it; a day of its own, so that no other day has a say."""
    if not best.height:
        return pl.DataFrame(schema={"day": pl.Int64, "samples": pl.Int64})
    days = daily(_spans(worse))
    told = _until(best, days, "end") - _until(best, days, "start")
    off = (told["busy"] - days["level"] * told["time"]).abs() > told["time"] * APART_PPM
    return days.filter(off).group_by("day").agg(samples=pl.len().cast(pl.Int64))


def _until(samples: pl.DataFrame, spans: pl.DataFrame, edge: str) -> pl.DataFrame:
    """Up to an edge of each span: the time that the samples tell of (ms), and how busy it was (ppm·ms)."""
    busy = pl.col("level") * pl.col("length")
    sums = samples.select("key", "level", "length", time=pl.col("length").cum_sum(), busy=busy.cum_sum())
    at = spans.select(packed("subject", edge)).to_series()
    row = samples["key"].search_sorted(at, side="right").cast(pl.Int64) - 1
    here = sums[row.clip(0)].with_columns(after=at, none=row < 0)
    rest = (pl.col("length") - (pl.col("after") - pl.col("key"))).clip(0)
    return here.select(
        time=pl.when("none").then(0).otherwise(pl.col("time") - rest),
        busy=pl.when("none").then(0).otherwise(pl.col("busy") - pl.col("level") * rest),
    )
