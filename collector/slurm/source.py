"""Slurm as a source: jobs that ended from sacct, those that run and wait from squeue, capacity from scontrol."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct, field

from collector.central.findings import Findings, Span
from collector.finding import Finding
from collector.slurm.commands import Commands
from collector.slurm.config import Slurm
from collector.slurm.doctor import examine
from collector.slurm.jobs import Job, running, waiting
from collector.slurm.told import Site, Types, allocated, stocked

FORGET_MS = 3 * 86_400_000
"""slurmdbd is asked so long how a job ended that squeue shows no more."""


class Open(Struct, frozen=True):
    """An attempt that was told as running, last at `seen_ms`."""

    number: str
    start_ms: int
    seen_ms: int


class Memory(Struct):
    """Of one cluster: when its nodes were last read (0: never), which jobs ran then, and types of accelerators."""

    nodes_ms: int = 0
    open: list[Open] = []
    types: Types = field(default_factory=Types)


class SlurmSource:
    """`now_ms` is the wall clock: what squeue and scontrol say holds for spans that end now, and for no others.

    Of earlier spans only what ended in them, or later, is told. A job that runs is told again and again until squeue
    shows it no more, and is told closed when slurmdbd has its end, however late that is.
    """

    kind = "scheduler"

    def __init__(self, config: Slurm, now_ms: Callable[[], int]) -> None:
        self.name = config.name or "slurm"
        self._config = config
        self._now_ms = now_ms
        self._commands = {
            cluster or config.cluster: Commands(config.folder, config.timeout, cluster)
            for cluster in config.clusters or ("",)
        }
        self._memory: dict[str, Memory] = {}

    def read(self, span: Span) -> Findings:
        findings = Findings()
        memory = {
            cluster: self._read(cluster, self._memory.get(cluster, Memory()), span, findings)
            for cluster in self._commands
        }
        self._memory = memory
        return findings

    def memory(self) -> bytes:
        return msgspec.json.encode(self._memory) if self._memory else b""

    def remember(self, memory: bytes) -> None:
        self._memory = msgspec.json.decode(memory, type=dict[str, Memory]) if memory else {}

    def examine(self) -> Iterator[Finding]:
        for cluster, commands in self._commands.items():
            yield from examine(cluster, commands, self._config, self._now_ms())

    def cost(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing is kept open."""

    def _read(self, cluster: str, memory: Memory, span: Span, findings: Findings) -> Memory:
        """Tells of one cluster's span, and returns what is to be known for the next."""
        commands, site = self._commands[cluster], self._site(cluster)
        is_now = self._now_ms() - span.end_ms <= (self._config.delay + self._config.every) * 1000
        # Before sacct: what ends between the two is in both, and not in neither.
        queue = commands.queue().jobs if is_now else []
        nodes = commands.nodes()
        known = commands.accounts(Span(span.start_ms - int(self._config.lookback * 1000), span.end_ms))
        live = [job for queued in queue for job in running(queued)]
        gone = _gone(memory.open, live, known) if is_now else []
        known += commands.attempts(gone) if gone else []

        types = memory.types.learned(nodes)
        attempts = _attempts(known, live)
        requests = [job for queued in queue for job in waiting(queued)]
        findings.allocated += [
            told for job in [*attempts, *requests] for told in allocated(job, types, site, span.end_ms)
        ]
        findings.points += len(known) + len(queue)
        if is_now:
            since = max(memory.nodes_ms or span.start_ms, span.end_ms - int(2000 * self._config.every))
            findings.stocked += stocked(nodes, site, since, span.end_ms)
            findings.points += len(nodes)
        nodes_ms = span.end_ms if is_now else memory.nodes_ms
        return Memory(nodes_ms, _open(memory.open, attempts, span.end_ms), types)

    def _site(self, cluster: str) -> Site:
        config = self._config
        return Site(
            cluster=cluster,
            pool=config.pool,
            provider=config.provider,
            region=config.region,
            purchase=config.purchase,
        )


def _attempts(known: list[Job], live: list[Job]) -> list[Job]:
    """As slurmdbd has them if they have ended or squeue shows them as running; what it does not have, as squeue does.

    What slurmdbd has no end of and squeue does not show has ended: its end is still on the way, or was lost.
    """
    runs = {(job.id, job.start_ms): job for job in live}
    recorded = [job for job in known if job.end_ms is not None or (job.id, job.start_ms) in runs]
    there = {(job.id, job.start_ms) for job in recorded}
    return [*recorded, *(job for key, job in runs.items() if key not in there)]


def _gone(before: list[Open], live: list[Job], known: list[Job]) -> list[str]:
    """Numbers of jobs that ran, are not shown as running any more, and of whose end nothing was found."""
    runs = {(job.number, job.start_ms) for job in live}
    ended = {(job.number, job.start_ms) for job in known if job.end_ms is not None}
    return sorted({o.number for o in before if (o.number, o.start_ms) not in runs | ended})


def _open(before: list[Open], attempts: list[Job], at_ms: int) -> list[Open]:
    """The attempts whose end is still to be told."""
    ended = {(job.number, job.start_ms) for job in attempts if job.end_ms is not None and job.end_ms <= at_ms}
    seen = {(o.number, o.start_ms): o.seen_ms for o in before if at_ms - o.seen_ms < FORGET_MS}
    runs = ((job.number, job.start_ms) for job in attempts if job.held and job.start_ms is not None)
    seen |= {(number, start): at_ms for number, start in runs if start < at_ms}
    return [Open(number, start, at) for (number, start), at in sorted(seen.items()) if (number, start) not in ended]
