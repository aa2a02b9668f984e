"""A node whose truth is known: jobs on devices, read by ticks as a driver would tell of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from collector.agent import Agent
from collector.clock import Clock
from collector.source import Ended, Instant, Process, Reading, Tick
from collector.wire import UNKNOWN, Batch, Device, Holding, Note, Record, Workload

T = TypeVar("T")

START = 1_764_000_000_000
"""Wall time of boot in ms."""


@dataclass
class Job:
    """A process that keeps a device busy at a level of it from `start` to `end` (ms since boot)."""

    pid: int
    device: int
    start: int
    end: int
    level: float
    workload: str = ""

    @property
    def name(self) -> str:
        return self.workload or f"job{self.pid}"

    def inside(self, start: int, end: int) -> int:
        return max(0, min(self.end, end) - max(self.start, start))


@dataclass
class Names:
    """The interner of one endless segment."""

    devices: list[Device] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def device(self, device: Device) -> int:
        return _position(self.devices, device)

    def workload(self, workload: Workload) -> int:
        return _position(self.workloads, workload)

    def text(self, text: str) -> int:
        return _position(self.texts, text)


def _position(known: list[T], one: T) -> int:
    if one not in known:
        known.append(one)
    return known.index(one)


@dataclass
class Book:
    """A spool in memory."""

    names: Names = field(default_factory=Names)
    batches: list[Batch] = field(default_factory=list)

    def append(self, batch: Batch) -> int:
        self.batches.append(batch)
        return len(self.batches)

    @property
    def records(self) -> list[Record]:
        return [row for batch in self.batches for row in batch.records]

    @property
    def notes(self) -> list[Note]:
        return [row for batch in self.batches for row in batch.notes]

    def of_devices(self) -> list[Record]:
        return [row for row in self.records if row.workload == UNKNOWN]

    def held(self) -> dict[tuple[int, str], Holding]:
        """The latest of each holding by device and workload."""
        found: dict[tuple[int, str, int], Holding] = {}
        for batch in self.batches:
            for row in batch.holdings:
                key = (self.names.devices[row.device].minor, self.names.workloads[row.workload].id, row.start_ms)
                if key not in found or row.until_ms >= found[key].until_ms:
                    found[key] = row
        return {(device, name): row for (device, name, _), row in sorted(found.items())}


@dataclass
class Node:
    """The node's devices and jobs, the time since boot, and who has been told of."""

    jobs: list[Job]
    count: int = 1
    accounting: bool = True
    looks_every: int = 5
    at: int = 0
    read: dict[int, int] = field(default_factory=dict)
    silent: list[tuple[int, int, int]] = field(default_factory=list)
    lost: list[tuple[int, int, int]] = field(default_factory=list)
    hung: list[tuple[int, int]] = field(default_factory=list)
    given: list[tuple[int, str, int]] | None = None
    stepped: int = 0
    ticks: int = 0
    looked: int = 0
    ended: set[int] = field(default_factory=set)
    began: dict[int, int] = field(default_factory=dict)
    kind: str = "user"

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(Device(uuid=f"GPU-{i}", name="NVIDIA H100 80GB HBM3", minor=i) for i in range(self.count))

    def busy(self, device: int, start: int, end: int) -> float:
        return min(float(end - start), sum(j.level * j.inside(start, end) for j in self.jobs if j.device == device))

    # -- a reader ------------------------------------------------------------------------------------------------

    def poll(self, at: Instant, deadline_s: float) -> Tick | None:
        now = at.boot_ns // 1_000_000
        if any(a <= now < b for a, b in self.hung):
            return None
        readings = [r for i in range(self.count) if (r := self._reading(i, now)) is not None]
        tick = Tick(at=at, devices=self.devices, readings=readings)
        if self.ticks % self.looks_every == 0:
            tick.processes, tick.ended = self._processes(now), self._gone(now) if self.accounting else []
            self.looked = now
        self.ticks += 1
        return tick

    def _reading(self, device: int, now: int) -> Reading | None:
        if any(d == device and a <= now < b for d, a, b in self.silent):
            return None
        if any(d == device and a <= now < b for d, a, b in self.lost):
            self.read[device] = now
            return Reading(uuid=f"GPU-{device}", health=1)
        before = self.read.get(device, now)
        self.read[device] = now
        if now == before:
            return Reading(uuid=f"GPU-{device}", busy=0.0, energy_mj=0)
        mean = self.busy(device, before, now) / (now - before)
        return Reading(uuid=f"GPU-{device}", busy=mean, energy_mj=round(100 * (now - before)), memory_bytes=1 << 30)

    def _processes(self, now: int) -> list[Process]:
        since = now - self.looked
        return [
            Process(
                uuid=f"GPU-{j.device}",
                pid=j.pid,
                memory_bytes=1 << 20,
                busy=j.level * j.inside(self.looked, now) / since if since else None,
            )
            for j in self.jobs
            if j.start <= now < j.end
        ]

    def _gone(self, now: int) -> list[Ended]:
        gone = [j for j in self.jobs if j.end <= now and j.pid not in self.ended]
        self.ended |= {j.pid for j in gone}
        return [
            Ended(uuid=f"GPU-{j.device}", pid=j.pid, start_ms=START + j.start, end_ms=START + j.end, busy=j.level)
            for j in gone
        ]

    # -- identities ----------------------------------------------------------------------------------------------

    def workload(self, pid: int, at: Instant) -> Workload | None:
        return next((Workload(id=j.name, kind=self.kind) for j in self.jobs if j.pid == pid), None)

    def started_ms(self, pid: int, at: Instant) -> int | None:
        if pid in self.began:
            return self.began[pid]
        return next((START + j.start for j in self.jobs if j.pid == pid), None)

    def held(self, devices: tuple[Device, ...], at: Instant) -> list[Given] | None:
        if self.given is None:
            return None
        return [Given(f"GPU-{d}", Workload(id=w, kind="kubernetes"), ppm) for d, w, ppm in self.given]

    # -- the clocks ----------------------------------------------------------------------------------------------

    def boot(self) -> int:
        return self.at * 1_000_000

    def wall(self) -> int:
        return (START + self.at + self.stepped) * 1_000_000


@dataclass(frozen=True)
class Given:
    """An allocation."""

    uuid: str
    workload: Workload
    share_ppm: int
    start_ms: int | None = None


def run(node: Node, until: int, period: int = 1000, window: int = 10_000) -> Book:
    """What an agent tells of a node from boot to `until` ms after."""
    book = Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), period, window)
    while node.at <= until:
        agent.step()
        node.at += period
    agent.close()
    return book
