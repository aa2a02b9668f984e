"""The effective inputs of a lake under their canonical names, and the days that each cluster's events span."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN

import polars as pl

from accounting import gaps
from accounting.accelerators import canonical
from accounting.agent_tables import AGENT_HOLDINGS, AGENT_QUOTAS, AGENT_RECORDS, AGENT_SERVED
from accounting.core.carbon import Grid
from accounting.core.committed import NOTHING, Committed
from accounting.core.exchange import Rates, converted
from accounting.core.partition import AGENT, DEVICE_SPANS, FILE, GAPS, SERVED, UNNAMED, Partition
from accounting.core.rounding import proportion
from accounting.core.steps import DAY, PPM, merge
from accounting.inputs import counts, observations, quoted, stocked
from accounting.inputs.arbiter import NO_DISPUTES, arbitrate
from accounting.inputs.counts import rank
from accounting.inputs.effective import effective
from accounting.inputs.served import once
from accounting.policy import Policy
from accounting.stores.lake import Lake

IMPORTED = {"part": pl.lit(False), "rank": pl.lit(FILE, pl.Int64)}
"""What imported samples leave out: they tell of whole devices or workloads, and any other source goes before them."""


NO_RATES = Rates()
NO_SPANS = pl.DataFrame(schema={"cluster": pl.String, **DEVICE_SPANS})


@dataclass(frozen=True, slots=True)
class Inventory:
    """Effective rows of all clusters; accelerators are canonical, quantities count chips. Samples stay on disk.

    `jobs` has what collectors told of holdings, `capacity` the devices that they saw or counted and no imported
    capacity speaks of. `imported` says when each live import was (import_seq, imported_ms). `records` are those of
    collectors as they came, `instances` who held MIG instances, `gaps` what has not come of them, `unnamed` what is
    known of capacity without devices, `maintenance` and `failed` when schedulers had devices out of service, `served`
    what engines counted, `disputes` where collectors differed about a holder, `quoted` what was told of
    quotas of queues, with repetitions. All by cluster. `prices` are at `rates`, in the ledger's currency. `grid` says
    what energy emits, `committed` what commitments did.
    """

    jobs: pl.DataFrame
    capacity: pl.DataFrame
    prices: pl.DataFrame
    teams: pl.DataFrame
    samples: pl.LazyFrame
    names: pl.DataFrame
    imported: pl.DataFrame
    records: pl.LazyFrame = field(default_factory=lambda: AGENT_RECORDS.empty().lazy())
    instances: pl.DataFrame = field(default_factory=AGENT_HOLDINGS.empty)
    gaps: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"cluster": pl.String, **GAPS}))
    unnamed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"cluster": pl.String, **UNNAMED}))
    maintenance: pl.DataFrame = field(default_factory=lambda: NO_SPANS)
    failed: pl.DataFrame = field(default_factory=lambda: NO_SPANS)
    served: pl.LazyFrame = field(default_factory=lambda: AGENT_SERVED.empty().lazy().with_columns(rank=rank()))
    disputes: pl.DataFrame = field(default_factory=lambda: NO_DISPUTES)
    quoted: pl.LazyFrame = field(default_factory=lambda: AGENT_QUOTAS.empty().lazy().with_columns(rank=rank()))
    rates: Rates = NO_RATES
    grid: Grid = ()
    committed: Committed = NOTHING

    @property
    def observed(self) -> pl.LazyFrame:
        """Of samples and records what they are of and when: import_seq, cluster, device, workload, start, end."""
        columns = ("import_seq", "cluster", "device_id", "workload_id", "start_ms", "end_ms")
        return pl.concat([self.samples.select(columns), self.records.select(columns)])


@dataclass(frozen=True, slots=True)
class Span:
    """What a cluster spans, in ms: `first` of all, the first `event` of a job or sample, `watermark`.

    `scheduled` says whether a job log tells who holds what; where agents watch, they do.
    """

    cluster: str
    first: int
    event: int
    watermark: int
    scheduled: bool

    @property
    def start(self) -> int:
        return self.first // DAY * DAY


def take(lake: Lake, aliases: Mapping[str, str], rates: Rates = NO_RATES, grid: Grid = ()) -> Inventory:
    """Reads the inputs, prices at `rates`.

    `names` says what every imported accelerator name became (name, canonical, chips in ppm).
    """
    logged, stated = (effective(lake, kind).collect(engine="streaming") for kind in ("jobs", "capacity"))
    records = observations.records(lake)
    told = arbitrate(observations.holdings(lake), counts.allocations(lake), logged, records)
    jobs = pl.concat([logged, observations.jobs(told.holdings, told.allocations, logged)])
    seen, stock = observations.capacity(observations.devices(lake)), counts.stock(lake)
    quotas_told = quoted.told(lake)
    named = (lake.scan_input("prices"), quotas_told)
    priced, granted = (rows.select("accelerator").unique().collect(engine="streaming") for rows in named)
    said = pl.concat([f["accelerator"] for f in (jobs, stated, seen, stock, priced, granted)]).unique().sort()
    names = _names(said.to_list(), aliases)
    stated, seen, stock = (_renamed(frame, names) for frame in (stated, seen, stock))
    levels = stocked.levels(stock, seen)
    there = pl.concat([seen, stocked.capacity(levels)])
    capacity = pl.concat([stated, observations.unstated(there, stated)])
    return Inventory(
        _renamed(jobs, names),
        capacity,
        converted(effective(lake, "prices", aliases).collect(), rates),
        effective(lake, "teams").collect(),
        _at_home(effective(lake, "samples").with_columns(**IMPORTED), jobs, capacity),
        names,
        _imported(lake),
        records,
        told.holdings.filter(pl.col("instance_id").is_not_null()),
        _gaps(lake),
        stocked.unnamed(levels),
        stocked.devices_in(levels, seen, "maintenance"),
        stocked.devices_in(levels, seen, "unhealthy"),
        counts.served(lake),
        told.disputes,
        quotas_told.join(names.lazy(), on="accelerator").with_columns(_chips("nominal_ppm", "used_ppm")),
        rates,
        grid,
    )


def _gaps(lake: Lake) -> pl.DataFrame:
    """Batches that have not come, each gap at the instant where the batch before ends, else the one after begins."""
    at_ms, batches = pl.coalesce("after_ms", "before_ms"), pl.col("last") - pl.col("first") + 1
    found = gaps.missing(lake).select("cluster", at_ms=at_ms, batches=batches)
    return found.filter(pl.col("at_ms").is_not_null())


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
    told = inventory.observed.group_by("cluster", "device_id", "workload_id").len("samples").collect(engine="streaming")
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
    return joined.with_columns(_chips("quantity_ppm")).select(frame.columns)


def _chips(*amounts: str) -> list[pl.Expr]:
    """Of rows with their names: the canonical one, and amounts in chips."""
    return [
        pl.col("canonical").alias("accelerator"),
        *(proportion(pl.col(amount), pl.col("chips_ppm"), pl.lit(PPM)).alias(amount) for amount in amounts),
    ]


def spans(inventory: Inventory, until: int | None) -> list[Span]:
    """Every cluster with at least one event; `until` (ms) takes the place of the watermark.

    When somebody asked for what a collector came to know of later is no event: nothing else is known of that time.
    """
    logged = pl.col("import_seq") > AGENT
    asked = pl.min_horizontal("submitted_ms", "start_ms")
    ends = [
        inventory.jobs.select(
            "cluster",
            first=pl.when(logged).then(asked).otherwise(pl.coalesce("start_ms", "end_ms")),
            last="end_ms",
            jobs=logged.cast(pl.Int32),
            event=pl.lit(True),
        ),
        inventory.observed.select("cluster", first="start_ms", last=pl.coalesce("end_ms", "start_ms"))
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
        _prices(inventory, start, end),
        inventory.teams,
        _samples(inventory, span, start - halo, end + halo),
        policies,
        zones,
        span.scheduled,
        unhealthy(inventory, span, start, end),
        watched(inventory, span, start, end),
        inventory.gaps.filter(mine).drop("cluster"),
        _inside(inventory.maintenance, span, start, end),
        _inside(inventory.unnamed, span, start, end),
        served(inventory, span, start, end),
        inventory.disputes.filter(mine).drop("cluster"),
        quotas(inventory, span, start, end),
        inventory.rates.currency,
        inventory.grid,
    )


def _prices(inventory: Inventory, start: int, end: int) -> pl.DataFrame:
    """All of the book, and what commitments made of it in `[start, end)`."""
    made = inventory.committed.prices.filter((pl.col("start_ms") < end) & (pl.col("end_ms") > start))
    return pl.concat([inventory.prices, made], how="diagonal")


def _samples(inventory: Inventory, span: Span, start: int, end: int) -> pl.DataFrame:
    """Samples and records that reach into `[start, end)`."""
    told = inventory.samples.pipe(_within, span, start, end)
    rows = inventory.records.pipe(_within, span, start, end).collect(engine="streaming")
    if not rows.height:
        return told.drop("import_seq", "row", "cluster", "memory_bytes").collect(engine="streaming")
    seen = observations.by_device(observations.distinct(rows), inventory.instances).with_columns(
        power_mw=pl.lit(None, pl.Int64), part=pl.col("workload_id").is_not_null()
    )
    columns = told.drop("import_seq", "row", "cluster", "memory_bytes").collect(engine="streaming")
    return pl.concat([columns, seen.select(columns.columns)])


def unhealthy(inventory: Inventory, span: Span, start: int, end: int) -> pl.DataFrame:
    """When agents found the cluster's devices unusable in `[start, end)`, or schedulers their nodes.

    DEVICE_SPANS; may overlap.
    """
    sick = (pl.col("health") > 0) & pl.col("instance_id").is_null() & pl.col("workload_id").is_null()
    found = _spans(inventory.records.filter(sick), span, start, end)
    return pl.concat([found, _inside(inventory.failed, span, start, end)])


def served(inventory: Inventory, span: Span, start: int, end: int) -> pl.DataFrame:
    """What the cluster's engines counted up to instants in `(start, end]`: SERVED."""
    mine = (pl.col("cluster") == span.cluster) & (pl.col("end_ms") > start) & (pl.col("end_ms") <= end)
    return once(inventory.served.filter(mine).collect(engine="streaming")).select(list(SERVED))


