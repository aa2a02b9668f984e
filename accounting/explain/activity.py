"""The samples that say what was done in a charge's time, and for idle time the runs that they make."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from accounting.core.evidence import Evidence, evidence
from accounting.core.partition import RANKS
from accounting.explain.scene import Scene
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import counted, instant, seconds
from accounting.policy import Policy

_COLLECTORS = {rank: source for source, rank in RANKS.items()}


def activity(scene: Scene) -> Section:
    """What counts of samples, by device or workload; the files and collectors that they came from."""
    done = scene.done.activity
    found = None if done is None else evidence(done, scene.held, scene.found)
    if found is None or found.told.is_empty():
        return Section("activity", "What it did", ["no sample tells of this time"])
    sources = list(_sources(scene, found))
    idle, covered = found.told.filter("idle"), int(found.told["covered"].sum())
    quiet = seconds(int(idle["covered"].sum()))
    counts = f"{counted(found.told.height, 'interval')} of samples count in the hours of these rows"
    said = [
        f"{counts}, {seconds(covered):,} s in all; {counted(idle.height, 'interval')} of them, {quiet:,} s, are idle",
        *(_thresholds(scene.partition.policies[code]) for code in scene.found.parts["policy"].unique().sort()),
    ]
    if scene.charge["state"] == "allocated_unobserved":
        said.insert(0, "no sample tells of the time that is charged here; those below are of other time of these hours")
    facts: dict[str, Value] = {"intervals": found.told.height, "covered_seconds": seconds(covered)}
    facts |= {"idle_intervals": idle.height, "first": instant(found.told["start"].min())}  # type: ignore[arg-type]
    facts |= {"last": instant(found.told["end"].max())}  # type: ignore[arg-type]
    grids = [
        Grid(
            "samples",
            "what counts",
            ("device_id", "workload_id", "intervals", "covered_seconds", "idle_seconds", "first", "last"),
            list(_by_subject(found)),
        ),
        Grid("sources", "where it came from", ("source", "import", "file", "samples", "first", "last"), sources),
    ]
    if scene.charge["state"] == "allocated_idle":
        runs = list(_runs(found))
        grids.insert(0, Grid("runs", "idle runs in whole", ("device_id", "workload_id", "from", "to", "seconds"), runs))
    seqs = frozenset(seq for row in sources if isinstance(seq := row[1], int))
    return Section("activity", "What it did", said, facts, grids, seqs)


def _thresholds(policy: Policy) -> str:
    percent = f"{policy.active_above_ppm / 10_000:g}"
    least = f"{policy.idle_after_ms / 1000:g} s"
    return (
        f"policy {policy.name}: active above {percent} % busy; samples that are not are idle once a run is {least} long"
    )


def _by_subject(found: Evidence) -> Iterator[tuple[Value, ...]]:
    """`device_id` and `workload_id` both: the workload's own part of the device."""
    sums = found.told.group_by("device_id", "workload_id").agg(
        n=pl.len().cast(pl.Int64),
        covered=pl.col("covered").sum(),
        idle=pl.col("covered").filter("idle").sum(),
        first=pl.col("start").min(),
        last=pl.col("end").max(),
    )
    for device, workload, n, covered, idle, first, last in sums.sort("device_id", "workload_id").iter_rows():
        yield device, workload, n, seconds(covered), seconds(idle), instant(first), instant(last)


def _runs(found: Evidence) -> Iterator[tuple[Value, ...]]:
    for device, workload, start, end in found.runs.select("device_id", "workload_id", "start", "end").iter_rows():
        yield device, workload, instant(start), instant(end), seconds(end - start)


def _sources(scene: Scene, found: Evidence) -> Iterator[tuple[Value, ...]]:
    """Every import that has samples of these devices and workloads in the time, whether they count or others do."""
    devices, workloads = (found.told[name].drop_nulls().unique().to_list() for name in ("device_id", "workload_id"))
    during = (pl.col("start_ms") < scene.end) & (pl.coalesce("end_ms", "start_ms") >= scene.start)
    of = pl.col("device_id").is_in(devices) | (pl.col("device_id").is_null() & pl.col("workload_id").is_in(workloads))
    mine = (pl.col("cluster") == scene.partition.cluster) & during & of
    columns = ("import_seq", "rank", "start_ms", "end_ms")
    told = pl.concat(rows.filter(mine).select(columns) for rows in (scene.inventory.samples, scene.inventory.records))
    counts = told.group_by("import_seq", "rank").agg(
        n=pl.len().cast(pl.Int64), first=pl.col("start_ms").min(), last=pl.coalesce("end_ms", "start_ms").max()
    )
    rows = counts.collect(engine="streaming").sort("rank", "import_seq")
    for seq, rank, n, first, last in rows.iter_rows():
        yield _COLLECTORS.get(rank, "samples"), seq, scene.file(seq), n, instant(first), instant(last)
