"""A run over a real lake: what it does again, what it leaves alone, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from accounting import checks, pipeline, plan
from accounting.config import Config, load_config, write_project
from accounting.core.account import account
from accounting.core.partition import Results
from accounting.errors import InputError
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import load_mapping
from accounting.inventory import Inventory, Span, partition
from accounting.project import Project
from accounting.stores.lake import Lake
from accounting.tables import INPUTS, RESULTS
from tests.worlds import KINDS, World, agents, worlds

FIRST = date(2025, 1, 30)
DAYS = [FIRST + timedelta(days=n) for n in range(5)]
NUMBERS = count(1)
NOW = 1_750_000_000_000

JOBS = """workload_id,team,account,pool,accelerator,quantity,device_id,submitted,start,end
long,red,ml,train,H100-80GB,2,,2025-01-30T00:00:00Z,2025-01-30T01:00:00Z,2025-02-03T20:00:00Z
burst,blue,web,train,H100-80GB,3,,,2025-01-31T10:17:23.456Z,2025-01-31T12:00:00Z
part,,web,train,H100-80GB,0.3333333,,,2025-02-01T00:00:00Z,2025-02-01T05:00:00.001Z
named,red,ml,dev,A100-40GB,1,d1,,2025-01-30T22:00:00Z,2025-01-31T02:00:00Z
odd,red,ml,dev,H100-80GB,1,,,2025-02-02T00:00:00Z,2025-02-02T01:00:00Z
waits,blue,web,train,H100-80GB,2,,2025-01-31T00:00:00Z,,2025-02-02T00:00:00Z
"""
CAPACITY = """pool,accelerator,quantity,device_id,node,purchase,provider,start
train,H100-80GB,4,,,spot,gcp,2025-01-30T00:00:00Z
dev,A100-40GB,1,d1,n1,,,2025-01-30T00:00:00Z
"""
PRICES = """accelerator,purchase,price_per_hour,start
H100-80GB,,2.5,
H100-80GB,spot,1.25,2025-01-01T00:00:00Z
A100-40GB,,1,
"""
SAMPLES = "device_id,start,end,busy\n" + "".join(
    f"d1,2025-01-30T23:{m:02d}:00Z,2025-01-30T23:{m + 1:02d}:00Z,{0 if m > 50 else 40}\n" for m in range(40, 59)
)
FILES = {"jobs": JOBS, "capacity": CAPACITY, "prices": PRICES, "samples": SAMPLES}


@dataclass
class Ledger:
    """A project on disk, fed with CSV texts."""

    folder: Path

    @property
    def project(self) -> Project:
        return Project(load_config(self.folder))

    @property
    def lake(self) -> Lake:
        return self.project.lake

    def bring(self, kind: str, text: str, source: str | None = None) -> Outcome:
        number = next(NUMBERS)
        file, told = self.folder / f"{kind}{number}.csv", self.folder / f"{kind}{number}.map"
        file.write_text(text)
        names = text.partition("\n")[0].split(",")
        told.write_text("[columns]\n" + "".join(f'{n} = "{n}"\n' for n in names))
        return import_file(self.lake, kind, file, load_mapping(told), now=NOW + number, source=source)

    def run(self, first: date | None = None, last: date | None = None) -> pipeline.Report:
        return pipeline.run(self.project.config, first, last, silent)

    def redone(self, change: Callable[[], object]) -> list[date]:
        """The days that are published anew after a change."""
        before = {(x.cluster, x.day): x.publication for x in self.lake.live()}
        change()
        self.run()
        return sorted(x.day for x in self.lake.live() if before.get((x.cluster, x.day)) != x.publication)

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Everything that is published, sorted."""
        frames = {t.name: self.project.query(f"SELECT * FROM {t.name}").drop("publication") for t in RESULTS}
        return {name: frame.sort(pl.all()).rows() for name, frame in frames.items()}

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


@pytest.fixture
def empty(tmp_path: Path) -> Callable[[str], Ledger]:
    def make(name: str) -> Ledger:
        Lake.create(load_config(write_project(tmp_path / name)).lake)
        return Ledger(tmp_path / name)

    return make


@pytest.fixture
def ledger(empty: Callable[[str], Ledger]) -> Ledger:
    made = empty("ledger")
    for kind, text in FILES.items():
        made.bring(kind, text)
    return made


def test_a_run_publishes_every_day_and_the_next_one_nothing(ledger: Ledger) -> None:
    report = ledger.run()
    assert (report.days, report.first, report.last) == (5, DAYS[0], DAYS[-1])
    assert (report.residual_seconds, report.residual_cost) == (Decimal(0), Decimal(0))
    rows = ledger.rows()
    again = ledger.run()
    assert (again.publication, again.up_to_date) == (None, 5)
    assert ledger.rows() == rows
    assert {f["fault"] for f in report.faults} == {"over_allocated", "no_matching_capacity"}


