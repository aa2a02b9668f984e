"""The files that the company's systems would write, with the mappings that import them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import polars as pl

from accounting.simulate.agents import exported, records, site
from accounting.simulate.bill import Invoice
from accounting.simulate.billing_export import write_lines
from accounting.simulate.company import ADS, AGENTS, BARE, DAY, MISPRINTED, POOLS, PRICES, RULES
from accounting.simulate.faults import Wrong
from accounting.simulate.sampler import Meter, batches, meter
from accounting.simulate.segments import LOST
from accounting.simulate.shipping import fleet, numbered, ship
from accounting.simulate.truth import FOUNDED, REPRICED, middle
from accounting.simulate.world import STRAY, World, of_pool

MOST = 5_000_000
"""Records in one file, about."""
MOST_RECORDS = 500_000
"""Records of agents' devices at once, about."""
EXPORTED = 7 * DAY
"""How long before the end the first export of the job log was made, but after half of the time at the earliest."""


@dataclass(frozen=True, slots=True)
class Import:
    """A file to import as `kind` with a mapping, both relative to the folder; `late` ones come after a first run.

    A later file of a `source` takes the place of the earlier one.
    """

    kind: str
    file: str
    mapping: str
    late: bool = False
    source: str | None = None


Tell = Callable[[str, float], None]


def write(world: World, bill: Invoice | None, folder: Path, interval: int, tell: Tell) -> tuple[list[Import], Wrong]:
    """Writes everything, with the bill, into `folder`; what to import, in order, and how many samples are wrong.

    Segments of agents lie in inboxes: one to ingest before a first run, and one after it (`shipping`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    for mapping in sorted(files("accounting.simulate").joinpath("mappings").iterdir(), key=lambda f: f.name):
        (folder / mapping.name).write_text(mapping.read_text("utf-8"), "utf-8")
    tables = {
        "capacity": _capacity(world),
        "prices-wrong": _prices(world, MISPRINTED),
        "prices": _prices(world),
        "teams": _teams(world),
        "pods-early": _pods(world, world.window.end - min(EXPORTED, world.window.length // 2)),
        "pods": _pods(world, world.window.end),
        "tpu-jobs": _tpu_jobs(world),
    }
    for name, table in tables.items():
        table.write_csv(folder / f"{name}.csv")
    _sacct(world).write_csv(folder / "sacct-hpc.txt", separator="|")
    made = meter(world)
    samples = list(_samples(world, made, folder, interval, tell))
    segments = numbered(world, interval).with_row_index("row")
    beside, disagreements = _segments(world, made, segments, folder, interval, tell)
    found = [_import(name) for name in tables]
    found.append(Import("jobs", "sacct-hpc.txt", "sacct-hpc.toml"))
    found += _invoices(bill, folder)
    lost = int(segments.filter(fate=LOST)["batches"].sum())
    wrong = Wrong(sum(n for _, n in samples), disagreements, lost)
    return sorted([*found, *(i for i, _ in samples), beside], key=lambda i: i.late), wrong


def _import(table: str) -> Import:
    """The misprinted price list is corrected after the first run, and the month that it was in is closed by then."""
    name = re.sub("-(early|wrong)$", "", table)
    kind = name if name in ("capacity", "prices", "teams") else "jobs"
    return Import(kind, f"{table}.csv", f"{name}.toml", table == "prices", "price-list" if name == "prices" else None)


def _invoices(bill: Invoice | None, folder: Path) -> list[Import]:
    """The invoice of the month that is over, and what the next one says of that month."""
    if bill is None:
        return []
    write_lines(bill.rows, folder / "invoice.json.gz")
    write_lines(bill.rows_later, folder / "invoice-late.json.gz")
    return [
        Import("invoice", "invoice.json.gz", "invoice.toml"),
        Import("invoice", "invoice-late.json.gz", "invoice.toml", late=True),
    ]


def _segments(
    world: World, made: Meter, segments: pl.DataFrame, folder: Path, interval: int, tell: Tell
) -> tuple[Import, int]:
    """Fills the inboxes; what an exporter told beside the agents, and how much of that is wrong."""
    where, known = site(world), fleet(world)
    count = sum(len(node.devices) for node in known.nodes.values()) * DAY // interval
    step = max(1, MOST_RECORDS // count) * DAY
    beside = []
    for first in range(world.window.start, world.window.end, step):
        tell("writing segments of agents", (first - world.window.start) / world.window.length)
        last = min(first + step, world.window.end)
        told = records(world, made, where, interval, first, last)
        some = segments.filter(pl.col("start").is_between(first, last, closed="left"))
        ship(known, some.with_columns(interval=pl.lit(interval)), told, folder)
        beside.append(exported(world, told))
    pl.concat([samples for samples, _ in beside]).write_parquet(folder / "samples-dcgm.parquet")
    return Import("samples", "samples-dcgm.parquet", "samples-dcgm.toml"), sum(wrong for _, wrong in beside)


def _samples(world: World, made: Meter, folder: Path, interval: int, tell: Tell) -> Iterator[tuple[Import, int]]:
    late = []
    for batch in batches(world, made, interval, MOST):
        tell(f"sampling {batch.name}", _done(world, batch.name))
        for kind, rows in (("device", pl.col("device").is_not_null()), ("workload", pl.col("workload").is_not_null())):
            file = f"samples-{kind}-{batch.name}.parquet"
            records = batch.records.filter(rows).drop("workload" if kind == "device" else "device")
            if records.height:
                records.write_parquet(folder / file)
                yield Import("samples", file, f"samples-{kind}.toml"), batch.contradictions if kind == "device" else 0
        late.append(batch.late)
    told = pl.concat(late).drop("workload")
    if told.height:
        told.write_parquet(folder / "samples-late.parquet")
        yield Import("samples", "samples-late.parquet", "samples-device.toml", late=True), 0


def _done(world: World, day: str) -> float:
    at = int(pl.Series([day]).str.to_date().cast(pl.Datetime("ms")).dt.epoch("ms")[0])
    return (at - world.window.start) / world.window.length


def _time(column: str) -> pl.Expr:
    """A time as the clusters' exports write it."""
    return pl.from_epoch(column, "ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")


