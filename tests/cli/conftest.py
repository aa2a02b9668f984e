"""The command line as people run it: another process, its exit status, what it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from accounting.config import load_config, write_project
from accounting.stores.lake import Lake

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-c", "from chipledger.command import main; main()"]

JOBS = """workload_id,account,namespace,user,team,cluster,pool,accelerator,quantity,start,end
j1,ml-a,,ann,,east,train,H100-80GB,2,2025-01-01T00:00:00Z,2025-01-01T10:00:00Z
j2,ml-b,,bob,,east,train,H100-80GB,1,2025-01-01T02:00:00Z,2025-01-02T02:00:00Z
j3,,search,,,east,train,H100-80GB,1,2025-01-02T00:00:00Z,2025-01-02T04:00:00Z
j4,,,,,west,,A100-80GB,1,2025-01-01T00:00:00Z,2025-01-01T01:00:00Z
j5,,,cat,vision,east,train,H100-80GB,1,2025-01-01T00:00:00Z,2025-01-01T05:00:00Z
"""
CAPACITY = "cluster,pool,accelerator,quantity\neast,train,H100-80GB,4\n"
PRICES = "accelerator,price_per_hour\nH100-80GB,2\nA100-80GB,1\n"
FILES = {"jobs": JOBS, "capacity": CAPACITY, "prices": PRICES}


def mapping(csv: str, extra: str = "") -> str:
    """A mapping that takes every column of a CSV text under its own name."""
    names = csv.partition("\n")[0].split(",")
    return extra + "[columns]\n" + "".join(f'{name} = "{name}"\n' for name in names)


@dataclass(frozen=True, slots=True)
class Shell:
    """A project folder and the command line in it."""

    folder: Path

    def __call__(
        self, *args: str, cwd: Path | None = None, before: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *args],
            cwd=cwd or self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=before,
        )

    def start(self, *args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *args],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def lake(self) -> Lake:
        return Lake.open(self.folder / "lake")

    def put(self, kind: str, csv: str, name: str | None = None, extra: str = "") -> tuple[str, ...]:
        """Writes a CSV and its mapping; the arguments that import it."""
        file, told = self.folder / f"{name or kind}.csv", self.folder / f"{name or kind}.toml"
        file.write_text(csv)
        told.write_text(mapping(csv, extra))
        return ("import", kind, str(file), "--mapping", str(told))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was imported and run by the command line: copy it."""
    top = tmp_path_factory.mktemp("filled")
    shell = Shell(top / "p")
    assert shell("init", "p", cwd=top).returncode == 0
    for kind, csv in FILES.items():
        done = shell(*shell.put(kind, csv))
        assert done.returncode == 0, done.stderr
    done = shell("run")
    assert done.returncode == 0, done.stderr
    return shell.folder


@pytest.fixture
def shell(filled: Path, tmp_path: Path) -> Shell:
    """A published project of one's own."""
    shutil.copytree(filled, tmp_path / "p")
    return Shell(tmp_path / "p")


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A project with nothing in it."""
    Lake.create(load_config(write_project(tmp_path / "empty")).lake)
    return Shell(tmp_path / "empty")


def refused(
    shell: Shell, *args: str, status: int = 2, cwd: Path | None = None, before: Callable[[], None] | None = None
) -> str:
    """The one line with which a command fails, having changed nothing and left nothing behind."""
    lake = shell.lake
    known = lake.generation(), len(lake.imports()), lake.orphans()
    done = shell(*args, cwd=cwd, before=before)
    assert done.returncode == status, done.stderr
    assert (lake.generation(), len(lake.imports()), lake.orphans()) == known
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    assert "internal error" not in line
    return line
