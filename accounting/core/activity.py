"""What devices and workloads did: samples as prefix sums that tell, for any interval, the time idle, active and busy.

A sample covers exactly its interval; runs of zero samples are idle in whole once they are long enough; all else is
unobserved. Nothing is interpolated across a gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.steps import DAY, SHIFT, ms_of, packed
from accounting.policy import Policy

MEASURES = ("idle", "active", "busy_idle", "busy_active", "energy_idle", "energy_active")


@dataclass(frozen=True, slots=True)
class Activity:
    """`timeline` is sorted by packed subject and start; `devices` and `workloads` map names to subjects.

    `device_days` lists (subject, UTC day) with any device sample; `conflicts` the samples that lost to another of the
    same start, by day.
    """

    timeline: pl.DataFrame
    devices: pl.DataFrame
    workloads: pl.DataFrame
    device_days: pl.DataFrame
    conflicts: pl.DataFrame

    def over(self, intervals: pl.DataFrame, subject: str = "subject") -> pl.DataFrame:
        """For each interval of a subject: milliseconds idle and active, and busy (ppm·ms) and energy (mJ) in each.

        Intervals without a subject (NULL) are unobserved: zeros.
        """
        before = self._until(intervals.select(packed(subject, "start")).to_series())
        after = self._until(intervals.select(packed(subject, "end")).to_series())
        return after.select((pl.col(m) - before[m]).fill_null(0) for m in MEASURES)

    def _until(self, at: pl.Series) -> pl.DataFrame:
        known = at.fill_null(-1)
        row = self.timeline["key"].search_sorted(known, side="right").cast(pl.Int64) - 1
        here = (
            self.timeline[row.clip(0)]
            .with_columns(_at=known, before_all=row < 0)
            .with_columns(part=pl.min_horizontal(pl.col("_at") - pl.col("key"), "length"))
        )
        return here.select(
            pl.when(pl.col("before_all"))
            .then(0)
            .otherwise(
                pl.col(f"sum_{m}") + (pl.col(m).cast(pl.Int128) * pl.col("part") // pl.col("length")).cast(pl.Int64)
            )
            .alias(m)
            for m in MEASURES
        )


def observe(samples: pl.DataFrame, policies: tuple[Policy, ...]) -> Activity | None:
    """The activity that `input_samples` rows tell of; None without samples that tell anything."""
    told = samples.with_columns(level=pl.coalesce("busy_ppm", "sm_active_ppm", "tensor_active_ppm")).filter(
        pl.col("level").is_not_null()
    )
    if not told.height:
        return None
    devices = _subjects(told, "device_id", 0)
    workloads = _subjects(told.filter(pl.col("device_id").is_null()), "workload_id", devices.height)
    keyed = (
        told.join(devices, on="device_id", how="left")
        .join(workloads.rename({"subject": "_w"}), on="workload_id", how="left")
        .with_columns(subject=pl.coalesce("subject", "_w"))
    )
    kept, conflicts = _one_per_start(keyed)
    timeline = _prefix(_runs(_levels(_bounded(_ruled(kept, policies)))))
    days = timeline.filter(pl.col("key") < devices.height << SHIFT).select(
        subject=pl.col("key") // (1 << SHIFT),
        first=ms_of("key") // DAY,
        last=(ms_of("key") + pl.col("length") - 1) // DAY,
    )
    device_days = (
        days.with_columns(day=pl.int_ranges("first", pl.col("last") + 1))
        .explode("day")
        .select("subject", "day")
        .unique()
    )
    return Activity(timeline, devices, workloads, device_days, conflicts)


def _subjects(samples: pl.DataFrame, column: str, offset: int) -> pl.DataFrame:
    names = samples.select(column).drop_nulls().unique().sort(column)
    return names.with_columns(subject=pl.int_range(offset, offset + pl.len(), dtype=pl.Int64))


def _one_per_start(samples: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    measures = ["end_ms", "level", "sm_active_ppm", "tensor_active_ppm", "power_mw", "energy_mj"]
    once = samples.select("subject", "start_ms", *measures).unique()
    kept = once.sort(
        "subject", "start_ms", *measures, descending=[False, False] + [True] * len(measures), nulls_last=True
    ).unique(["subject", "start_ms"], keep="first", maintain_order=True)
    lost = once.group_by("subject", "start_ms").len().filter(pl.col("len") > 1)
    conflicts = lost.group_by(day=pl.col("start_ms") // DAY).agg(samples=(pl.col("len") - 1).sum().cast(pl.Int64))
    return kept, conflicts


def _ruled(samples: pl.DataFrame, policies: tuple[Policy, ...]) -> pl.DataFrame:
    """The policy in force at each sample's start."""
    rules = pl.DataFrame(
        {
            "from": [-(1 << 62) if p.start_ms is None else p.start_ms for p in policies],
            "active_above": [p.active_above_ppm for p in policies],
            "idle_after": [p.idle_after_ms for p in policies],
            "hold": pl.Series([p.hold_ms for p in policies], dtype=pl.Int64),
        }
    )
    return samples.sort("start_ms").join_asof(rules, left_on="start_ms", right_on="from").sort("subject", "start_ms")


