from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

from tests.cli.conftest import Shell, refused
from tests.test_owned import NODE


def test_what_nodes_cost_is_shown_and_imported(shell: Shell) -> None:
    file = shell.folder / "hall.toml"
    file.write_text(NODE)
    shown = shell("prices", "tco", "hall.toml")
    assert shown.returncode == 0, shown.stderr
    assert "(320,000 × (1 + 15 %) - 0) ÷ 5 years" in shown.stdout
    assert shown.stdout.splitlines()[-1].split()[-2:] == ["103,692.608", "1.479631963"]
    assert not (shell.folder / "prices").exists()

    done = shell("prices", "tco", "hall.toml", "--import")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "prices/tco-hall.csv: 1 prices imported as import 4, 0 rejected"
    assert [(i.source, i.file) for i in shell.lake.imports()][-1] == ("tco:hall", "tco-hall.csv")
    again = shell("prices", "tco", "hall.toml", "--import")
    assert "nothing to do, it is import 4 already" in again.stdout


def test_owned_capacity_costs_what_the_nodes_cost(empty: Shell) -> None:
    (empty.folder / "hall.toml").write_text(NODE)
    capacity = (
        "cluster,accelerator,quantity,provider,purchase,start,end\n"
        "hall,h100,8,on_prem,owned,2026-01-01T00:00:00Z,2026-01-02T00:00:00Z\n"
    )
    jobs = "cluster,accelerator,quantity,start,end\nhall,h100,8,2026-01-01T00:00:00Z,2026-01-01T10:00:00Z\n"
    for args in (
        empty.put("capacity", capacity),
        empty.put("jobs", jobs),
        ("prices", "tco", "hall.toml", "--import"),
        ("run",),
    ):
        done = empty(*args)
        assert done.returncode == 0, done.stderr
    asked = empty("query", "--format", "csv", "SELECT SUM(cost) AS cost FROM charges")

    assert Decimal(asked.stdout.splitlines()[1]) == 192 * Decimal("1.479631963")


def test_the_parts_as_csv(shell: Shell) -> None:
    (shell.folder / "hall.toml").write_text(NODE)
    rows = list(csv.DictReader(shell("prices", "tco", "hall.toml", "--format", "csv").stdout.splitlines()))

    assert [row["part"] for row in rows] == ["capital", "power", "support", "staff", "space", "total"]
    assert rows[-1]["accelerator_per_hour"] == "1.479631963"
    assert rows[-2]["node_per_year"] == "0.000000000"


def test_a_refused_book_leaves_no_file(shell: Shell) -> None:
    (shell.folder / "hall.toml").write_text(NODE + NODE.replace("320_000", "300_000"))
    line = refused(shell, "prices", "tco", "hall.toml", "--import")

    assert "overlap: row 1 of tco-hall.csv" in line
    assert list((shell.folder / "prices").iterdir()) == []


def test_a_wrong_file_is_one_line(shell: Shell, tmp_path: Path) -> None:
    (shell.folder / "hall.toml").write_text(NODE.replace("years = 5", "years = 0"))
    assert "hall.toml: rate 1: years: 0 must be above 0" in refused(shell, "prices", "tco", "hall.toml")
    assert "cannot be read" in refused(shell, "prices", "tco", str(tmp_path / "none.toml"))


def test_the_catalog_is_shown_and_imported(empty: Shell) -> None:
    shown = empty("prices", "catalog", "--provider", "gcp", "--region", "us-central1")
    assert shown.returncode == 0, shown.stderr
    assert "11.06125" in shown.stdout
    assert "eastus" not in shown.stdout

    done = empty("prices", "catalog", "--provider", "aws", "--import")
    assert done.stdout.splitlines()[-1] == "prices/catalog.csv: 11 prices imported as import 1, 0 rejected"
    assert [i.source for i in empty.lake.imports(live_only=True)] == ["catalog"]
    rows = list(csv.DictReader(empty("prices", "catalog", "--format", "csv").stdout.splitlines()))
    assert {row["as_of"] for row in rows} >= {"2026-07-20", "2024-12-23"}
    assert "did you mean 'gcp'" in refused(empty, "prices", "catalog", "--provider", "gpc")


def test_the_catalog_prices_a_cloud(empty: Shell) -> None:
    capacity = "cluster,accelerator,quantity,provider,region,purchase\nc,a2-highgpu-8g,1,gcp,us-central1,spot\n"
    jobs = "cluster,accelerator,quantity,start,end\nc,a100,8,2026-01-01T00:00:00Z,2026-01-01T10:00:00Z\n"
    for args in (
        empty.put("capacity", capacity),
        empty.put("jobs", jobs),
        ("prices", "catalog", "--import"),
        ("run",),
    ):
        done = empty(*args)
        assert done.returncode == 0, done.stderr
    asked = empty("query", "--format", "csv", "SELECT SUM(cost) AS cost, SUM(list_cost) AS l FROM charges")

    cost, listed = map(Decimal, asked.stdout.splitlines()[1].split(","))
    assert (cost, listed) == (80 * Decimal("1.92802"), 80 * Decimal("3.673385"))


def test_a_negotiated_price_wins_over_the_catalog_and_a_run_checks_it(empty: Shell) -> None:
    capacity = "cluster,accelerator,quantity,provider,region,purchase\nc,a2-highgpu-8g,1,gcp,us-central1,on_demand\n"
    jobs = "cluster,accelerator,quantity,start,end\nc,a100,8,2026-01-01T00:00:00Z,2026-01-01T10:00:00Z\n"
    ours = (
        "accelerator,provider,region,purchase,price_per_hour,kind,start\n"
        "a100,gcp,us-central1,on_demand,2.5,negotiated,2026-01-01T04:00:00Z\n"
    )
    for args in (
        empty.put("capacity", capacity),
        empty.put("jobs", jobs),
        ("prices", "catalog", "--import"),
        ("run",),
        empty.put("prices", ours),
        ("run",),
        ("check",),
    ):
        done = empty(*args)
        assert done.returncode == 0, done.stderr
    asked = empty("query", "--format", "csv", "SELECT SUM(cost) AS cost, SUM(list_cost) AS l FROM charges")
    kinds = empty("query", "--format", "csv", "SELECT kind FROM prices ORDER BY start")

    cost, listed = map(Decimal, asked.stdout.splitlines()[1].split(","))
    assert (cost, listed) == (32 * Decimal("3.673385") + 48 * Decimal("2.5"), 80 * Decimal("3.673385"))
    assert kinds.stdout.split() == ["kind", "list", "negotiated"]


def test_suspicious_prices_are_put_aside_until_they_are_accepted(empty: Shell) -> None:
    args = empty.put("prices", "accelerator,purchase,price_per_hour\nx,on_demand,2\nx,spot,3\n")
    assert "spot costs more than on demand: 1): nothing was imported" in refused(empty, *args, "--strict")
    done = empty(*args)
    assert done.returncode == 0, done.stderr
    assert "1 prices imported as import 1, 1 rejected" in done.stdout
    assert "rejected 1: spot costs more than on demand" in done.stdout

    assert "2 prices imported as import 2, 0 rejected" in empty(*args, "--accept-suspicious").stdout
    line = refused(empty, *empty.put("jobs", "accelerator,quantity,start,end\n"), "--accept-suspicious")
    assert "--accept-suspicious is of prices" in line