def quotas(inventory: Inventory, span: Span, start: int, end: int) -> pl.DataFrame:
    """What the cluster's queues could use and used in `[start, end)`: QUOTAS."""
    mine = (pl.col("cluster") == span.cluster) & (pl.col("start_ms") < end) & (pl.col("until_ms") > start)
    clipped = inventory.quoted.filter(mine).with_columns(
        pl.col("start_ms").clip(lower_bound=start), pl.col("until_ms").clip(upper_bound=end)
    )
    return quoted.levels(clipped.collect(engine="streaming"))


def _inside(rows: pl.DataFrame, span: Span, start: int, end: int) -> pl.DataFrame:
    """The cluster's rows clipped to the window."""
    mine = (pl.col("cluster") == span.cluster) & (pl.col("start_ms") < end) & (pl.col("end_ms") > start)
    return (
        rows.filter(mine)
        .drop("cluster")
        .with_columns(pl.col("start_ms").clip(lower_bound=start), pl.col("end_ms").clip(upper_bound=end))
    )


def watched(inventory: Inventory, span: Span, start: int, end: int) -> pl.DataFrame:
    """When agents observed the cluster's devices in `[start, end)`: device_id, start_ms, end_ms."""
    return _spans(inventory.records.filter(pl.col("workload_id").is_null()), span, start, end)


def _spans(records: pl.LazyFrame, span: Span, start: int, end: int) -> pl.DataFrame:
    """What of the window the records cover, by device; touching ones are one."""
    seen = records.pipe(_within, span, start, end).select(
        "device_id",
        start=pl.max_horizontal("start_ms", pl.lit(start)),
        end=pl.min_horizontal("end_ms", pl.lit(end)),
    )
    rows = seen.collect(engine="streaming")
    codes = rows.select("device_id").unique().sort("device_id").with_row_index("key").cast({"key": pl.Int64})
    merged = merge(rows.join(codes, on="device_id"), "key").join(codes, on="key")
    return merged.select("device_id", start_ms="start", end_ms="end").sort("device_id", "start_ms")


def _within(rows: pl.LazyFrame, span: Span, start: int, end: int) -> pl.LazyFrame:
    mine = (pl.col("cluster") == span.cluster) & (pl.col("start_ms") < end)
    return rows.filter(mine).filter((pl.col("start_ms") >= start) | (pl.col("end_ms") > start))
