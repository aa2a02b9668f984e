"""A source that is read again and again, as the collector does, and what stays of what it told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from collector.central.findings import Allocated, Findings, Span, Stocked
from collector.slurm.config import Slurm
from collector.slurm.source import SlurmSource
from tests.fakes.slurm.cluster import Cluster

Told = tuple[Any, ...]


class Watcher:
    """Reads span after span; the clock goes with the spans unless it is said to be later."""

    def __init__(self, cluster: Cluster, since: int, config: Slurm | None = None) -> None:
        self.cluster = cluster
        self.until = since
        self.config = config or Slurm(folder=str(cluster.folder), cluster="hpc")
        self.source = SlurmSource(self.config, cluster.now_ms)
        self.allocated: list[Allocated] = []
        self.stocked: list[Stocked] = []

    def read(self, end: int, now: int | None = None) -> Findings:
        """The span up to `end`, Unix seconds, as a collector that is started anew for it."""
        self.cluster.show(end if now is None else now)
        memory = self.source.memory()
        self.source = SlurmSource(self.config, self.cluster.now_ms)
        self.source.remember(memory)
        found = self.source.read(Span(self.until * 1000, end * 1000))
        self.until = end
        self.allocated += found.allocated
        self.stocked += found.stocked
        return found

    def read_all(self, ends: Iterable[int]) -> None:
        for end in ends:
            self.read(end)


def kept(allocated: Iterable[Allocated]) -> dict[Told, Allocated]:
    """What stays: of one workload, group, submission and start the latest."""
    found: dict[Told, Allocated] = {}
    for one in allocated:
        key = (one.workload.id, one.group, one.submitted_ms, one.start_ms)
        if key not in found or one.until_ms >= found[key].until_ms:
            found[key] = one
    return found


def held(allocated: Iterable[Allocated]) -> set[Told]:
    """Attempts that started: id, pool, node, accelerator, quantity, start and until in seconds, closed, outcome."""
    return {
        (
            one.workload.id,
            one.group.place.pool,
            one.group.place.node,
            one.group.accelerator,
            one.quantity_ppm // 1_000_000,
            one.start_ms // 1000,
            one.until_ms // 1000,
            one.closed,
            one.outcome,
        )
        for one in kept(allocated).values()
        if one.start_ms is not None
    }


def waits(allocated: Iterable[Allocated]) -> set[Told]:
    """Requests that had not started: id, accelerator, quantity, submission and until in seconds, closed."""
    return {
        (
            one.workload.id,
            one.group.accelerator,
            one.quantity_ppm // 1_000_000,
            (one.submitted_ms or 0) // 1000,
            one.until_ms // 1000,
            one.closed,
        )
        for one in kept(allocated).values()
        if one.start_ms is None
    }
