"""Wrong arguments, wrong questions, contradictions found by `run`: one line, the right exit status, nothing changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import JOBS, PRICES, Shell, refused

COMMANDS = (
    ("run",),
    ("check",),
    ("status",),
    ("owners",),
    ("imports",),
    ("query", "SELECT 1"),
    ("report", "2025-01", "--out", "r"),
)


@pytest.mark.parametrize("args", COMMANDS, ids=lambda args: args[0])
def test_without_a_project(shell: Shell, tmp_path: Path, args: tuple[str, ...]) -> None:
    assert "chipledger init" in refused(shell, *args, cwd=tmp_path)


def test_init_where_a_project_is(shell: Shell) -> None:
    assert "exists already" in refused(shell, "init", ".")


@pytest.mark.parametrize(
    "sql",
    [
        "", "SELEC 1", "SELECT", "SELECT nothing FROM charges", "SELECT * FROM nothing",
        "SELECT SUM(team) FROM charges",
        "SELECT 1; SELECT 2", "SELECT cost FROM charges WHERE", "SELECT 1 / 0", "SELECT (((1)",
    ],
)  # fmt: skip
def test_bad_sql(shell: Shell, sql: str) -> None:
    refused(shell, "query", sql)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO charges SELECT * FROM charges", "DELETE FROM charges WHERE TRUE",
        "UPDATE charges SET cost = 0 WHERE TRUE", "DROP VIEW charges", "CREATE TABLE t AS SELECT 1",
        "COPY charges TO 'x.csv'", "ATTACH 'x.db'", "INSTALL httpfs", "SET threads = 1", "PRAGMA database_list",
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM `/etc/passwd`",
        "SELECT read_text('/etc/passwd')", "FROM read_blob('/etc/passwd')",
        "WITH x AS (DELETE FROM charges) SELECT * FROM x",
    ],
)  # fmt: skip
def test_a_query_reads_the_views_and_nothing_else(shell: Shell, sql: str) -> None:
    line = refused(shell, "query", sql)
    assert "root:" not in line


@pytest.mark.parametrize("month", ["2025", "2025-1", "2025-13", "01-2025", "2025-01-01", "../2025-01"])
def test_a_month_that_is_none(shell: Shell, month: str) -> None:
    assert "YYYY-MM" in refused(shell, "report", month, "--out", "r")
    assert not (shell.folder / "r").exists()


@pytest.mark.parametrize("form", ["docx", "csv,docx", "CSV", "", ","])
def test_a_format_that_is_none(shell: Shell, form: str) -> None:
    assert "known: csv" in refused(shell, "report", "2025-01", "--format", form, "--out", "r")


def test_a_month_and_a_team_without_charges(shell: Shell) -> None:
    assert "from 2025-01 to 2025-01" in refused(shell, "report", "2024-12", "--out", "r")
    assert "there are vision" in refused(shell, "report", "2025-01", "--team", "visoin", "--out", "r")


def test_a_report_before_any_run(empty: Shell) -> None:
    assert "chipledger run" in refused(empty, "report", "2025-01", "--out", "r")


def test_a_folder_for_reports_that_is_a_file(shell: Shell) -> None:
    assert "--out" in refused(shell, "report", "2025-01", "--out", "chipledger.toml")


@pytest.mark.parametrize(
    "args",
    [
        ("run", "--from", "2025-13-01"),
        ("run", "--from", "2025-01-02", "--to", "2025-01-01"),
        ("run", "--form", "2025-01-01"),
        ("imports", "undo", "x"),
        ("nothing",),
    ],
)
def test_wrong_arguments(shell: Shell, args: tuple[str, ...]) -> None:
    refused(shell, *args)


def test_an_import_that_is_not_there(shell: Shell) -> None:
    assert "there is no import 9" in refused(shell, "imports", "undo", "9")


@pytest.mark.parametrize("rule", ["account=ml-*", "-> nlp", "account=ml-* ->", "color=red -> nlp", "account -> nlp"])
def test_a_rule_that_is_none(shell: Shell, rule: str) -> None:
    assert "--rule" in refused(shell, "owners", "--rule", rule)


def test_rules_that_contradict_each_other(shell: Shell) -> None:
    assert "two team" in refused(shell, "owners", "--rule", "user=a* -> x", "--rule", "user=*n -> y")
    assert "two teams claim" in refused(shell, "owners", "--rule", "user=a* -> x", "--rule", "user=a* -> y")
    assert "--mapping" in refused(shell, "owners", "--rules", "teams.csv")


def test_a_sku_without_a_price_is_named(empty: Shell) -> None:
    for kind, csv in {"jobs": JOBS, "prices": PRICES.replace("H100-80GB", "H200")}.items():
        assert empty(*empty.put(kind, csv)).returncode == 0

    done = empty("run")

    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("no price: H100-80GB")
    assert "published 3 cluster-days" in done.stdout


def test_two_currencies_stop_a_run(empty: Shell) -> None:
    book = "accelerator,price_per_hour,currency\nH100-80GB,2,USD\nA100-80GB,1,EUR\n"
    for kind, csv in {"jobs": JOBS, "prices": book}.items():
        assert empty(*empty.put(kind, csv)).returncode == 0
    line = refused(empty, "run")
    assert "EUR" in line
    assert "USD" in line


def test_rules_of_equal_rank_stop_a_run(shell: Shell) -> None:
    assert shell(*shell.put("teams", "selector,team\nuser=ca*,a\nuser=*at,b\n")).returncode == 0
    assert "two team rules" in refused(shell, "run")


def test_settings_with_an_unknown_key(shell: Shell) -> None:
    (shell.folder / "chipledger.toml").write_text("[lake]\nkeep_day = 3\n")
    assert "did you mean keep_days?" in refused(shell, "run")
