from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.conftest import JOBS, Shell


def test_an_empty_project_says_how_to_start(empty: Shell) -> None:
    done = empty("status")

    assert done.returncode == 0
    assert done.stdout == "nothing has been imported yet; start with: chipledger import jobs FILE --mapping MAP.toml\n"


def test_a_project_that_never_ran_says_so(empty: Shell) -> None:
    assert empty(*empty.put("jobs", JOBS)).returncode == 0

    done = empty("status")

    assert done.returncode == 0
    assert "imports: 1 of jobs (5 rows); 0 rows in quarantine" in done.stdout
    assert "nothing has been published yet: 3 cluster-days wait; next: chipledger run" in done.stdout


def test_what_is_published_is_told_by_cluster(shell: Shell) -> None:
    lines = shell("status").stdout.splitlines()

    assert lines[0] == "imports: 1 of capacity (1 rows), 1 of jobs (5 rows), 1 of prices (2 rows); 0 rows in quarantine"
    assert lines[1].startswith("last run: ")
    assert "3 cluster-days, 2025-01-01 to 2025-01-02, cost 225.00, residual: 0 accelerator-seconds, 0 cost" in lines[
        1
    ].replace(" USD", "")
    east = next(line.split() for line in lines if line.startswith("east"))
    assert east[1:6] == ["2025-01-01", "2025-01-02", "2", "2025-01-02", "04:00:00Z"]
    assert east[-6:] == ["112.000", "224.00", "USD", "0.000", "48.000", "53.000"]
    assert lines[-1] == "up to date: no input has changed since the last run"


def test_a_changed_input_makes_it_stale(shell: Shell) -> None:
    more = (
        JOBS
        + "j6,,,dan,,east,train,H100-80GB,1,2025-01-02T01:00:00Z,2025-01-02T02:00:00Z\n"
        + "j7,,,dan,,east,train,H100-80GB,-1,1,2\n"
    )
    assert shell(*shell.put("jobs", more)).returncode == 0

    done = shell("status")

    assert "1 rows in quarantine" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "stale: 1 cluster-days wait for a run, 2025-01-02 to 2025-01-02 (0 were never published, "
        "1 have other inputs than what is published); next: chipledger run"
    )


def test_commands_in_an_empty_project_say_what_is_missing(empty: Shell) -> None:
    for args in (("run",), ("imports",), ("owners",), ("check",)):
        done = empty(*args)
        assert (done.returncode, done.stderr) == (0, ""), args
        assert done.stdout
    assert "nothing to do: no job" in empty("run").stdout


def test_when_every_import_is_undone_the_published_days_become_empty(shell: Shell) -> None:
    for number in ("1", "2", "3"):
        assert shell("imports", "undo", number).returncode == 0

    done = shell("run")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("published 3 cluster-days, 2025-01-01 to 2025-01-02")
    assert shell("query", "SELECT COUNT(*) AS n FROM charges", "--format", "csv").stdout.split() == ["n", "0"]
    assert shell("status").returncode == 0
    assert shell("owners").stdout == "nothing that is published is without a team\n"


def test_what_has_no_price_is_not_0(empty: Shell) -> None:
    assert empty(*empty.put("jobs", JOBS)).returncode == 0
    assert empty("run").returncode == 3

    told = empty("status").stdout
    asked = empty("query", "SELECT cost, unpriced_seconds FROM runs", "--format", "csv")

    assert ", cost - + 54.000 unpriced hours, residual: 0 " in told
    assert asked.stdout.split() == ["cost,unpriced_seconds", ",194400.000"]


def test_a_cost_shows_what_it_leaves_out(empty: Shell) -> None:
    for kind, csv in {"jobs": JOBS, "prices": "accelerator,price_per_hour\nH100-80GB,2\n"}.items():
        assert empty(*empty.put(kind, csv)).returncode == 0
    assert "cost 106.00 + 1.000 unpriced hours" in empty("run").stdout.replace(" USD", "")

    told = empty("status").stdout

    assert "cost 106.00 + 1.000 unpriced hours, residual: 0 " in told.replace(" USD", "")


def test_runs_of_an_older_version_are_read(shell: Shell) -> None:
    """They say 0 where nothing was priced."""
    with closing(sqlite3.connect(shell.folder / "lake" / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE runs SET summary = json_set(summary, '$.cost', '0')")

    assert "cost 0.00 USD, residual: 0 " in shell("status").stdout
