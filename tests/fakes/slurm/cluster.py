"""A cluster whose day is written down: its commands tell what had happened by the time that its clock shows."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COMMANDS = Path(__file__).with_name("commands.py")
MIDNIGHT = int(datetime(2025, 3, 3, tzinfo=UTC).timestamp())
"""Of the day, in Unix seconds."""


def at(clock: str) -> int:
    """Unix seconds of `09:30` or `09:30:15` of the day."""
    hours, minutes, *rest = (int(part) for part in clock.split(":"))
    return MIDNIGHT + hours * 3600 + minutes * 60 + (rest[0] if rest else 0)


def ms(clock: str) -> int:
    return at(clock) * 1000


@dataclass(frozen=True)
class Attempt:
    """An attempt of a job, its times in Unix seconds; `task` of `array`, `offset` of `het`."""

    number: int
    submit: int
    start: int | None
    end: int | None
    tres: str = "cpu=8,gres/gpu:a100=2,gres/gpu=2"
    nodes: str = "cn001"
    state: str = "COMPLETED"
    partition: str = "gpu"
    user: str = "alice"
    account: str = "ml"
    array: int | None = None
    task: int | None = None
    limit: int = 0
    het: int | None = None
    offset: int | None = None
    reason: str = "Resources"
    priority: int = 4294

    @property
    def asked(self) -> str:
        return self.tres


@dataclass(frozen=True)
class Node:
    """`states`: since when, in Unix seconds, it was in which."""

    name: str
    gres: str = "gpu:a100:8(S:0-1)"
    partitions: tuple[str, ...] = ("gpu",)
    states: tuple[tuple[int, tuple[str, ...]], ...] = ((0, ("IDLE",)),)


@dataclass
class Cluster:
    """`late`: slurmdbd is so many seconds behind; `completing`: squeue shows so long what has ended."""

    folder: Path
    jobs: list[Attempt] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    parser: str = "v0.0.41"
    release: str = "24.05.4"
    name: str = "hpc"
    late: int = 0
    completing: int = 0
    controller_down: bool = False
    database_down: bool = False
    config: dict[str, str] = field(
        default_factory=lambda: {"AccountingStorageTRES": "cpu,mem,gres/gpu,gres/gpu:a100", "PrivateData": "none"}
    )
    now: int = MIDNIGHT

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("sacct", "squeue", "scontrol"):
            text = COMMANDS.read_text("utf-8")
            (self.folder / name).write_text(f"#!{sys.executable} -IS\n{text}", "utf-8")
            (self.folder / name).chmod(0o755)

    def show(self, now: int) -> None:
        """Sets its clock, Unix seconds."""
        self.now = now
        said: dict[str, Any] = {**self.__dict__, "folder": str(self.folder)}
        said["jobs"] = [{**asdict(job), "asked": job.asked} for job in self.jobs]
        said["nodes"] = [asdict(node) for node in self.nodes]
        (self.folder / "cluster.json").write_text(json.dumps(said), "utf-8")

    def now_ms(self) -> int:
        return self.now * 1000

    def asked(self) -> list[str]:
        """The command lines so far."""
        file = self.folder / "asked"
        return file.read_text("utf-8").splitlines() if file.exists() else []


def array(one: Attempt, tasks: dict[int, tuple[int | None, int | None]]) -> list[Attempt]:
    """Tasks of the array `one`, with their starts and ends."""
    return [
        replace(one, number=one.number + 1 + i, array=one.number, task=task, start=start, end=end)
        for i, (task, (start, end)) in enumerate(tasks.items())
    ]
