"""From jobs and nodes to what is told of them at an instant."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from collector.central.findings import Allocated, Stocked
from collector.slurm.config import PARTITION
from collector.slurm.gres import UNTYPED
from collector.slurm.jobs import Job
from collector.slurm.nodes import Node, pools
from collector.wire import Group, Place, Workload

_PPM = 1_000_000


class Types(Struct):
    """Of which type all accelerators of a node, and of a partition's nodes, are; where several are, nothing.

    A node that is not listed any more keeps its type: a job that is told again must be told of the same accelerator.
    """

    nodes: dict[str, str] = {}
    partitions: dict[str, str] = {}

    def learned(self, nodes: list[Node]) -> Types:
        """With what these nodes tell."""
        by_node = {node.name: set(node.accelerators) for node in nodes}
        by_partition: dict[str, set[str]] = {}
        for node in nodes:
            for partition in node.partitions:
                by_partition.setdefault(partition, set()).update(node.accelerators)
        return Types(_only(self.nodes, by_node), _only(self.partitions, by_partition))

    def of(self, job: Job) -> str:
        """What an accelerator of the job is that neither sacct nor squeue gives a type."""
        if not job.nodes:
            return self.partitions.get(job.partition.partition(",")[0], UNTYPED)
        types = {self.nodes.get(node, UNTYPED) for node in job.nodes}
        return types.pop() if len(types) == 1 else UNTYPED


def _only(before: dict[str, str], found: dict[str, set[str]]) -> dict[str, str]:
    kept = {name: kind for name, kind in before.items() if name not in found}
    return kept | {name: min(types) for name, types in found.items() if len(types) == 1}


class Site(Struct, frozen=True, kw_only=True):
    """Where what is told is: as the configuration has it, of one cluster."""

    cluster: str
    pool: str
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None

    def group(self, accelerator: str, partition: str, node: str = "") -> Group:
        """A job that waits may name several partitions: the first is its pool."""
        pool = partition.partition(",")[0] if self.pool == PARTITION else self.pool
        place = Place(
            cluster=self.cluster,
            node=node,
            pool=pool,
            provider=self.provider,
            region=self.region,
            purchase=self.purchase,
        )
        return Group(place=place, accelerator=accelerator)


def allocated(job: Job, types: Types, site: Site, at_ms: int) -> Iterator[Allocated]:
    """What an attempt holds, or waits for, as it was at an instant: one for each type of accelerator.

    Nothing of one that was not there yet. One that never started waited until it was withdrawn.
    """
    ended = job.end_ms is not None and job.end_ms <= at_ms
    until = job.end_ms if job.end_ms is not None and ended else at_ms
    began = job.submitted_ms if job.start_ms is None else job.start_ms
    if began is None or began > until or (began == until and not ended):
        return
    workload = Workload(
        id=job.id,
        kind="slurm",
        uid=job.number,
        user=job.user,
        account=job.account,
        namespace=job.partition,
        cluster=site.cluster,
    )
    for accelerator, count in _by_type(job, types).items():
        yield Allocated(
            group=site.group(accelerator, job.partition, job.nodes[0] if len(job.nodes) == 1 else ""),
            workload=workload,
            quantity_ppm=count * _PPM,
            submitted_ms=job.submitted_ms,
            start_ms=job.start_ms,
            until_ms=until,
            closed=ended,
            priority=job.priority,
            outcome=job.state,
        )


def _by_type(job: Job, types: Types) -> dict[str, int]:
    """Counts by accelerator; where what has no type is of a type that is there too, they are added."""
    found = {kind: count for kind, count in job.held.items() if kind != UNTYPED}
    if rest := job.held.get(UNTYPED):
        kind = types.of(job)
        found[kind] = found.get(kind, 0) + rest
    return found


def stocked(nodes: list[Node], site: Site, start_ms: int, at_ms: int) -> Iterator[Stocked]:
    """What nodes had since `start_ms`, in the condition that they were seen in.

    One that its cloud has switched off has none: where nothing is told, it is taken that nobody could look.
    """
    pooled = pools(nodes)
    for node in nodes:
        if node.condition is None and not node.off:
            continue
        for accelerator, count in node.accelerators.items():
            yield Stocked(
                group=site.group(accelerator, pooled[node.name], node.name),
                start_ms=start_ms,
                until_ms=at_ms,
                quantity_ppm=0 if node.off else count * _PPM,
                condition=node.condition or "ready",
            )
