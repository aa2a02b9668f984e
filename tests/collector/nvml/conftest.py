"""The stub driver in this process: the genuine `pynvml`, a library of C, a state that the test commands."""

from __future__ import annotations

import ctypes
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pynvml
import pytest

from collector.nvml.source import Nvml
from collector.nvml.watch import Watch
from collector.source import Instant, Process, Reading, Tick
from tests.fakes.nvml.stub import Sim

WALL_MS = 1_780_000_000_000


class Machine:
    """A machine with a driver, its processes in a /proc of their own, and a source, ticked by the second."""

    def __init__(self, sim: Sim, proc: Path) -> None:
        self.sim, self.proc = sim, proc
        self.source = Nvml(processes_every=1, proc=proc)
        self.second = 0
        self.watch: Watch | None = None

    def start(self, pid: int, comm: str = "python") -> int:
        folder = self.proc / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "comm").write_text(comm[:15] + "\n")
        return pid

    def end(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))

    @property
    def now_us(self) -> int:
        return self.wall_ms * 1000

    @property
    def wall_ms(self) -> int:
        return WALL_MS + self.second * 1000

    def at(self) -> Instant:
        return Instant(boot_ns=self.second * 10**9 + 10**12, wall_ms=self.wall_ms)

    def tick(self, seconds: int = 1) -> Tick:
        self.second += seconds
        return self.source.tick(self.at())

    def watched(self) -> Watch:
        self.watch = Watch(self.source)
        return self.watch


@pytest.fixture
def machine_of(
    stubs: Callable[[int], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], Machine]]:
    machines: list[Machine] = []

    def make(driver: int) -> Machine:
        sim = Sim(tmp_path / "driver.state", driver=f"{driver}.48.01")
        proc = tmp_path / "proc"
        proc.mkdir()
        monkeypatch.setenv("NVMLSTUB_STATE", str(sim.path))
        monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(stubs(driver))))
        pynvml._nvmlGetFunctionPointer_cache.clear()
        machines.append(Machine(sim, proc))
        return machines[-1]

    yield make
    for machine in machines:
        machine.sim.heal()
        if machine.watch is not None:
            assert machine.watch.close(5)
        machine.source.close()
    pynvml._nvmlGetFunctionPointer_cache.clear()


@pytest.fixture
def machine(machine_of: Callable[[int], Machine]) -> Machine:
    return machine_of(590)


def by_uuid(tick: Tick) -> dict[str, Reading]:
    return {reading.uuid: reading for reading in tick.readings}


def by_pid(tick: Tick) -> dict[int, Process]:
    assert tick.processes is not None
    return {process.pid: process for process in tick.processes}


def kinds(tick: Tick) -> list[tuple[str, int]]:
    return [(event.kind, event.value) for event in tick.events]
