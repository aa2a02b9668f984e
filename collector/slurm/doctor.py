"""What keeps a cluster from being told: each finding with its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from collector.central.findings import Span, Unanswered
from collector.finding import Finding
from collector.slurm.commands import Commands
from collector.slurm.config import PARTITION, Slurm
from collector.slurm.nodes import Node

HOUR_MS = 3_600_000


def examine(cluster: str, commands: Commands, config: Slurm, now_ms: int) -> Iterator[Finding]:
    """All findings, in the order in which the source depends on them."""
    missing = [name for name in ("sacct", "squeue", "scontrol") if commands.find(name) is None]
    if missing:
        remedy = "install Slurm's client commands here, or set `folder` to where they are"
        yield Finding("fail", f"slurm {cluster}", f"{', '.join(missing)}: not found", remedy)
        return
    for findings in (_queue(commands), _settings(commands), _accounts(commands, now_ms), _nodes(commands, config)):
        yield from _told(cluster, findings)


def _told(cluster: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    try:
        for found in findings:
            yield Finding(found.grade, f"slurm {cluster} {found.about}", found.says, found.remedy)
    except Unanswered as error:
        says, _, remedy = str(error).partition("; ")
        yield Finding("fail", f"slurm {cluster}", says, remedy or "run the command by hand as this user")


def _queue(commands: Commands) -> Iterator[Finding]:
    queue = commands.queue()
    release = queue.release or "of an unknown release"
    yield Finding("ok", "squeue", f"Slurm {release}, JSON {queue.parser or 'as before 23.02'}, {len(queue.jobs)} jobs")


def _settings(commands: Commands) -> Iterator[Finding]:
    settings = commands.settings()
    tres = settings.get("AccountingStorageTRES", "")
    if "gres/gpu" not in tres:
        remedy = "set AccountingStorageTRES=gres/gpu in slurm.conf (types too: gres/gpu:a100) and restart slurmctld"
        yield Finding("fail", "counts", "AccountingStorageTRES lacks gres/gpu: jobs have no count of GPUs", remedy)
    else:
        yield Finding("ok", "counts", f"AccountingStorageTRES={tres}")
    hidden = {word for word in ("jobs", "usage", "nodes") if word in settings.get("PrivateData", "").split(",")}
    if hidden:
        remedy = "run as SlurmUser, or give this user the admin level Operator (sacctmgr modify user)"
        yield Finding("warn", "private", f"PrivateData hides {', '.join(sorted(hidden))} of other users", remedy)


def _accounts(commands: Commands, now_ms: int) -> Iterator[Finding]:
    jobs = commands.accounts(Span(now_ms - HOUR_MS, now_ms))
    form = "JSON" if commands.accounts_have_json() else "lines: its JSON is missing, or older than 23.02"
    yield Finding("ok", "sacct", f"slurmdbd answers, {len(jobs)} jobs in the last hour, read as {form}")


def _nodes(commands: Commands, config: Slurm) -> Iterator[Finding]:
    nodes = commands.nodes()
    counts: Counter[str] = Counter()
    for node in nodes:
        counts.update(node.accelerators)
    if not counts:
        yield Finding("warn", "nodes", "no node has GPUs", "set Gres=gpu:… of the nodes in slurm.conf and gres.conf")
        return
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    yield Finding("ok", "nodes", f"{len(nodes)} nodes, accelerators: {said}")
    yield from _overlaps(nodes, config)
    parts = sorted({part for node in nodes for part in node.parts})
    if parts:
        remedy = "count such jobs by an agent on these nodes"
        yield Finding("warn", "nodes", f"jobs with gres {', '.join(parts)} are not told: no device is theirs", remedy)


def _overlaps(nodes: list[Node], config: Slurm) -> Iterator[Finding]:
    several = [node.name for node in nodes if node.accelerators and len(node.partitions) > 1]
    if several and config.pool == PARTITION:
        says = f"{len(several)} nodes are in several partitions ({several[0]}, …): one pool has them, others their jobs"
        yield Finding("warn", "pools", says, "set `pool` to a name of its own, which is then the pool of all")
