"""`chipledger demo`, `simulate` and `judge` as people call them."""

from __future__ import annotations

import filecmp
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

SMALL = ("--devices", "24", "--days", "3", "--until", "2026-03-15", "--interval", "60")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `chipledger demo` was called."""
    folder = tmp_path_factory.mktemp("home")
    done = Shell(folder)("demo", "--no-app", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "the accounting agrees with the truth" in done.stdout
    return folder


def test_a_demo_is_a_project(home: Path) -> None:
    shell = Shell(home)
    done = shell("--config", "demo", "query", "SELECT COUNT(DISTINCT state) AS n FROM usage", "--format", "csv")

    assert int(done.stdout.split()[1]) >= 7
    assert shell("--config", "demo", "check").returncode == 0
    assert shell("--config", "demo", "judge").returncode == 0
    reports = {path.name for path in (home / "demo" / "reports").iterdir()}
    assert {f"2026-03-{name}" for name in ("charges.csv", "summary.csv", "statement.pdf", "statement.xlsx")} <= reports
    assert {"2026-03-gl.csv", "2026-03-focus-1.2.csv", "2026-03-language-statement.pdf"} <= reports


def test_a_demo_that_stands_is_not_made_again(home: Path) -> None:
    done = Shell(home)("demo", "--no-app")

    assert done.returncode == 0
    assert "2026-03-13 to 2026-03-15" in done.stdout
    assert "it stands already" in done.stdout


def test_another_demo_does_not_go_on_top(home: Path) -> None:
    done = Shell(home)("demo", "--no-app", "--days", "9")

    assert done.returncode == 2
    assert done.stderr == "error: demo: holds a demo with --days 3, not 9; choose another --dir\n"


def test_a_demo_that_was_killed_goes_on(home: Path, tmp_path: Path) -> None:
    """Its plan and a project stand, and nothing else."""
    shell = Shell(tmp_path)
    plan = (home / "demo" / "simulated.json").read_text("utf-8")
    assert shell("init", "demo").returncode == 0
    (tmp_path / "demo" / "simulated.json").write_text(plan.replace("true", "false"))
    done = shell("demo", "--no-app")

    assert done.returncode == 0
    assert "the accounting agrees with the truth" in done.stdout


def test_a_project_is_not_made_a_demo(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("init", "mine")
    done = shell("demo", "--no-app", "--dir", "mine")

    assert done.returncode == 2
    assert done.stderr == "error: mine: a project, but not a demo; choose another folder with --dir\n"


def test_files_of_a_simulation_are_not_written_over(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("simulate", "fleet", *SMALL, "--grain", "usage")
    done = shell("demo", "--no-app", "--dir", "fleet")

    assert done.returncode == 2
    assert "fleet: holds the files of `chipledger simulate`" in done.stderr


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--devices", "3", "--devices 3: the company has at least 24"),
        ("--days", "1", "--days 1: simulate at least 3"),
        ("--interval", "0", "--interval 0: write whole seconds, at least 1"),
    ],
)
def test_what_cannot_be_simulated(tmp_path: Path, option: str, value: str, said: str) -> None:
    for command in (("demo", "--no-app"), ("simulate", "fleet")):
        done = Shell(tmp_path)(*command, option, value)
        assert (done.returncode, done.stderr) == (2, f"error: {said}\n")


def test_equal_options_write_equal_files(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for name in ("one", "two"):
        done = shell("simulate", name, *SMALL)
        assert done.returncode == 0, done.stderr
    for part in ("inputs", "truth"):
        top = tmp_path / "one" / part
        names = sorted(str(path.relative_to(top)) for path in top.rglob("*") if path.is_file())
        same, other, missing = filecmp.cmpfiles(top, tmp_path / "two" / part, names, shallow=False)
        assert (other, missing) == ([], [])
        assert len(same) == len(names) >= 4


def test_what_simulate_prints_can_be_typed(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    told = shell("simulate", "fleet", *SMALL).stdout.splitlines()
    lines = [line.split()[1:] for line in told if line.startswith("  chipledger import")]
    assert len(lines) >= 7
    shell("init", "p")
    lines += [line.split()[1:] for line in told if line.startswith("  chipledger ingest")]
    for line in lines:
        assert shell("--config", "p", *line).returncode == 0
    assert shell("--config", "p", "run").returncode == 0
    states = shell("--config", "p", "judge", "fleet").stdout.split("cost of what was held")[0]

    assert "allocated_idle" in states
    assert "unhealthy" in states


def test_usage_alone(tmp_path: Path) -> None:
    done = Shell(tmp_path)("simulate", "fleet", *SMALL, "--grain", "usage")

    assert "rows of true hourly usage" in done.stdout
    assert [path.name for path in (tmp_path / "fleet").iterdir()] == ["truth"]


def test_there_is_nothing_to_judge(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("init", "p")
    done = shell("--config", "p", "judge")

    assert done.returncode == 2
    assert "no truth of a simulated fleet here" in done.stderr