def test_samples_of_a_device_count_in_the_cluster_that_knows_it(empty: Callable[[str], Ledger]) -> None:
    ledger = empty("two")
    ledger.bring("jobs", "cluster,workload_id,device_id,accelerator,quantity,start,end\n"
                 "c1,a,GPU-1,T4,1,2025-01-30T00:00:00Z,2025-01-30T01:00:00Z\n")  # fmt: skip
    ledger.bring("samples", "device_id,start,end,busy\nGPU-1,2025-01-30T00:00:00Z,2025-01-30T01:00:00Z,50\n")
    ledger.run()

    rows = ledger.project.query("SELECT cluster, state, busy_seconds FROM usage").rows()
    assert rows == [("c1", "allocated_active", Decimal(1800))]


def test_samples_of_what_nobody_names_are_said(ledger: Ledger) -> None:
    ledger.bring("samples", "device_id,workload_id,start,end,busy\n"
                 "d9,,2025-01-30T23:00:00Z,2025-01-30T23:01:00Z,40\n"
                 "d9,,2025-01-30T23:01:00Z,2025-01-30T23:02:00Z,40\n"
                 ",nobody,2025-01-30T23:00:00Z,2025-01-30T23:01:00Z,40\n"
                 ",long,2025-01-30T23:00:00Z,2025-01-30T23:01:00Z,40\n")  # fmt: skip

    assert [(one["name"], one["samples"]) for one in ledger.run().strangers] == [("d9", 2), ("nobody", 1)]


def test_late_samples_are_for_their_day_and_its_neighbors(ledger: Ledger) -> None:
    ledger.run()
    late = "device_id,start,end,busy\nd1,2025-02-01T10:00:00Z,2025-02-01T11:00:00Z,50\n"
    assert ledger.redone(lambda: ledger.bring("samples", late)) == DAYS[1:4]


def test_a_late_sample_of_many_days_is_for_all_of_them(ledger: Ledger) -> None:
    ledger.run()
    late = "device_id,start,end,busy\nd1,2025-01-30T00:00:00Z,2025-02-02T00:00:00Z,50\n"
    assert ledger.redone(lambda: ledger.bring("samples", late)) == DAYS[:4]


def test_a_late_job_is_for_the_days_it_held_and_waited(ledger: Ledger) -> None:
    ledger.run()
    late = JOBS.splitlines()[0] + "\nlate,red,ml,train,H100-80GB,1,,,2025-02-01T10:00:00Z,2025-02-02T11:00:00Z\n"
    assert ledger.redone(lambda: ledger.bring("jobs", late)) == DAYS[2:4]


def test_an_undone_import_leaves_what_was_before(ledger: Ledger) -> None:
    ledger.run()
    before = ledger.rows()
    more = JOBS.splitlines()[0] + "\nmore,red,ml,train,H100-80GB,1,,,2025-01-31T10:00:00Z,2025-02-05T11:00:00Z\n"
    seq = ledger.bring("jobs", more).record.seq
    ledger.run()
    assert ledger.rows() != before
    ledger.lake.undo_import(seq)
    ledger.run()
    assert ledger.rows() == before
    assert ledger.run().publication is None


def test_days_that_lose_all_inputs_are_published_empty(empty: Callable[[str], Ledger]) -> None:
    ledger = empty("short")
    seq = ledger.bring("jobs", JOBS).record.seq
    ledger.run()
    ledger.lake.undo_import(seq)
    assert ledger.redone(lambda: None) == DAYS
    assert not any(ledger.rows().values())
    assert ledger.run().publication is None


def test_the_next_export_of_a_running_job_replaces_it(ledger: Ledger, empty: Callable[[str], Ledger]) -> None:
    head = JOBS.splitlines()[0]
    running = f"{head}\nrun,red,ml,train,H100-80GB,1,,,2025-02-01T10:00:00Z,\n"
    ended = f"{head}\nrun,red,ml,train,H100-80GB,1,,,2025-02-01T10:00:00Z,2025-02-02T10:00:00Z\n"
    ledger.bring("jobs", running)
    ledger.run()
    assert ledger.redone(lambda: ledger.bring("jobs", ended)) == DAYS[2:]
    other = empty("other")
    for kind, text in [*FILES.items(), ("jobs", ended)]:
        other.bring(kind, text)
    other.run()
    assert ledger.rows() == other.rows()


