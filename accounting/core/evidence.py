"""The samples behind a charge: which of them count in its time, and the idle runs that they make."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.activity import Activity
from accounting.core.explanation import explained
from accounting.core.lineage import Lineage
from accounting.core.rows import NOBODY
from accounting.core.steps import key_of, merge, ms_of

_NAMES = {"device_id": pl.String, "workload_id": pl.String}


@dataclass(frozen=True, slots=True)
class Evidence:
    """`told` and `runs` say what they are of by device_id, workload_id, or both: a workload's own part of a device.

    `told`: start, end, idle, covered: each interval of samples that counts in the charge's time, and for how many of
    its ms. `runs`: start, end: idle runs in whole, as far as they are known, that reach into that time.
    """

    told: pl.DataFrame
    runs: pl.DataFrame


def evidence(activity: Activity, held: pl.DataFrame, found: Lineage) -> Evidence:
    """`held`: `accounting.core.lineage.holdings`. Devices that nobody held are explained by their own samples."""
    spans = merge(_subjects(activity, held, found), "subject").rename(
        {"key": "subject", "start": "since", "end": "until"}
    )
    timeline = activity.timeline.select(
        subject=key_of("key"), start=ms_of("key"), end=ms_of("key") + pl.col("length"), idle=pl.col("idle") > 0
    ).join(spans, on="subject", how="semi")
    idle = timeline.filter("idle")
    runs = merge(idle, "subject").rename({"key": "subject"}) if idle.height else idle.drop("idle")
    names = _names(activity)
    return Evidence(_inside(timeline, spans, names), _inside(runs, spans, names).drop("covered"))


def _inside(intervals: pl.DataFrame, spans: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Intervals that reach into the disjoint `spans` of their subject, and by how much: `covered`."""
    covered = pl.min_horizontal("end", "until") - pl.max_horizontal("start", "since")
    reaching = intervals.join(spans, on="subject").with_columns(covered=covered).filter(pl.col("covered") > 0)
    rest = [name for name in intervals.columns if name != "subject"]
    one = reaching.group_by("subject", *rest).agg(pl.col("covered").sum()).join(names, on="subject")
    return one.select(*_NAMES, *rest, "covered").sort(*_NAMES, "start", nulls_last=True)


def _subjects(activity: Activity, held: pl.DataFrame, found: Lineage) -> pl.DataFrame:
    """What explains the charge's rows, and when: subject, start, end."""
    spans = found.rows.select("place", "device_id", "ident", since="start", until="end").unique()
    pieces = (
        held.join(spans.select("place", "since", "until").unique(), on="place")
        .with_columns(start=pl.max_horizontal("start", "since"), end=pl.min_horizontal("end", "until"))
        .filter(pl.col("end") > pl.col("start"))
        .select("place", "observed", "workload_id", "start", "end", "quantity")
        .with_columns(weight=pl.lit(0, pl.Int64), held=pl.lit(None, pl.Int64))
    )
    by_holding = explained(pieces, activity).select("subject", "start", "end").drop_nulls()
    free = spans.filter(pl.col("ident") == NOBODY).join(activity.devices, on="device_id")
    return pl.concat([by_holding, free.select("subject", start="since", end="until")])


def _names(activity: Activity) -> pl.DataFrame:
    """What each subject is: subject, device_id, workload_id."""
    subjects = (activity.devices, activity.workloads, activity.parts, activity.shared)
    every = pl.concat([s.match_to_schema({**_NAMES, "subject": pl.Int64}, missing_columns="insert") for s in subjects])
    return every.unique("subject")
