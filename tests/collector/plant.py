"""A machine with the stub driver on which a script runs: processes come, work and go, and what they did is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from collector.clock import Clock
from collector.source import Instant, Tick
from tests.collector.identity import proctree
from tests.fakes.nvml.day import Day, Load
from tests.fakes.nvml.profiles import Profile
from tests.fakes.nvml.stub import Accounted, Gpu, Sim

UP_S = 1000
"""How long the machine has been up when the script begins."""


@dataclass(frozen=True)
class Task:
    """A process that keeps `level` of a GPU busy from `start` to `end`, in seconds of the script."""

    pid: int
    gpu: int
    start: float
    end: float
    level: float
    cgroup: str
    uid: int = 1000

    def overlap(self, start: float, end: float) -> float:
        return max(0.0, min(self.end, end) - max(self.start, start))


@dataclass
class Plant:
    """`advance` brings the driver and /proc to a second of the script, which begins at `epoch_ms` (Unix)."""

    sim: Sim
    proc: Path
    profiles: list[Profile]
    tasks: list[Task]
    epoch_ms: int
    now: float = 0.0
    gpus: list[Gpu] = field(default_factory=list)
    days: list[Day] = field(default_factory=list)
    rows: dict[int, Accounted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        proctree.boot(self.proc)
        for number, profile in enumerate(self.profiles):
            gpu = self.sim.add(profile)
            gpu.accounting_mode = 1
            self.gpus.append(gpu)
            self.days.append(Day(gpu, self._steps(number), self.epoch_ms * 1000))

    def busy(self, gpu: int, start: float, end: float) -> float:
        """Seconds of activity of a GPU in a span, by the script."""
        return self.days[gpu].total("busy", start, end)

    def advance(self, second: float) -> None:
        before, self.now = self.now, second
        for day in self.days:
            day.until(second)
        for task in self.tasks:
            if before < task.start <= second or (before == 0 and task.start == 0):
                self._begin(task)
            if before < task.end <= second:
                self._finish(task)
        for number, gpu in enumerate(self.gpus):
            self._list(number, gpu, before, second)

    # -- clocks of the agent -------------------------------------------------------------------------------------

    def boot_ns(self) -> int:
        return round((UP_S + self.now) * 1e9)

    def wall_ns(self) -> int:
        return self.epoch_ms * 1_000_000 + round(self.now * 1e9)

    @property
    def clock(self) -> Clock:
        return Clock(self.boot_ns, self.wall_ns)

    def _steps(self, gpu: int) -> list[tuple[float, Load]]:
        mine = [t for t in self.tasks if t.gpu == gpu]
        edges = sorted({0.0, *(t.start for t in mine), *(t.end for t in mine)})
        return [(at, self._load([t for t in mine if t.start <= at < t.end])) for at in edges]

    def _load(self, tasks: list[Task]) -> Load:
        busy = min(1.0, sum(t.level for t in tasks))
        return Load(busy, busy * 0.8, busy * 0.5, busy * 0.3, 70 + 500 * busy)

    def _begin(self, task: Task) -> None:
        start = round((UP_S + task.start) * 100)
        proctree.process(self.proc, task.pid, task.cgroup, uid=task.uid, start=start)
        gpu = self.gpus[task.gpu]
        self.sim.account(gpu, task.pid, running=1, start_us=self.epoch_ms * 1000 + round(task.start * 1e6))
        self.rows[task.pid] = gpu.account[gpu.accounted - 1]

    def _finish(self, task: Task) -> None:
        proctree.end(self.proc, task.pid)
        row = self.rows.pop(task.pid)
        row.running, row.time_ms, row.gpu = 0, round(1000 * (task.end - task.start)), round(100 * task.level)

    def _list(self, number: int, gpu: Gpu, before: float, second: float) -> None:
        gpu.processes = 0
        alive = [t for t in self.tasks if t.gpu == number and t.start <= second < t.end]
        for task in alive:
            self.sim.process(gpu, task.pid)
        gpu.used = len(alive) * (600 << 20)
        for task in self.tasks:
            share = task.overlap(before, second) / (second - before) if second > before else 0.0
            if task.gpu == number and share:
                self.sim.used(gpu, task.pid, round(100 * task.level * share), self.wall_ns() // 1000)


@dataclass
class Direct:
    """A reader that asks the source in this thread, as time is scripted."""

    plant: Plant
    source: object

    def poll(self, at: Instant, deadline_s: float) -> Tick | None:
        tick: Tick = self.source.tick(at)  # type: ignore[attr-defined]
        return tick
