"""A newer lake, no permission, a full disk, two at once: one line, nothing lost, nothing half-published."""

from __future__ import annotations

import ctypes
import os
import re
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from benchmarks import joblog
from tests.cli.conftest import JOBS, PRICES, Shell, refused

DROP_FROM_BOUNDING_SET, OVERRIDE, READ_SEARCH = 24, 1, 2


def without_privilege() -> None:
    """Even root is bound by the modes of its files in the program that starts next."""
    libc = ctypes.CDLL(None)
    for capability in (OVERRIDE, READ_SEARCH):
        libc.prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


def small_files() -> None:
    """Any file over 60 kB fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


def test_a_lake_written_by_a_newer_version(shell: Shell) -> None:
    catalog = shell.folder / "lake" / "catalog.sqlite"
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("UPDATE meta SET value = '99'")
        connection.commit()
    before = catalog.read_bytes()

    for args in (("run",), ("status",), ("query", "SELECT 1"), shell.put("jobs", JOBS)):
        done = shell(*args)
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "format 99" in line
        assert "upgrade chipledger" in line
    assert catalog.read_bytes() == before


def test_a_catalog_that_is_none(shell: Shell) -> None:
    (shell.folder / "lake" / "catalog.sqlite").write_bytes(b"nothing of the kind" * 500)
    for args in (("run",), ("status",)):
        done = shell(*args)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 1
        assert "backup" in line


def test_a_result_file_that_is_gone(shell: Shell) -> None:
    next((shell.folder / "lake" / "data" / "charges").iterdir()).unlink()
    line = refused(shell, "query", "SELECT SUM(cost) AS cost FROM charges", status=1)
    assert re.search(
        r"error: /\S+/charges/\w+\.parquet is gone: restore it from a backup, or see docs/operations", line
    )
    assert "SELECT" not in line
    assert "^" not in line


@pytest.mark.parametrize("table", ["charges", "input_jobs"])
def test_a_file_that_is_cut(shell: Shell, table: str) -> None:
    file = next((shell.folder / "lake" / "data" / table).iterdir())
    os.truncate(file, 50)
    commands: list[tuple[str, ...]] = [("query", "SELECT 1"), ("check",), ("status",), ("owners",)]
    for args in [*commands, ("run",)] if table == "input_jobs" else commands:
        line = refused(shell, *args, status=1)
        assert line.startswith(f"error: {file} "), args
        assert "restore it from a backup, or see docs/operations.md, Damage" in line

    told = shell("doctor").stdout

    assert f"fail  files: 1 of 13 files that count are damaged, the first: data/{table}" in told
    assert "install" not in told


def test_a_file_whose_footer_is_garbled(shell: Shell) -> None:
    file = next((shell.folder / "lake" / "data" / "charges").iterdir())
    data = file.read_bytes()
    file.write_bytes(data[:-200] + b"\xff" * 150 + data[-50:])

    line = refused(shell, "query", "SELECT SUM(cost) AS cost FROM charges", status=1)

    assert "doctor --deep" in line


def test_damaged_results_are_replaced_by_runs(shell: Shell) -> None:
    """As docs/operations.md says."""
    before = shell("query", "SELECT * EXCEPT (publication) FROM charges ORDER BY charge_id", "--format", "csv").stdout
    os.truncate(next((shell.folder / "lake" / "data" / "charges").iterdir()), 50)

    assert shell("imports", "undo", "3").returncode == 0
    assert shell("run").returncode in (0, 3)
    assert shell(*shell.put("prices", PRICES)).returncode == 0
    assert shell("run").returncode == 0

    after = shell("query", "SELECT * EXCEPT (publication) FROM charges ORDER BY charge_id", "--format", "csv").stdout
    assert after == before
    assert shell("doctor", "--deep").returncode == 0


@pytest.fixture
def closed(shell: Shell) -> Iterator[Shell]:
    """A project whose lake can be read and not written."""
    places = [shell.folder / "lake", *(shell.folder / "lake").rglob("*")]
    modes = [(place, place.stat().st_mode) for place in places]
    for place, mode in modes:
        place.chmod(mode & ~0o222)
    if (
        subprocess.run(
            ["touch", places[0] / "x"], preexec_fn=without_privilege, capture_output=True, check=False
        ).returncode
        == 0
    ):
        pytest.skip("privileges cannot be given up here")
    yield shell
    for place, mode in modes:
        place.chmod(mode)


def test_no_permission_to_write(closed: Shell) -> None:
    more = closed.put("jobs", JOBS.replace("j1", "j9"))
    for args in (more, ("imports", "undo", "1"), ("run",), ("status",)):
        done = closed(*args, before=without_privilege)
        assert done.returncode == 2, done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: no permission for ")
    assert len(closed.lake.imports()) == 3


@pytest.mark.parametrize("name", ["jobs.csv", "jobs.toml", "chipledger.toml", "lake/catalog.sqlite"])
def test_no_permission_to_read(shell: Shell, name: str) -> None:
    args = shell.put("jobs", JOBS)
    (shell.folder / name).chmod(0)
    done = shell(*args, before=without_privilege)
    if done.returncode == 0:
        pytest.skip("privileges cannot be given up here")

    (line,) = done.stderr.splitlines()

    assert done.returncode == 2
    assert name in line
    assert "ermission" in line


def large(shell: Shell) -> tuple[str, ...]:
    joblog.write(shell.folder / "log", 20_000)
    return ("import", "jobs", "log/jobs.csv", "--mapping", "log/jobs.toml")


def test_a_disk_that_is_full_during_an_import(shell: Shell) -> None:
    args = large(shell)
    assert "nothing was imported" in refused(shell, *args, status=1, before=small_files)
    assert shell(*args).returncode == 0


def test_a_disk_that_is_full_during_a_run(shell: Shell) -> None:
    assert shell(*large(shell)).returncode == 0
    before = shell("query", "SELECT COUNT(*) AS n, SUM(cost) AS cost FROM charges", "--format", "csv").stdout

    done = shell("run", before=small_files)

    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert "nothing was published" in line
    assert shell("query", "SELECT COUNT(*) AS n, SUM(cost) AS cost FROM charges", "--format", "csv").stdout == before
    assert shell("run").returncode in {0, 3}
    assert shell("check").returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_real_disk_that_is_full(small_disk: Path, tmp_path: Path) -> None:
    outside = Shell(tmp_path)
    joblog.write(tmp_path / "log", 60_000)
    shell = Shell(small_disk / "p")
    assert outside("init", str(shell.folder)).returncode == 0
    files = {
        kind: (
            "import",
            kind,
            str(tmp_path / "log" / f"{kind}.csv"),
            "--mapping",
            str(tmp_path / "log" / f"{kind}.toml"),
        )
        for kind in joblog.MAPPINGS
    }
    assert shell(*files["capacity"]).returncode == 0
    assert shell(*files["prices"]).returncode == 0
    assert "No space left" in refused(shell, *files["jobs"], status=1)
    joblog.write(tmp_path / "log", 2_000)
    assert shell(*files["jobs"]).returncode == 0

    (shell.folder / "ballast").write_bytes(bytes(max(0, free(small_disk) - 150_000)))
    done = shell("run")

    (line,) = done.stderr.splitlines()
    assert done.returncode == 1, line
    (shell.folder / "ballast").unlink()
    assert shell.lake.live() == []
    assert shell.lake.orphans() == []
    assert shell("run").returncode == 0


def free(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def both(shell: Shell, *args: str) -> list[tuple[int, str, str]]:
    children = [shell.start(*args), shell.start(*args)]
    outcomes = [child.communicate(timeout=120) for child in children]
    return [(child.returncode, out, err) for child, (out, err) in zip(children, outcomes, strict=True)]


def test_two_runs_at_once(shell: Shell) -> None:
    assert shell(*shell.put("jobs", JOBS.replace("T10:00", "T11:00"))).returncode == 0

    outcomes = both(shell, "run")

    assert [status for status, _, _ in outcomes] == [0, 0], outcomes
    assert sorted(out.splitlines()[-1].startswith("nothing to do") or "published" in out for _, out, _ in outcomes) == [
        True,
        True,
    ]
    seqs = shell("query", "SELECT COUNT(DISTINCT seq) AS n FROM publications", "--format", "csv").stdout.split()
    assert seqs == ["n", "2"]
    assert shell("check").returncode == 0


def test_two_imports_of_one_file_at_once(empty: Shell) -> None:
    outcomes = both(empty, *empty.put("jobs", JOBS))

    assert [status for status, _, _ in outcomes] == [0, 0], outcomes
    assert len(empty.lake.imports()) == 1
    assert "nothing to do" in "".join(out for _, out, _ in outcomes)


def test_readers_beside_a_run_see_one_state(shell: Shell) -> None:
    assert shell(*shell.put("jobs", JOBS.replace("T10:00", "T11:00"))).returncode == 0
    run = shell.start("run")
    seen: set[tuple[object, ...]] = set()
    ask: Callable[[], pl.DataFrame] = lambda: pl.read_csv(  # noqa: E731
        shell(
            "query", "SELECT SUM(cost) AS cost, COUNT(DISTINCT publication) AS n FROM charges", "--format", "csv"
        ).stdout.encode()
    )
    while run.poll() is None:
        seen.add(ask().row(0))
    assert run.communicate()[1] == ""
    seen.add(ask().row(0))
    assert len(seen) <= 2
