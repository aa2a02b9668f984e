"""Killed at any instant: the project opens, the laws hold, nothing is half there; run again, the rows are the same."""

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
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from accounting import checks, pipeline
from accounting.project import Project, open_project
from accounting.stores.lake import Lake, now_ms
from accounting.tables import by_name
from benchmarks import joblog

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from chipledger.command import main; main()"]
JOBS, EARLIER = 25_000, 500
SEED = 20_250_101
RESULT = ROOT / "benchmarks" / "results" / "chaos.txt"

State = tuple[int, int, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class Quiet:
    """A year with a few jobs, published; what it becomes when many more come and nothing disturbs; how long that takes.

    `start` has the folder in which a killed command begins, by command; `seconds` its duration.
    """

    files: Path
    start: dict[str, Path]
    digests: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Tally:
    """Kills that came in time, that came too late, and after how many kills the command counted all the same."""

    killed: Counter[str] = field(default_factory=Counter)
    late: int = 0
    counted: int = 0

    def __str__(self) -> str:
        met = ", ".join(f"{count} of {step}" for step, count in sorted(self.killed.items()))
        late = f"{self.late} more came when the command had ended"
        return f"{self.killed.total()} kills ({met}), {self.counted} after the switch; {late}"


def importing(quiet: Quiet, folder: Path, kind: str, file: str) -> list[str]:
    told = quiet.files / f"{kind}.toml"
    return [*COMMAND, "--config", str(folder), "import", kind, str(quiet.files / f"{file}.csv"), "--mapping", str(told)]


def command(quiet: Quiet, folder: Path, step: str) -> list[str]:
    return [*COMMAND, "--config", str(folder), "run"] if step == "run" else importing(quiet, folder, "jobs", "jobs")


def execute(args: list[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(args, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - began


def digest(project: Project, table: str) -> str:
    """SHA-256 of the published rows in sort order, without the publication."""
    columns = [column for column in by_name(table).names if column != "publication"]
    rows = project.query(f"SELECT {', '.join(f'{table}.`{c}`' for c in columns)} FROM {table}")
    lines = sorted(map(repr, rows.iter_rows()))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
    project = open_project(folder)
    return {table: digest(project, table) for table in ("usage", "charges")}


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Quiet:
    top = tmp_path_factory.mktemp("chaos")
    found = Quiet(top / "files", {"import": top / "before", "run": top / "imported"})
    joblog.write(found.files, JOBS)
    joblog.log(EARLIER, seed=8).write_csv(found.files / "earlier.csv")
    execute([*COMMAND, "init", str(found.start["import"])])
    for kind, file in (("capacity", "capacity"), ("prices", "prices"), ("jobs", "earlier")):
        execute(importing(found, found.start["import"], kind, file))
    execute(command(found, found.start["import"], "run"))
    shutil.copytree(found.start["import"], top / "after")
    found.seconds["import"] = execute(command(found, top / "after", "import"))
    shutil.copytree(top / "after", found.start["run"])
    found.seconds["run"] = execute(command(found, top / "after", "run"))
    found.digests = digests(top / "after")
    return found


def state(folder: Path) -> State:
    """What counts: imports, generation, and the publication of every day."""
    lake = Lake.open(folder / "lake")
    live = tuple(sorted((f"{x.cluster} {x.day}", x.publication) for x in lake.live()))
    return len(lake.imports()), lake.generation(), live


def kill(args: list[str], after: float) -> bool:
    """Whether the command was still running when it was killed."""
    child = subprocess.Popen(
        args, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
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
    inventory, spans, waiting, _ = pipeline.pending(project.config)
    verdict = checks.check_published(
        project.lake, inventory, spans, project.config.policies, skip={(d.span.cluster, d.day) for d in waiting}
    )
    assert verdict.failures == []
    if after == before:
        return False
    if step == "import":
        assert (after[0], after[2]) == (before[0] + 1, before[2])
    else:
        assert (after[0], waiting) == (before[0], [])
        assert len({publication for _, publication in after[2]} - {publication for _, publication in before[2]}) == 1
    return True


def disturb(quiet: Quiet, folder: Path, steps: Iterable[str], dice: random.Random) -> Tally:
    """Kills each command once, at any instant; a command that counts all the same begins anew for the next kill."""
    tally, last = Tally(), ""
    for step in steps:
        if step != last:
            begin(quiet, folder, step)
        last = step
        before = state(folder)
        if kill(command(quiet, folder, step), dice.uniform(0.2, 1.0) * quiet.seconds[step]):
            tally.killed[step] += 1
        else:
            tally.late += 1
        if examine(folder, step, before):
            tally.counted += 1
            last = ""
    return tally


def begin(quiet: Quiet, folder: Path, step: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(quiet.start[step], folder)


def finish(quiet: Quiet, folder: Path) -> None:
    """Undisturbed again: the rows are those of the quiet run, and what the kills left can be swept."""
    for step in ("import", "run"):
        execute(command(quiet, folder, step))
    assert digests(folder) == quiet.digests
    lake = Lake.open(folder / "lake")
    lake.sweep(now_ms() + 2 * 86_400_000, 0)
    assert lake.orphans() == []
    assert digests(folder) == quiet.digests


def test_a_dozen_kills_leave_no_trace(quiet: Quiet, tmp_path: Path) -> None:
    steps = ["import"] * 6 + ["run"] * 6

    tally = disturb(quiet, tmp_path / "p", steps, random.Random(SEED))

    assert tally.killed.total() >= 4, tally
    finish(quiet, tmp_path / "p")


@pytest.mark.soak
def test_a_hundred_kills_leave_no_trace(quiet: Quiet, tmp_path: Path) -> None:
    dice, tally = random.Random(SEED + 1), Tally()
    while tally.killed.total() < 100:
        found = disturb(quiet, tmp_path / "p", ["import"] * 5 + ["run"] * 5, dice)
        tally = Tally(tally.killed + found.killed, tally.late + found.late, tally.counted + found.counted)
        finish(quiet, tmp_path / "p")

    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(
        f"chaos: {tally}; every time the project opened, its checks passed and nothing was half there; "
        f"{JOBS:,} jobs over a year imported and run again gave the rows of a quiet run: "
        + ", ".join(f"{table} {digest}" for table, digest in quiet.digests.items())
        + f" (Python {sys.version.split()[0]}, Polars {pl.__version__})\n"
    )