def test_a_start_that_moves_within_the_wait_changes_the_days_between(empty: Callable[[str], Ledger]) -> None:
    ledger = empty("moved")
    ledger.bring("capacity", CAPACITY)
    head = "workload_id,pool,accelerator,quantity,submitted,start,end\n"
    row = "a,train,H100-80GB,1,2025-01-30T00:00:00Z,{},2025-02-03T20:00:00Z\n"
    ledger.bring("jobs", head + row.format("2025-01-30T12:00:00Z"), source="slurm")
    ledger.run()
    moved = head + row.format("2025-02-02T12:00:00Z")
    assert ledger.redone(lambda: ledger.bring("jobs", moved, source="slurm")) == DAYS[:4]
    fresh = empty("fresh")
    fresh.bring("capacity", CAPACITY)
    fresh.bring("jobs", moved)
    fresh.run()
    assert ledger.rows() == fresh.rows()


def test_a_price_that_begins_is_for_the_days_from_then_on(ledger: Ledger) -> None:
    ledger.run()
    more = "accelerator,purchase,price_per_hour,start\nH100-80GB,spot,1.5,2025-02-01T10:17:23.456Z\n"
    assert ledger.redone(lambda: ledger.bring("prices", more)) == DAYS[2:]


def test_a_price_that_began_earlier_is_another_price(ledger: Ledger, empty: Callable[[str], Ledger]) -> None:
    """Its amount is the same on every day; the charge names the price all the same, as a fresh run would."""
    other, moved = empty("other"), PRICES.replace("2025-01-01T", "2024-12-31T")
    seq = next(i.seq for i in ledger.lake.imports() if i.kind == "prices")
    ledger.run()
    ledger.lake.undo_import(seq)
    assert ledger.redone(lambda: ledger.bring("prices", moved)) == DAYS
    for kind, text in (FILES | {"prices": moved}).items():
        other.bring(kind, text)
    other.run()
    assert ledger.rows() == other.rows()


def test_a_cluster_in_which_nothing_has_ended_has_no_watermark(empty: Callable[[str], Ledger]) -> None:
    ledger = empty("running")
    ledger.bring("jobs", "workload_id,accelerator,quantity,start,end\na,H100-80GB,1,2025-01-31T12:00:00Z,\n")

    assert ledger.run().watermarks == {"default": None}
    report = ledger.run(last=date(2025, 2, 1))
    assert (report.days, report.totals["device_seconds"]) == (2, Decimal(36 * 3600))


def test_a_policy_is_for_the_days_from_its_start(ledger: Ledger) -> None:
    ledger.run()
    text = 'from = 2025-02-02T12:00:00Z\n[policy]\nunallocated = "evenly"\n'
    assert ledger.redone(lambda: ledger.write("policies/spread.toml", text)) == DAYS[3:]


def test_a_team_rule_is_for_the_days_it_is_in_force(ledger: Ledger) -> None:
    ledger.run()
    rule = "selector,team,start,end\naccount=ml,green,2025-01-31T00:00:00Z,2025-02-01T00:00:00.001Z\n"
    assert ledger.redone(lambda: ledger.bring("teams", rule)) == DAYS[1:3]


def test_an_alias_is_for_the_days_that_have_the_name(ledger: Ledger) -> None:
    ledger.run()
    config = (ledger.folder / "chipledger.toml").read_text()
    assert "\n[accelerators]\n" in config
    text = config.replace("\n[accelerators]\n", '\n[accelerators]\n"A100-40GB" = "A100-80GB"\n')
    assert ledger.redone(lambda: ledger.write("chipledger.toml", text)) == DAYS
    assert "A100-80GB" in ledger.project.query("SELECT DISTINCT accelerator FROM capacity")["accelerator"]


def test_days_one_by_one_are_the_days_in_one_run(ledger: Ledger, empty: Callable[[str], Ledger]) -> None:
    ledger.run()
    other = empty("other")
    for kind in reversed(FILES):
        other.bring(kind, FILES[kind])
    for day in DAYS[:-1]:
        other.run(day, day)
    other.run(DAYS[-1])
    assert other.run().publication is None
    assert other.rows() == ledger.rows()


def test_two_runs_at_once_publish_once(ledger: Ledger) -> None:
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: ledger.run(), range(3)))
    assert len([r for r in reports if r.publication]) == 1
    assert len({x.publication for x in ledger.lake.live()}) == 1
    rows = ledger.rows()
    assert ledger.run().publication is None
    assert ledger.rows() == rows


