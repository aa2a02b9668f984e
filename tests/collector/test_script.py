"""Two hours of a machine whose truth is known: genuine pynvml, genuine files, from the driver to the bill."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random

import polars as pl
import pynvml
import pytest
from msgspec import structs

from accounting import pipeline
from accounting.config import load_config, write_project
from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.inputs.importing import import_file, silent
from accounting.inputs.mapping import load_mapping
from accounting.project import Project
from accounting.stores.lake import Lake
from collector.agent import Agent
from collector.config import Config
from collector.identity.config import Config as Identity
from collector.identity.resolver import Resolver
from collector.inbox import FolderInbox
from collector.nvml.source import Nvml
from collector.service import header_of
from collector.ship import Shipper
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from collector.wire import Header
from tests.collector.plant import Direct, Plant, Task
from tests.fakes.nvml.profiles import H100
from tests.fakes.nvml.stub import Sim

EPOCH_MS = 1_772_409_600_000 + 9 * 3_600_000
"""2026-03-02 09:00 UTC."""
LENGTH = 7200
DOWN = (4000, 4300)
"""Seconds in which the agent is not there: killed, and started again."""
LOST = (5200, 5620)
"""Seconds in which GPU 3 is off the bus."""
PRICES = """[columns]
accelerator = "accelerator"
price_per_hour = "price_per_hour"
currency = "currency"
"""
DOCKER = "/system.slice/docker-{}.scope"


def slurm(job: int) -> str:
    return f"/system.slice/slurmstepd.scope/job_{job}/step_0/user/task_0"


def tasks() -> list[Task]:
    """GPU 0: one long job. GPU 1: short jobs one after the other. GPU 2: three share it. GPU 3: gets lost."""
    random = Random(11)
    found = [Task(100, 0, 0, 6000.5, 0.83, slurm(1))]
    at = 20.0
    while at < LENGTH - 60:
        length = random.choice([3.0, 3.4, 7.25, 40.0, 180.5])
        number = 200 + len(found)
        found.append(Task(number, 1, round(at, 2), round(at + length, 2), 1.0, slurm(number)))
        at += length + random.choice([5.0, 12.3, 61.0])
    found += [
        Task(9001, 2, 100.0, 7000.0, 0.31, DOCKER.format("a" * 64)),
        Task(9002, 2, 900.5, 5000.0, 0.22, DOCKER.format("b" * 64)),
        Task(9003, 2, 3000.0, 3003.0, 0.4, DOCKER.format("c" * 64)),
        Task(9100, 3, 50.0, 7100.0, 0.6, slurm(77)),
    ]
    return found


class Site:
    """The machine, its agent, the inbox, and the project that takes it in."""

    def __init__(self, folder: Path, plant: Plant) -> None:
        self.folder, self.plant = folder, plant
        self.config = Config()
        self.inbox = folder / "project" / "inbox"
        Lake.create(load_config(write_project(folder / "project")).lake)
        self.inbox.mkdir()
        self.ran = 0

    @property
    def header(self) -> Header:
        header = header_of(self.config, "test")
        wall, boot = self.plant.wall_ns() // 1_000_000, self.plant.boot_ns()
        return structs.replace(
            header, node="n1", cluster="lab", pool="h100", provider="on_prem", wall_ms=wall, boot_ns=boot
        )

    def run(self, until: int, *, killed: bool) -> None:
        """An agent from now until a second of the script."""
        spool = Spool(self.folder / "spool", self.header, Limits(seal_after_s=0.05, reserve_bytes=0))
        source = Nvml(processes_every=5, proc=self.plant.proc)
        resolver = Resolver(Identity(node="n1", proc=str(self.plant.proc), kubernetes="off", slurm="off"))
        agent = Agent(Direct(self.plant, source), resolver, spool, self.plant.clock, 1000, 10_000, EPOCH_MS)
        while self.plant.now < until:
            self.plant.advance(self.plant.now + 1)
            if self.plant.now == LOST[0]:
                self.plant.sim.fail(pynvml.NVML_ERROR_GPU_IS_LOST, device=3)
            if self.plant.now == LOST[1]:
                self.plant.sim.heal()
            agent.step()
        if not killed:
            agent.close()
        source.close()
        spool.seal()
        shipper = Shipper(spool, FolderInbox(self.inbox))
        while shipper.ship():
            self.ran += 1
        spool.close()

    def account(self) -> Project:
        config = load_config(self.folder / "project")
        (config.folder / "prices.csv").write_text("accelerator,price_per_hour,currency\nH100-80GB,3.6,USD\n")
        (config.folder / "prices.toml").write_text(PRICES)
        mapping = load_mapping(config.folder / "prices.toml")
        import_file(Lake.open(config.lake), "prices", config.folder / "prices.csv", mapping, now=EPOCH_MS, source=None,
                    strict=True)  # fmt: skip
        ingest(Lake.open(config.lake), open_inbox("inbox", config.folder), EPOCH_MS + 86_400_000)
        pipeline.run(config, None, None, silent)
        return Project(config)


@pytest.fixture(scope="module")
def accounted(stubs: Callable[[int], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Plant, Project]:
    folder = tmp_path_factory.mktemp("script")
    (folder / "proc").mkdir()
    sim = Sim(folder / "driver.state", driver="590.48.01")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NVMLSTUB_STATE", str(sim.path))
        patch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(stubs(590))))
        pynvml._nvmlGetFunctionPointer_cache.clear()
        plant = Plant(sim, folder / "proc", [H100] * 4, tasks(), EPOCH_MS)
        site = Site(folder, plant)
        plant.advance(0)
        site.run(DOWN[0], killed=True)
        while plant.now < DOWN[1]:
            plant.advance(plant.now + 1)
        site.run(LENGTH, killed=False)
        pynvml._nvmlGetFunctionPointer_cache.clear()
    return plant, site.account()


def gpu(number: int) -> str:
    return f"GPU-00000000-0000-0000-0000-{number:012d}"


def hours(project: Project, keys: str) -> dict[object, pl.DataFrame]:
    """Seconds and busy seconds of usage, by GPU and the keys."""
    rows = project.query(
        f"SELECT device_id, {keys}, SUM(device_seconds) AS seconds, SUM(busy_seconds) AS busy"
        f" FROM usage GROUP BY device_id, {keys} ORDER BY device_id, {keys}"
    )
    return {number: rows.filter(pl.col("device_id") == gpu(number)).drop("device_id") for number in range(4)}


def seen(task: Task) -> float:
    """Seconds of activity of a task while the agent was there and the device was."""
    watched = [(0, DOWN[0]), (DOWN[1] + 2, LENGTH)]
    if task.gpu == 3:
        watched = [(0, DOWN[0]), (DOWN[1] + 2, LOST[0] - 1), (LOST[1] + 2, LENGTH)]
    return task.level * sum(task.overlap(start, end) for start, end in watched)


def test_the_states_of_every_device_add_up_to_wall_time(accounted: tuple[Plant, Project]) -> None:
    _, project = accounted
    found = hours(project, "state")
    # GPU 0 was held when the agent came; of the others it knows from its second reading on
    assert [float(found[number]["seconds"].sum()) for number in range(4)] == [
        LENGTH,
        LENGTH - 1,
        LENGTH - 1,
        LENGTH - 1,
    ]
    unknown = {n: dict(rows.select("state", "seconds").iter_rows()) for n, rows in found.items()}
    gap = DOWN[1] - DOWN[0] + 1
    assert float(unknown[0]["allocated_unobserved"]) == gap + 1, "and the second before its first reading"
    assert float(unknown[1]["unobserved"] + unknown[1]["allocated_unobserved"]) == gap
    assert float(unknown[3]["unhealthy"]) == pytest.approx(LOST[1] - LOST[0], abs=5)
    assert float(unknown[3]["allocated_unobserved"]) == gap


def test_what_every_workload_did_is_what_the_script_says(accounted: tuple[Plant, Project]) -> None:
    plant, project = accounted
    rows = pl.concat(hours(project, "workload_id").values()).filter(pl.col("workload_id").is_not_null())
    busy = {name: float(amount or 0) for name, _, amount in rows.iter_rows()}
    for task in plant.tasks:
        name = (
            task.cgroup.split("job_")[-1].partition("/")[0]
            if "slurm" in task.cgroup
            else f"docker:{task.cgroup[21:33]}@n1"
        )
        if seen(task) > 0.5:
            assert busy[name] == pytest.approx(seen(task), rel=0.01, abs=0.05), task


def test_a_job_of_three_seconds_is_charged_for_three_seconds(accounted: tuple[Plant, Project]) -> None:
    plant, project = accounted
    rows = hours(project, "workload_id")[1]
    held = {name: float(seconds) for name, seconds, _ in rows.iter_rows() if name}
    short = [t for t in plant.tasks if t.gpu == 1 and t.end - t.start < 4 and not DOWN[0] - 1 < t.end < DOWN[1] + 5]
    assert len(short) > 20
    for task in short:
        assert held[str(task.pid)] == pytest.approx(task.end - task.start, abs=0.011), task


def test_the_bill_adds_up_and_nothing_ran_behind_anybody(accounted: tuple[Plant, Project]) -> None:
    _, project = accounted
    charged = project.query(
        "SELECT charge_kind, SUM(device_seconds) AS s, SUM(cost) AS c FROM charges GROUP BY charge_kind"
    )
    by_kind = {kind: (seconds, cost) for kind, seconds, cost in charged.iter_rows()}
    assert sum(s for s, _ in by_kind.values()) == Decimal(4 * LENGTH - 3)
    assert sum(c for _, c in by_kind.values()) == sum(s for s, _ in by_kind.values()) * Decimal("3.6") / 3600
    assert by_kind.keys() == {"usage", "unallocated", "overhead"}
    assert project.query("SELECT fault FROM faults").is_empty()
