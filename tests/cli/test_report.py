from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

from accounting.reports.month import file_name
from accounting.tables import ADJUSTMENTS
from tests.cli.conftest import JOBS, Shell


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def add(rows: list[dict[str, str]], name: str) -> Decimal:
    return sum((Decimal(row[name]) for row in rows if row[name]), Decimal(0))


def test_a_month_is_two_files_that_add_up(shell: Shell, tmp_path: Path) -> None:
    done = shell("report", "2025-01", "--out", str(tmp_path / "r"))

    assert done.returncode == 0, done.stderr
    charges, summary = read(tmp_path / "r" / "2025-01-charges.csv"), read(tmp_path / "r" / "2025-01-summary.csv")
    assert list(charges[0]) == ADJUSTMENTS.names
    assert add(charges, "cost") == Decimal(225)
    parts, total = summary[:-1], summary[-1]
    assert total["team"] == "total"
    assert [(row["team"], row["charge_kind"], row["cost"]) for row in parts] == [
        ("platform", "unallocated", "118.000000000"),
        ("unowned", "usage", "97.000000000"),
        ("vision", "usage", "10.000000000"),
    ]
    for name in ("accelerator_hours", "cost", "unpriced_hours"):
        assert add(parts, name) == Decimal(total[name])
    assert done.stdout.splitlines()[-1] == "total 225.00 USD + 0.000 unpriced hours"


def test_hours_that_have_no_exact_decimals_still_add_up(empty: Shell, tmp_path: Path) -> None:
    jobs = "team,accelerator,quantity,start,end\n" + "".join(
        f"t{i},H100-80GB,1,2025-01-01T00:00:00Z,2025-01-01T00:00:0{i}.00{i}Z\n" for i in range(1, 8)
    )
    assert empty(*empty.put("jobs", jobs)).returncode == 0
    assert empty("run").returncode == 3

    done = empty("report", "2025-01", "--out", str(tmp_path))

    summary = read(tmp_path / "2025-01-summary.csv")
    assert add(summary[:-1], "unpriced_hours") == Decimal(summary[-1]["unpriced_hours"]) == Decimal("0.007785556")
    assert add(summary[:-1], "accelerator_hours") == Decimal(summary[-1]["accelerator_hours"])
    assert summary[-1]["cost"] == ""
    assert done.stdout.splitlines()[-1] == "total - + 0.008 unpriced hours"


def test_a_team_has_files_of_its_own(shell: Shell, tmp_path: Path) -> None:
    done = shell("report", "2025-01", "--team", "vision", "--format", "csv", "--out", str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert {row["team"] for row in read(tmp_path / "2025-01-vision-charges.csv")} == {"vision"}
    assert read(tmp_path / "2025-01-vision-summary.csv")[-1]["cost"] == "10.000000000"


def test_a_team_with_an_awkward_name_stays_in_the_folder(shell: Shell, tmp_path: Path) -> None:
    assert shell(*shell.put("jobs", JOBS.replace("vision", "../a b"))).returncode == 0
    assert shell("run").returncode == 0

    done = shell("report", "2025-01", "--team", "../a b", "--out", str(tmp_path / "r"))

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        f"2025-01-{file_name('../a b')}-charges.csv",
        f"2025-01-{file_name('../a b')}-summary.csv",
    ]


def test_file_names_are_safe_and_differ() -> None:
    names = [file_name(team) for team in ("a/b", "a b", "a_b", "..", "nlp", "Ärzte")]

    assert names[2:] != names[:4]
    assert len(set(names)) == 6
    assert names[4:] == ["nlp", "Ärzte"]
    assert not any("/" in name or name.startswith(".") for name in names)