def _capacity(world: World) -> pl.DataFrame:
    stated = world.online.join(world.places, on="place").sort("place", "start").filter(~pl.col("pool").is_in(AGENTS))
    one = stated.group_by(
        "pool", "node", "device_id", "purchase", "owner_team", "start", "end", maintain_order=True
    ).len()
    return one.select(
        cluster=of_pool("cluster"),
        pool=of_pool("name"),
        node="node",
        gpu="device_id",
        type=of_pool("accelerator"),
        count="len",
        provider=of_pool("provider"),
        region=of_pool("region"),
        purchase="purchase",
        owner="owner_team",
        online=_time("start"),
        offline=_time("end"),
    )


def _prices(world: World, misprints: Mapping[str, str] = MappingProxyType({})) -> pl.DataFrame:
    rows: list[tuple[str | int | None, ...]] = []
    for accelerator, provider, purchase, price, later in PRICES:
        rows.append((accelerator, provider, purchase, None, misprints.get(accelerator, price)))
        if later is not None:
            rows.append((accelerator, provider, purchase, middle(world) + REPRICED, later))
    schema = {
        "type": pl.String,
        "provider": pl.String,
        "purchase": pl.String,
        "from": pl.Int64,
        "usd_per_hour": pl.String,
    }
    covers = pl.when(pl.col("type") == BARE).then(pl.lit("accelerator")).otherwise(pl.lit("machine"))
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(_time("from").alias("from"), covers=covers)


def _teams(world: World) -> pl.DataFrame:
    founded = middle(world) + FOUNDED
    selector, before, cost_center, after, its_own = ADS
    rows: list[tuple[str | int | None, ...]] = [(*rule, None, None) for rule in RULES]
    rows += [(selector, before, cost_center, None, founded), (selector, after, its_own, founded, None)]
    schema = {"selector": pl.String, "team": pl.String, "cost_center": pl.String, "from": pl.Int64, "until": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        _time("from").alias("from"), _time("until").alias("until")
    )


