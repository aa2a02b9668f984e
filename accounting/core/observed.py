"""Samples as disjoint observed intervals: whose they are, which of one source's counts, how long each holds."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.spans import apart
from accounting.core.steps import DAY, key_of, ms_of, packed
from accounting.policy import Policy

MEASURES = ("level", "end_ms", "sm_active_ppm", "tensor_active_ppm", "power_mw", "energy_mj")
"""Of two samples with one start the greater counts, compared in this order: first of all the larger busy."""

LONGEST_HOLD = DAY // 2
"""A hold from the median step never grows beyond this: what a day's halo has room for."""


@dataclass(frozen=True, slots=True)
class Named:
    """Samples that tell anything: `key` (packed subject and start), MEASURES, rank; names of subjects by code."""

    rows: pl.DataFrame
    devices: pl.DataFrame
    workloads: pl.DataFrame
    parts: pl.DataFrame


def named(samples: pl.DataFrame) -> Named:
    """Subjects are devices, the workloads of samples that name no device, then parts; rows are sorted by key."""
    level = pl.coalesce("busy_ppm", "sm_active_ppm", "tensor_active_ppm")
    told = samples.with_columns(level=level).filter(pl.col("level").is_not_null())
    part, device = pl.col("part"), pl.col("device_id").is_not_null()
    devices = _subjects(told.filter(~part), ["device_id"], 0)
    workloads = _subjects(told.filter(~device), ["workload_id"], devices.height)
    parts = _subjects(told.filter(part), ["device_id", "workload_id"], devices.height + workloads.height)
    found = [(~part & device, devices), (~device, workloads), (part, parts)]
    rows = [_coded(told.filter(which), names) for which, names in found if names.height]
    return Named(pl.concat(rows or [_coded(told, devices)]).sort("key"), devices, workloads, parts)


def _subjects(samples: pl.DataFrame, columns: list[str], offset: int) -> pl.DataFrame:
    names = samples.select(columns).drop_nulls().unique().sort(columns)
    return names.with_columns(subject=pl.int_range(offset, offset + pl.len(), dtype=pl.Int64))


def _coded(samples: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in names.columns if name != "subject"]
    return samples.join(names, on=keys).select(packed("subject", "start_ms").alias("key"), *MEASURES, "rank")


def one_per_start(samples: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One sample per key, and by day how many different ones lost; equal ones are no conflict. Rows sorted by key."""
    same = pl.col("key") == pl.col("key").shift()
    doubled = samples.filter(same | same.shift(-1))
    if not doubled.height:
        return samples, pl.DataFrame(schema={"day": pl.Int64, "samples": pl.Int64})
    different = doubled.unique()
    best = different.sort("key", *MEASURES, descending=[False] + [True] * len(MEASURES), nulls_last=True)
    winners = best.unique("key", keep="first", maintain_order=True)
    lost = different.group_by("key").len().filter(pl.col("len") > 1)
    conflicts = lost.group_by(day=ms_of("key") // DAY).agg(samples=(pl.col("len") - 1).sum().cast(pl.Int64))
    single = samples.join(winners.select("key"), on="key", how="anti")
    return pl.concat([single, winners]).sort("key"), conflicts


def intervals(samples: pl.DataFrame, policies: tuple[Policy, ...]) -> pl.DataFrame:
    """`key, length, level, joules (mJ, NULL: not read), active, idle_after` of each sample, disjoint, sorted by key.

    A sample ends as it says, else it holds to the next one, at most `hold`; a later start cuts the earlier.
    """
    start, subject = ms_of("key"), key_of("key")
    ruled = samples.with_columns(_rules(policies)[_in_force(samples, policies)])
    following = pl.when(subject == subject.shift(-1)).then(start.shift(-1))
    held = ruled.with_columns(start=start, next=following).with_columns(
        step=_step().floor().cast(pl.Int64) if samples["end_ms"].null_count() else pl.lit(None, pl.Int64)
    )
    hold = pl.coalesce("hold", (pl.col("step") * 2).clip(upper_bound=LONGEST_HOLD))
    until = pl.coalesce("end_ms", pl.col("start") + hold)
    # Without an end and a step nothing tells how long it holds, and min_horizontal would take the next one's start.
    ended = held.with_columns(end=pl.when(until.is_not_null()).then(pl.min_horizontal(until, "next")))
    length = pl.col("end") - pl.col("start")
    said = pl.col("energy_mj").cast(pl.Int128) * length // (pl.coalesce("end_ms", "end") - pl.col("start"))
    busier = (pl.col("sm_active_ppm").fill_null(0) > 0) | (pl.col("tensor_active_ppm").fill_null(0) > 0)
    return ended.filter(length > 0).select(
        "key",
        "level",
        "idle_after",
        length=length,
        joules=pl.coalesce(said.cast(pl.Int64), pl.col("power_mw") * length // 1000),
        active=(pl.col("level") > pl.col("active_above")) | busier,
    )


def without(samples: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """The `intervals` of samples, less the disjoint `spans` (subject, start, end); energy goes with the time."""
    if not spans.height:
        return samples
    start = ms_of("key")
    whole = samples.with_columns(
        subject=key_of("key"), start=start, end=start + pl.col("length"), _since=start, _whole=pl.col("length")
    )
    left, _ = apart(whole, "subject", spans)
    joules = pl.col("joules").cast(pl.Int128)

    def until(edge: str) -> pl.Expr:
        return joules * (pl.col(edge) - pl.col("_since")) // pl.col("_whole")

    return (
        left.select(
            "level",
            "active",
            "idle_after",
            key=packed("subject", "start"),
            length=pl.col("end") - pl.col("start"),
            joules=(until("end") - until("start")).cast(pl.Int64),
        )
        .select(samples.columns)
        .sort("key")
    )


def _step() -> pl.Expr:
    """The median time between a day's samples; a sample that is alone on its day has the time to the next one.

    A day's steps are its own, and the next day's first sample is no more than a halo away.
    """
    to_next, day = pl.col("next") - pl.col("start"), pl.col("start") // DAY
    own = pl.when(day == pl.col("next") // DAY).then(to_next)
    alone = pl.when(to_next <= LONGEST_HOLD).then(to_next.cast(pl.Float64))
    return pl.coalesce(own.median().over(key_of("key"), day), alone)


def _rules(policies: tuple[Policy, ...]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "active_above": [p.active_above_ppm for p in policies],
            "idle_after": [p.idle_after_ms for p in policies],
            "hold": pl.Series([p.hold_ms for p in policies], dtype=pl.Int64),
        }
    )


def _in_force(samples: pl.DataFrame, policies: tuple[Policy, ...]) -> pl.Series:
    """The number of the policy in force at each sample's start."""
    starts = pl.Series([p.start_ms for p in policies[1:]], dtype=pl.Int64)
    return starts.search_sorted(samples.select(ms_of("key")).to_series(), side="right")
