"""Killed at any instant: the project opens, the laws hold, nothing is half there, and running again gives the same rows."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from accounting import checks, pipeline
from accounting.project import Project, open_project
from accounting.stores.lake import Lake, now_ms
from accounting.tables import RESULTS
from benchmarks import joblog

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-P", "-c", "from chipledger.command import main; main()"]
JOBS = 25_000
SEED = 20_250_101
RESULT = ROOT / "benchmarks" / "results" / "chaos.txt"

State = tuple[int, int, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Quiet:
    """A project before its jobs came, what it becomes undisturbed, and how long each command takes, in seconds."""

    folder: Path
    files: Path
    digests: dict[str, str]
    seconds: dict[str, float]


@dataclass(slots=True)
class Tally:
    """What the kills met."""

    killed: Counter[str] = field(default_factory=Counter)
    survived: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)


def command(quiet: Quiet, folder: Path, step: str) -> list[str]:
    args = {"run": ["run"], "import": ["import", "jobs", str(quiet.files / "jobs.csv"), "--mapping", str(quiet.files / "jobs.toml")]}
    return [*COMMAND, "--config", str(folder), *args[step]]


def execute(args: list[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(args, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def digest(project: Project, table: str) -> str:
    """SHA-256 of the published rows in sort order, without the publication."""
    columns = [column for column in next(t for t in RESULTS if t.name == table).names if column != "publication"]
    rows = project.query(f"SELECT {', '.join(f'{table}.`{c}`' for c in columns)} FROM {table}")
    lines = sorted(map(repr, rows.iter_rows()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    project = open_project(folder)
    return {table: digest(project, table) for table in ("usage", "charges")}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    top = tmp_path_factory.mktemp("chaos")
    files, folder = top / "files", top / "before"
    joblog.write(files, JOBS)
    execute([*COMMAND, "init", str(folder)])
    for kind in ("capacity", "prices"):
        execute([*COMMAND, "--config", str(folder), "import", kind, str(files / f"{kind}.csv"), "--mapping", str(files / f"{kind}.toml")])
    execute([*COMMAND, "--config", str(folder), "run"])
    found = Quiet(folder, files, {}, {})
    shutil.copytree(folder, top / "after")
    for step in ("import", "run"):
        found.seconds[step] = execute(command(found, top / "after", step))
    found.digests = digests(top / "after")
    return found


def state(folder: Path) -> State:
    """What counts: imports, generation, and the publication of every day."""
    lake = Lake.open(folder / "lake")
    live = tuple(sorted((f"{x.cluster} {x.day}", x.publication) for x in lake.live()))
    return len(lake.imports()), lake.generation(), live


def kill(args: list[str], after: float) -> bool:
    """Whether the command was still running when it was killed."""
    child = subprocess.Popen(args, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        child.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return True
    assert child.returncode == 0
    return False


def examine(folder: Path, step: str, before: State) -> bool:
    """Whether the killed command counts; fails where it counts in part or a law is broken."""
    after = state(folder)
    project = open_project(folder)
    assert project.lake.integrity() == "ok"
    for file in project.lake.known_files():
        assert (project.lake.folder / file.path).stat().st_size == file.bytes
    changed = after != before
    if changed and step == "import":
        assert (after[0], after[2]) == (before[0] + 1, before[2])
    if changed and step == "run":
        assert after[0] == before[0]
        assert len({publication for _, publication in after[2]}) == 1
    inventory, spans, waiting, _ = pipeline.pending(project.config)
    verdict = checks.check_published(project.lake, inventory, spans, skip={(d.span.cluster, d.day) for d in waiting})
    assert verdict.failures == []
    return changed


def disturb(quiet: Quiet, folder: Path, rounds: int, dice: random.Random) -> Tally:
    """Kills `rounds` commands; begins anew with a fresh copy whenever one has finished."""
    tally = Tally()
    for number in range(rounds):
        step = ("import", "run")[number % 2]
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(quiet.folder, folder)
        if step == "run":
            shutil.rmtree(folder)
            shutil.copytree(quiet.folder.parent / "imported", folder)
        before = state(folder)
        running = kill(command(quiet, folder, step), dice.uniform(0.2, 1.1) * quiet.seconds[step])
        (tally.killed if running else tally.survived)[step] += 1
        tally.counted[step] += examine(folder, step, before)
        finish(quiet, folder)
    return tally


def finish(quiet: Quiet, folder: Path) -> None:
    """Everything again, undisturbed: the rows are those of the quiet run, and old leftovers can be swept."""
    for step in ("import", "run"):
        execute(command(quiet, folder, step))
    assert digests(folder) == quiet.digests
    lake = Lake.open(folder / "lake")
    lake.sweep(now_ms() + 2 * 86_400_000, 0)
    assert lake.orphans() == []
    assert digests(folder) == quiet.digests