def _bounded(samples: pl.DataFrame) -> pl.DataFrame:
    """Ends: as said, else held to the next sample at most `hold`; a later start cuts the earlier sample."""
    following = pl.col("start_ms").shift(-1).over("subject")
    step = (following - pl.col("start_ms")).median().over("subject", pl.col("start_ms") // DAY).floor().cast(pl.Int64)
    held = pl.col("start_ms") + pl.coalesce("hold", step * 2)
    end = pl.min_horizontal(pl.coalesce("end_ms", pl.min_horizontal(held, following)), following)
    return samples.with_columns(end=end).filter(pl.col("end") > pl.col("start_ms"))


def _levels(samples: pl.DataFrame) -> pl.DataFrame:
    """Active or not, and energy in millijoules: as said (and cut with its sample), else power × time."""
    length = pl.col("end") - pl.col("start_ms")
    said = (pl.col("energy_mj").cast(pl.Int128) * length // (pl.coalesce("end_ms", "end") - pl.col("start_ms"))).cast(
        pl.Int64
    )
    more = (pl.col("sm_active_ppm").fill_null(0) > 0) | (pl.col("tensor_active_ppm").fill_null(0) > 0)
    return samples.select(
        "subject",
        "level",
        "idle_after",
        start=pl.col("start_ms"),
        length=length,
        joules=pl.coalesce(said, pl.col("power_mw") * length // 1000, pl.lit(0)),
        active=(pl.col("level") > pl.col("active_above")) | more,
    )


def _runs(samples: pl.DataFrame) -> pl.DataFrame:
    """A run of consecutive zero samples is idle in whole once it is long enough; else it is active."""
    breaks = (
        (pl.col("subject") != pl.col("subject").shift())
        | (pl.col("start") != pl.col("start").shift() + pl.col("length").shift())
        | (pl.col("active") != pl.col("active").shift())
    ).fill_null(True)
    run = samples.with_columns(run=breaks.cum_sum())
    return run.with_columns(idle=~pl.col("active") & (pl.col("length").sum().over("run") >= pl.col("idle_after")))


def _prefix(samples: pl.DataFrame) -> pl.DataFrame:
    busy = pl.col("level") * pl.col("length")
    zero = pl.lit(0, pl.Int64)
    split = samples.select(
        key=packed("subject", "start"),
        length="length",
        idle=pl.when("idle").then("length").otherwise(zero),
        active=pl.when("idle").then(zero).otherwise("length"),
        busy_idle=pl.when("idle").then(busy).otherwise(zero),
        busy_active=pl.when("idle").then(zero).otherwise(busy),
        energy_idle=pl.when("idle").then("joules").otherwise(zero),
        energy_active=pl.when("idle").then(zero).otherwise("joules"),
    )
    return split.with_columns((pl.col(m).cum_sum() - pl.col(m)).alias(f"sum_{m}") for m in MEASURES)