def _known(attempts: pl.DataFrame, until: int) -> pl.DataFrame:
    """What an export at `until` knows of attempts: later starts and ends are still open."""
    started = pl.col("start") < until
    return attempts.filter(pl.col("submitted") < until).with_columns(
        start=pl.when(started).then("start"),
        end=pl.when(~pl.col("open") & (pl.col("end") < until)).then("end"),
        outcome=pl.when(~pl.col("open") & (pl.col("end") < until)).then("outcome"),
    )


def _pods(world: World, until: int) -> pl.DataFrame:
    """One row per device that a pod held; one row for a pod that holds nothing yet."""
    mine = [n for n, p in enumerate(POOLS) if p.by_device and n not in AGENTS]
    known = _known(world.attempts.filter(pl.col("pool").is_in(mine)), until)
    held = world.holdings.select("attempt", "place").join(world.places.select("place", "node", "device_id"), on="place")
    rows = known.join(held.sort("attempt", "place"), on="attempt", how="left", maintain_order="left_right")
    waiting = pl.col("start").is_null()
    unique = rows.filter(~waiting | (pl.col("attempt") != pl.col("attempt").shift()).fill_null(True))
    return unique.select(
        pod="workload_id",
        namespace="facts",
        user="user",
        model="model",
        purpose="purpose",
        cluster=of_pool("cluster"),
        pool=of_pool("name"),
        node=pl.when(~waiting).then("node"),
        gpu=pl.when(~waiting).then("device_id"),
        type="accelerator",
        profile=pl.when(pl.col("slot").str.contains("gb")).then("slot"),
        gpus=pl.when(waiting).then("size").otherwise(1),
        created=_time("submitted"),
        started=_time("start"),
        finished=_time("end"),
        reason="outcome",
    )


def _tpu_jobs(world: World) -> pl.DataFrame:
    mine = world.attempts.filter(pl.col("pool").is_in([n for n, p in enumerate(POOLS) if p.seen == "workload"]))
    return _known(mine, world.window.end).select(
        job="workload_id",
        team="team",
        user="user",
        model="model",
        chips="size",
        queued=_time("submitted"),
        started=_time("start"),
        ended=_time("end"),
        state="outcome",
    )


def _sacct(world: World) -> pl.DataFrame:
    """As `sacct -P -D --format=…` prints it: local time is UTC here, steps stand under their job."""
    mine = world.attempts.filter(pl.col("pool").is_in([n for n, p in enumerate(POOLS) if p.seen == "nothing"]))
    node = world.holdings.join(world.places, on="place").group_by("attempt").agg(pl.col("node").unique().sort())
    known = _known(mine, world.window.end).join(node, on="attempt", how="left")
    kind = pl.when(pl.col("accelerator") == STRAY).then(pl.lit("v100-16gb")).otherwise(pl.lit("a100-80gb"))
    tres = pl.format("billing={},cpu={},gres/gpu:{}={},gres/gpu={},node=1", pl.col("size") * 12, pl.col("size") * 12,
                     kind, "size", "size")  # fmt: skip
    started = pl.col("start").is_not_null()
    table = known.select(
        JobID="workload_id",
        JobName="model",
        User="user",
        Account="facts",
        Cluster=pl.lit("hpc"),
        Partition=pl.lit("a100"),
        Submit=_local("submitted"),
        Start=_local("start").fill_null("Unknown"),
        End=_local("end").fill_null("Unknown"),
        State=pl.coalesce("outcome", pl.when(started).then(pl.lit("RUNNING")).otherwise(pl.lit("PENDING"))),
        AllocTRES=pl.when(started).then(tres),
        ReqTRES=tres,
        NodeList=pl.coalesce(pl.col("node").list.join(","), pl.lit("None assigned")),
    )
    steps = table.filter(pl.col("Start") != "Unknown").with_columns(
        JobID=pl.format("{}.batch", "JobID"), JobName=pl.lit("batch"), ReqTRES=None
    )
    return pl.concat([table, steps]).sort("Submit", "JobID", "Start")


def _local(column: str) -> pl.Expr:
    return pl.from_epoch(column, "ms").dt.strftime("%Y-%m-%dT%H:%M:%S")