def test_two_processes_at_once_publish_once(ledger: Ledger) -> None:
    command = [
        sys.executable,
        "-c",
        "from chipledger.command import main; main()",
        "--config",
        str(ledger.folder),
        "run",
    ]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sum("published 5 cluster-days" in text for text in said) == 1
    assert len({x.publication for x in ledger.lake.live()}) == 1


def test_prices_that_contradict_each_other_publish_nothing(ledger: Ledger) -> None:
    """Two names of one accelerator are known as such only later, by the settings: a run sees the contradiction."""
    ledger.bring("prices", "accelerator,purchase,price_per_hour,start\ngpu-x,spot,9,2025-01-01T00:00:00Z\n")
    ledger.run()
    before, live = ledger.rows(), ledger.lake.live()
    ledger.write("chipledger.toml", '[accelerators]\n"gpu-x" = "H100-80GB"\n')
    with pytest.raises(InputError, match="two prices for H100-80GB"):
        ledger.run()
    assert (ledger.rows(), ledger.lake.live()) == (before, live)
    assert ledger.lake.orphans() == []


def test_prices_of_one_accelerator_under_two_names_are_not_imported(ledger: Ledger) -> None:
    with pytest.raises(InputError, match=r"prices of H100-80GB, spot overlap: .*row 2 of prices.*row 1 of prices"):
        ledger.bring(
            "prices", "accelerator,purchase,price_per_hour,start\nNVIDIA H100 80GB HBM3,spot,9,2025-01-01T00:00:00Z\n"
        )


# -- worlds at random ------------------------------------------------------------------------------------------------


def deposited(world: World, folder: Path) -> Config:
    """A project whose inputs are the world's rows; of jobs with one key the first, as an import leaves it."""
    config = load_config(write_project(folder))
    lake = Lake.create(config.lake)
    keyed = pl.col("workload_id").is_not_null()
    for kind in KINDS:
        table = INPUTS[kind]
        frame = world.frame(kind).select(table.names)
        if kind == "jobs":
            once = frame.filter(keyed).unique(["workload_id", "start_ms", "node", "device_id"], maintain_order=True)
            frame = pl.concat([frame.filter(~keyed), once])
        seq = lake.reserve_import(kind, "", kind, kind, "", 0)
        staged = lake.stage(table, frame.with_columns(import_seq=pl.lit(seq, pl.Int64)))
        lake.commit_import(seq, frame.height, 0, {}, [staged], [])
    return msgspec.structs.replace(config, policies=world.policies, zones=dict(world.zones))


def check_accepted(world: World) -> None:
    """The checks' own way to the numbers agrees with the core's, and a second run has nothing to do."""
    with TemporaryDirectory() as folder:
        config = deposited(world, Path(folder) / "ledger")
        pipeline.run(config, None, None, silent)
        assert pipeline.run(config, None, None, silent).publication is None


def silent(text: str, done: float | None) -> None:
    """No progress shown."""


@settings(max_examples=15, derandomize=True, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_no_world_is_refused(world: World) -> None:
    check_accepted(world)


def check_agents_accepted(world: World) -> None:
    """The checks agree with what the core makes of what agents tell."""
    with TemporaryDirectory() as folder:
        config = deposited(world, Path(folder) / "ledger")
        inventory, spans, todo, _ = pipeline.pending(config)
        if not todo:
            return
        start, end, halo = todo[0].start, todo[-1].start + 86_400_000, plan.halo_ms(world.policies)
        told = replace(inventory, samples=world.frame("samples").lazy())
        imported = partition(told, spans[0], start, end, world.policies, world.zones, halo)
        health, watched = world.spans("health"), world.spans("watched")
        results = account(replace(imported, health=health, watched=watched, scheduled=world.scheduled))
        assert staged_failures(config, inventory, spans, todo, results) == []


def staged_failures(
    config: Config, inventory: Inventory, spans: list[Span], todo: list[plan.Day], results: Results
) -> list[checks.Failure]:
    lake = Lake.open(config.lake)
    frames = {table: getattr(results, table.name) for table in RESULTS}
    staged = [lake.stage(t, f.with_columns(publication=pl.lit("p"))) for t, f in frames.items() if f.height]
    found = checks.check_staged(lake, inventory, spans, config.policies, todo, staged).failures
    lake.discard(staged)
    return found


@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck), deadline=None)
@given(agents())
def test_nothing_that_agents_tell_is_refused(world: World) -> None:
    check_agents_accepted(world)


@pytest.mark.soak
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(agents(most_days=3))
def test_nothing_that_agents_tell_is_refused_at_length(world: World) -> None:
    check_agents_accepted(world)


@pytest.mark.soak
@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(worlds(most_days=3))
def test_no_world_is_refused_at_length(world: World) -> None:
    check_accepted(world)
