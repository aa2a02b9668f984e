"""The effective inputs of a lake under their canonical names, and the days that each cluster's events span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN

import polars as pl

from accounting.accelerators import canonical
from accounting.core.partition import Partition
from accounting.core.rounding import proportion
from accounting.core.steps import DAY, PPM
from accounting.inputs.effective import effective
from accounting.policy import Policy
from accounting.stores.lake import Lake

IMPORTED = {"part": pl.lit(False), "rank": pl.lit(9, pl.Int64)}
"""What imported samples leave out: they tell of whole devices or workloads, and any other source goes before them."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """Effective rows of all clusters; accelerators are canonical, quantities count chips. Samples stay on disk.

    `imported` says when each live import was (import_seq, imported_ms).
    """

    jobs: pl.DataFrame
    capacity: pl.DataFrame
    prices: pl.DataFrame
    teams: pl.DataFrame
    samples: pl.LazyFrame
    names: pl.DataFrame
    imported: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Span:
    """What a cluster spans, in ms: `first` of all, the first `event` of a job or sample, `watermark`.

    `scheduled` says whether any source tells who holds what.
    """

    cluster: str
    first: int
    event: int
    watermark: int
    scheduled: bool

    @property
    def start(self) -> int:
        return self.first // DAY * DAY


def take(lake: Lake, aliases: Mapping[str, str]) -> Inventory:
    """Reads the inputs; `names` says what every imported accelerator name became (name, canonical, chips in ppm)."""
    jobs, capacity = (effective(lake, kind).collect(engine="streaming") for kind in ("jobs", "capacity"))
    priced = lake.scan_input("prices").select("accelerator").collect()
    names = _names(pl.concat([f["accelerator"] for f in (jobs, capacity, priced)]).unique().sort().to_list(), aliases)
    return Inventory(
        _renamed(jobs, names),
        _renamed(capacity, names),
        effective(lake, "prices", aliases).collect(),
        effective(lake, "teams").collect(),
        _at_home(effective(lake, "samples").with_columns(**IMPORTED), jobs, capacity),
        names,
        _imported(lake),
    )


def _at_home(samples: pl.LazyFrame, jobs: pl.DataFrame, capacity: pl.DataFrame) -> pl.LazyFrame:
    """Samples of devices in the cluster that knows the device: a device is one in all the store."""
    place = ["cluster", "device_id"]
    told = samples.filter(pl.col("device_id").is_not_null()).select(place).unique().collect(engine="streaming")
    known = pl.concat([capacity.select(place), jobs.select(place)]).unique()
    home = known.group_by("device_id").agg(home=pl.col("cluster").min())
    moved = told.join(known, on=place, how="anti").join(home, on="device_id")
    if not moved.height:
        return samples
    there = samples.join(moved.lazy(), on=place, how="left").with_columns(cluster=pl.coalesce("home", "cluster"))
    return there.drop("home")


def strangers(inventory: Inventory) -> pl.DataFrame:
    """Samples that explain nothing, for no job and no capacity names what they are of: cluster, name, samples.

    The most first. A device is known anywhere, a workload in its own cluster.
    """
    jobs, capacity = inventory.jobs, inventory.capacity
    told = inventory.samples.group_by("cluster", "device_id", "workload_id").len("samples").collect(engine="streaming")
    devices = pl.concat([jobs["device_id"], capacity["device_id"]]).unique()
    by_device = told.filter(pl.col("device_id").is_not_null() & ~pl.col("device_id").is_in(devices.to_list()))
    by_workload = told.filter(pl.col("device_id").is_null()).join(jobs, on=["cluster", "workload_id"], how="anti")
    found = pl.concat([by_device, by_workload]).with_columns(name=pl.coalesce("device_id", "workload_id"))
    return (
        found.group_by("cluster", "name").agg(pl.col("samples").sum()).sort("samples", "name", descending=[True, False])
    )


def _imported(lake: Lake) -> pl.DataFrame:
    rows = [(i.seq, i.imported_at) for i in lake.imports(live_only=True)]
    return pl.DataFrame(rows, schema={"import_seq": pl.Int64, "imported_ms": pl.Int64}, orient="row")


def _names(names: list[str], aliases: Mapping[str, str]) -> pl.DataFrame:
    known = [(name, canonical(name, aliases)) for name in names]
    rows = [(n, a.name, int((a.chips * 1_000_000).to_integral_value(ROUND_HALF_EVEN))) for n, a in known]
    return pl.DataFrame(
        rows, schema={"accelerator": pl.String, "canonical": pl.String, "chips_ppm": pl.Int64}, orient="row"
    )


def _renamed(frame: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(names, on="accelerator", how="left", maintain_order="left")
    chips = proportion(pl.col("quantity_ppm"), pl.col("chips_ppm"), pl.lit(PPM))
    return joined.with_columns(accelerator=pl.col("canonical"), quantity_ppm=chips).select(frame.columns)


def spans(inventory: Inventory, until: int | None) -> list[Span]:
    """Every cluster with at least one event; `until` (ms) takes the place of the watermark."""
    ends = [
        inventory.jobs.select(
            "cluster",
            first=pl.min_horizontal("submitted_ms", "start_ms"),
            last="end_ms",
            jobs=pl.lit(1),
            event=pl.lit(True),
        ),
        inventory.samples.select("cluster", first="start_ms", last=pl.coalesce("end_ms", "start_ms"))
        .group_by("cluster")
        .agg(pl.col("first").min(), pl.col("last").max())
        .with_columns(jobs=pl.lit(0), event=pl.lit(True))
        .collect(engine="streaming"),
        _known(inventory).select("cluster", first="start_ms", last="end_ms", jobs=pl.lit(0), event=pl.lit(False)),
    ]
    found = (
        pl.concat(ends, how="vertical_relaxed")
        .group_by("cluster")
        .agg(
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("jobs").sum(),
            event=pl.col("first").filter("event").min(),
        )
        .with_columns(last=pl.col("last") if until is None else pl.lit(until, pl.Int64))
        .filter(pl.col("last") > pl.col("first"))
        .sort("cluster")
    )
    return [
        Span(r["cluster"], r["first"], r["first"] if r["event"] is None else r["event"], r["last"], r["jobs"] > 0)
        for r in found.iter_rows(named=True)
    ]


def _known(inventory: Inventory) -> pl.DataFrame:
    """Capacity as far as its import could know: what is reserved until next month says nothing of days to come."""
    joined = inventory.capacity.join(inventory.imported, on="import_seq", how="left", maintain_order="left")
    known = pl.min_horizontal("end_ms", "imported_ms")
    return joined.with_columns(end_ms=pl.when(pl.col("end_ms").is_not_null()).then(known))


def clusters(inventory: Inventory) -> list[str]:
    """Every cluster that has a job that began, or capacity with a date; sorted."""
    begun = inventory.jobs.filter(pl.col("start_ms").is_not_null())
    dated = inventory.capacity.filter(pl.col("start_ms").is_not_null())
    return pl.concat([begun["cluster"], dated["cluster"]]).unique().sort().to_list()


def capacity_of(inventory: Inventory, span: Span) -> pl.DataFrame:
    """The cluster's capacity rows with their ends filled: from the first event, to the watermark."""
    return inventory.capacity.filter(pl.col("cluster") == span.cluster).with_columns(
        start_ms=pl.col("start_ms").fill_null(span.event),
        end_ms=pl.min_horizontal(pl.col("end_ms").fill_null(span.watermark), pl.lit(span.watermark)),
    )


def partition(
    inventory: Inventory,
    span: Span,
    start: int,
    end: int,
    policies: tuple[Policy, ...],
    zones: Mapping[str, str],
    halo: int,
) -> Partition:
    """What the core needs for `[start, end)` of one cluster; `halo` in ms, for samples."""
    mine = pl.col("cluster") == span.cluster
    begun = pl.coalesce(pl.min_horizontal("submitted_ms", "start_ms"), "end_ms")
    over = pl.coalesce("end_ms", pl.when(pl.col("start_ms").is_not_null()).then(span.watermark), pl.lit(span.watermark))
    return Partition(
        span.cluster,
        start,
        end,
        span.watermark,
        inventory.jobs.filter(mine & (begun < end) & ((over > start) | (begun >= start))),
        capacity_of(inventory, span),
        inventory.prices,
        inventory.teams,
        inventory.samples.filter(mine & (pl.col("start_ms") < end + halo))
        .filter((pl.col("start_ms") >= start - halo) | (pl.col("end_ms") > start - halo))
        .drop("import_seq", "row", "cluster", "memory_bytes")
        .collect(engine="streaming"),
        policies,
        zones,
        span.scheduled,
    )
