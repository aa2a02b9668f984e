"""Every total on every page is what `chipledger query` says on the same filter, and what the page's own SQL says."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import PATHS, Visitor, chipledger

FILTERS = {"": "TRUE", "team=vision": "{team} = 'vision'", "accelerator=L4": "accelerator = 'L4'"}


def ask(folder: Path, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        chipledger(folder, "query", query, "--format", "json"), parse_float=Decimal
    )
    return found


def same(shown: Decimal | None, asked: Decimal | int | None) -> bool:
    return shown is None if asked is None else shown == Decimal(asked)


@pytest.mark.parametrize("chosen", FILTERS)
def test_overview(visit: Visitor, company: Path, chosen: str) -> None:
    shown = visit.open(f"?{chosen}").totals()
    where = FILTERS[chosen].format(team="team")
    (row,) = ask(
        company,
        f"""SELECT SUM(cost) AS cost, SUM(device_seconds) AS hours, SUM(used_cost) AS part_used,
          SUM(CASE WHEN charge_kind = 'idle' OR state LIKE 'unallocated_%' THEN cost END) AS waste,
          SUM(CASE WHEN state = 'allocated_idle' THEN cost END) AS part_idle,
          SUM(CASE WHEN state = 'allocated_active' THEN cost - used_cost END) AS part_active,
          SUM(CASE WHEN state = 'allocated_unobserved' THEN cost END) AS part_unobserved,
          SUM(CASE WHEN state = 'unallocated_free' THEN cost END) AS part_free,
          SUM(CASE WHEN state = 'unallocated_queued' THEN cost END) AS part_queued,
          SUM(CASE WHEN state = 'unallocated_reserved' THEN cost END) AS part_reserved
        FROM charges WHERE {where}""",
    )
    for name, value in row.items():
        if name in shown or value is not None:
            assert same(shown[name], value), name
    assert same(shown["partition_total"], row["cost"])
    assert same(shown["partition_hours"], row["hours"])
    teams = {
        f"team_{r['team']}": r["cost"]
        for r in ask(company, f"SELECT team, SUM(cost) AS cost FROM charges WHERE {where} GROUP BY team")
    }
    assert {name: value for name, value in shown.items() if name.startswith("team_")} == {
        n: Decimal(v) for n, v in teams.items()
    }
    parts = [value for name, value in shown.items() if name.startswith("part_") and not name.startswith("part_hours")]
    assert sum(value for value in parts if value) == shown["cost"]


@pytest.mark.parametrize("chosen", FILTERS)
def test_idle(visit: Visitor, company: Path, chosen: str) -> None:
    shown = visit.open(f"idle?{chosen}").totals()
    where = FILTERS[chosen].format(team="owner_team")
    (row,) = ask(
        company,
        f"""SELECT SUM(CASE WHEN charge_kind = 'idle' THEN cost END) AS idle_cost,
          SUM(CASE WHEN state LIKE 'unallocated_%' THEN cost END) AS unallocated_cost,
          SUM(CASE WHEN state = 'allocated_unobserved' THEN cost END) AS unobserved_cost
        FROM charges WHERE {where}""",
    )
    for name, value in row.items():
        assert same(shown[name], value), name
    free = ask(
        company,
        f"""SELECT cluster, pool, accelerator, REPLACE(state, 'unallocated_', '') AS why, SUM(device_seconds) AS seconds
        FROM charges WHERE {where} AND charge_kind = 'unallocated' GROUP BY cluster, pool, accelerator, state""",
    )
    expected = {
        f"unallocated_{row['cluster']}_{row['pool']}_{row['accelerator']}_{row['why']}": Decimal(row["seconds"])
        for row in free
    }
    assert {name: value for name, value in shown.items() if name.startswith("unallocated_d")} == expected


@pytest.mark.parametrize("chosen", FILTERS)
def test_chargeback(visit: Visitor, company: Path, chosen: str) -> None:
    shown = visit.open(f"chargeback?month=2026-03&{chosen}").totals()
    where = f"month = '2026-03' AND {FILTERS[chosen].format(team='team')}"
    figures = """SUM(device_seconds) AS hours, SUM(cost) AS cost, SUM(used_cost) AS used_cost,
      SUM(CASE WHEN charge_kind = 'usage' THEN cost END) AS usage_cost,
      SUM(CASE WHEN charge_kind = 'idle' THEN cost END) AS idle_cost,
      SUM(CASE WHEN charge_kind = 'unallocated' THEN cost END) AS unallocated_cost"""
    (row,) = ask(company, f"SELECT {figures}, COUNT(*) AS n FROM charges WHERE {where}")
    cards = {f"bill_{kind}": f"{kind}_cost" for kind in ("usage", "idle", "unallocated", "used")}
    cards |= {"bill_cost": "cost", "statement_total": "cost", "statement_lines": "n"}
    for name, column in cards.items():
        assert same(shown[name], row[column]), name
    for column in ("hours", "cost", "used_cost", "usage_cost", "idle_cost", "unallocated_cost"):
        assert same(shown[f"sum_{column}"], row[column]), column
    for team in ask(company, f"SELECT team, {figures} FROM charges WHERE {where} GROUP BY team"):
        for column in ("hours", "cost", "used_cost", "usage_cost", "idle_cost", "unallocated_cost"):
            assert same(shown[f"team_{team['team']}_{column}"], team[column]), (team["team"], column)


@pytest.mark.parametrize("page", PATHS)
def test_the_sql_on_the_page_can_be_pasted(visit: Visitor, company: Path, page: str) -> None:
    visit.open(f"{PATHS[page]}?team=vision")
    queries = visit.page.locator("pre[data-sql]").evaluate_all("all => all.map(e => [e.dataset.sql, e.textContent])")
    assert len(queries) >= (2 if page == "explain" else 4)
    total = {"overview": "totals", "idle": "idle_totals", "chargeback": "bill_total", "explain": "bill_charges_total"}
    query = dict(queries)[total[page]]
    (row,) = csv.DictReader(io.StringIO(chipledger(company, "query", query, "--format", "csv")))

    name, column = {
        "overview": ("cost", "cost"),
        "idle": ("idle_cost", "idle_cost"),
        "chargeback": ("bill_cost", "cost"),
        "explain": ("explain_total", "cost"),
    }[page]
    assert visit.exact(name) == Decimal(row[column])


def test_downloads_add_up_to_the_statement(visit: Visitor) -> None:
    visit.open("chargeback?team=search")
    for label, kind in (("Summary CSV", "summary"), ("Lines CSV", "lines")):
        with visit.page.expect_download() as started:
            visit.page.get_by_role("button", name=label).click()
        assert started.value.suggested_filename == f"chipledger-2026-03-search-{kind}.csv"
        rows = list(csv.DictReader(Path(started.value.path()).read_text("utf-8").splitlines()))
        assert sum(Decimal(row["cost"] or 0) for row in rows) == visit.exact("statement_total")
        assert {row["team"] for row in rows} == {"search"}
