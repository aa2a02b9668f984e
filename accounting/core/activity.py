"""What devices and workloads did: samples as prefix sums that tell, for any interval, the time idle, active and busy.

A sample covers exactly its interval; runs of zero samples are idle in whole once they are long enough; all else is
unobserved. Nothing is interpolated across a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.observed import named, without
from accounting.core.parts import left_over
from accounting.core.spans import spans_by
from accounting.core.steps import key_of, merge, ms_of, packed
from accounting.core.trust import Settled, settled
from accounting.policy import Policy

MEASURES = ("idle", "active", "busy_idle", "busy_active", "energy_idle", "energy_active", "metered")


@dataclass(frozen=True, slots=True)
class Activity:
    """`timeline` is sorted by packed subject and start; `devices` and `workloads` map names to subjects.

    `parts` (device_id, workload_id, subject) are workloads' own parts of a device. `shared` (device_id, subject) is
    what holders without a part share: all of the device, or of the `parted` subjects what is left beside the parts.
    `sources` tells of the samples that did not count. `short` is the timeline of the zero samples alone whose runs are
    too short to be idle.
    """

    timeline: pl.DataFrame
    short: pl.DataFrame
    devices: pl.DataFrame
    workloads: pl.DataFrame
    parts: pl.DataFrame
    shared: pl.DataFrame
    parted: list[int]
    sources: Settled

    def over(self, intervals: pl.DataFrame, subject: str = "subject") -> pl.DataFrame:
        """For each interval of a subject: milliseconds idle and active, and busy (ppm·ms) and energy (mJ) in each.

        Intervals without a subject (NULL) are unobserved: zeros. Energy is NULL where no sample read it.
        """
        done = _between(self.timeline, intervals, subject)
        metered = pl.when(pl.col("metered") > 0)
        return done.with_columns(metered.then(m).alias(m) for m in MEASURES[4:6])

    def spans(self, subjects: pl.Series) -> pl.DataFrame:
        """When samples tell of these subjects: subject, start, end; touching ones are one."""
        told = self.timeline.select("length", subject=key_of("key"), start=ms_of("key")).filter(
            pl.col("subject").is_in(subjects.drop_nulls().unique().to_list())
        )
        return merge(told.with_columns(end=pl.col("start") + pl.col("length")), "subject").rename({"key": "subject"})

    def at_once(self, intervals: pl.DataFrame, subject: str = "subject") -> pl.DataFrame:
        """As `over`, but a zero sample is idle however short its run: what a device that nobody holds did."""
        done = self.over(intervals, subject)
        if not self.short.height:
            return done
        short = _between(self.short, intervals, subject)
        moved = [
            (pl.col(f"{m}idle") + short[f"{m}active"], pl.col(f"{m}active") - short[f"{m}active"])
            for m in ("", "busy_", "energy_")
        ]
        return done.with_columns(e for pair in moved for e in pair)


def _between(timeline: pl.DataFrame, intervals: pl.DataFrame, subject: str) -> pl.DataFrame:
    before = _until(timeline, intervals.select(packed(subject, "start")).to_series())
    after = _until(timeline, intervals.select(packed(subject, "end")).to_series())
    return after.select((pl.col(m) - before[m]).fill_null(0) for m in MEASURES)


def _until(timeline: pl.DataFrame, at: pl.Series) -> pl.DataFrame:
    if not timeline.height:
        return pl.select(pl.repeat(0, at.len(), dtype=pl.Int64).alias(m) for m in MEASURES)
    known = at.fill_null(-1)
    row = timeline["key"].search_sorted(known, side="right").cast(pl.Int64) - 1
    here = (
        timeline[row.clip(0)]
        .with_columns(_at=known, before_all=row < 0)
        .with_columns(part=pl.min_horizontal(pl.col("_at") - pl.col("key"), "length"))
    )
    return here.select(
        pl.when(pl.col("before_all"))
        .then(0)
        .otherwise(pl.col(f"sum_{m}") + (pl.col(m).cast(pl.Int128) * pl.col("part") // pl.col("length")).cast(pl.Int64))
        .alias(m)
        for m in MEASURES
    )


def observe(samples: pl.DataFrame, policies: tuple[Policy, ...], health: pl.DataFrame) -> Activity | None:
    """The activity that samples tell of; None without samples that tell anything.

    `health`: device_id, start_ms, end_ms: while a device cannot be used, its samples tell nothing.
    """
    told = named(samples)
    if not told.rows.height:
        return None
    sources = settled(told.rows, policies)
    devices = pl.concat([told.devices, told.parts.select("device_id", "subject")])
    runs = _runs(without(sources.rows, spans_by("subject", health, devices)))
    short = _prefix(runs.filter(~pl.col("active") & ~pl.col("idle")))
    rests = told.devices.clear()
    if told.parts.height and runs.height:
        left, rests = left_over(runs, told.devices, told.parts)
        runs = pl.concat([runs, left]).sort("key")
    shared = pl.concat([told.devices.join(rests, on="device_id", how="anti"), rests])
    parted = rests["subject"].to_list()
    return Activity(_prefix(runs), short, told.devices, told.workloads, told.parts, shared, parted, sources)


def _runs(samples: pl.DataFrame) -> pl.DataFrame:
    """A run of consecutive zero samples is idle in whole once it is long enough; else it is active."""
    follows = pl.col("key") == pl.col("key").shift() + pl.col("length").shift()
    breaks = ~(follows & (pl.col("active") == pl.col("active").shift())).fill_null(False)
    run = samples.with_columns(run=breaks.cum_sum())
    return run.with_columns(idle=~pl.col("active") & (pl.col("length").sum().over("run") >= pl.col("idle_after")))


def _prefix(samples: pl.DataFrame) -> pl.DataFrame:
    busy = pl.col("level") * pl.col("length")
    zero = pl.lit(0, pl.Int64)
    joules = pl.col("joules").fill_null(0)
    split = samples.select(
        "key",
        "length",
        idle=pl.when("idle").then("length").otherwise(zero),
        active=pl.when("idle").then(zero).otherwise("length"),
        busy_idle=pl.when("idle").then(busy).otherwise(zero),
        busy_active=pl.when("idle").then(zero).otherwise(busy),
        energy_idle=pl.when("idle").then(joules).otherwise(zero),
        energy_active=pl.when("idle").then(zero).otherwise(joules),
        metered=pl.when(pl.col("joules").is_not_null()).then("length").otherwise(zero),
    )
    return split.with_columns((pl.col(m).cum_sum() - pl.col(m)).alias(f"sum_{m}") for m in MEASURES)
