"""The questions of sql/app: in the dialect, consistent with each other, and the same when they are pasted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest

import sql
from accounting.project import Project, open_project
from accounting.stores.lint import lint
from app.filters import Bill, Filter, Scope
from app.literal import literal, parameters_of, written
from app.partition import by_day, remainder, slices

NAMES = sql.names("app")
FIRST, LAST = date(2026, 3, 2), date(2026, 3, 3)
SCOPES = [
    Scope(*chosen)
    for chosen in product((None, "default", "o'brien\\"), (None, "vision", "unowned", "platform"), (None, "L4"))
]


@pytest.fixture(scope="module")
def project(company: Path) -> Project:
    return open_project(company)


@pytest.fixture(scope="module", params=["company", "unwell"])
def either(request: pytest.FixtureRequest) -> Project:
    """With devices that could not be used, and without."""
    return open_project(request.getfixturevalue(request.param))


def parameters(scope: Scope) -> dict[str, Any]:
    return {**Filter(FIRST, LAST, scope).parameters, **Bill("2026-03", scope, None).parameters}


def rows(project: Project, name: str, scope: Scope) -> list[dict[str, Any]]:
    text = sql.read(f"app/{name}")
    given = {key: parameters(scope)[key] for key in parameters_of(text)}
    return project.query(text, given).to_dicts()


def added(found: list[dict[str, Any]], column: str) -> Decimal:
    return sum((row[column] for row in found if row[column] is not None), Decimal(0))


@pytest.mark.parametrize("name", NAMES)
def test_a_question_keeps_to_the_dialect(name: str) -> None:
    text = sql.read(name)

    assert lint(text) == []
    assert text.startswith("-- Grain: ")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scope", [Scope(), Scope("default", "vision", "H100-80GB"), Scope(team="o'brien\\")])
def test_a_pasted_question_gives_the_same(project: Project, name: str, scope: Scope) -> None:
    text = sql.read(name)
    pasted = written(text, parameters(scope))

    assert "@" not in pasted
    assert not pasted.startswith("-")
    assert " IS NULL OR " not in pasted
    assert project.query(pasted).to_dicts() == rows(project, name.removeprefix("app/"), scope)


def test_each_choice_is_there_once(project: Project) -> None:
    found = [(row["kind"], row["value"]) for row in rows(project, "choices", Scope())]

    assert len(found) == len(set(found))
    assert ("team", "vision") in found


def test_literals() -> None:
    assert literal(date(2026, 3, 2)) == "DATE '2026-03-02'"
    assert literal(None) == "NULL"
    assert literal("o'brien\\") == "'o\\'brien\\\\'"


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_the_parts_add_up_to_the_total(either: Project, scope: Scope) -> None:
    (total,) = rows(either, "totals", scope)
    parts = slices(rows(either, "parts", scope))
    days = [part for found in by_day(rows(either, "parts_by_day", scope)).values() for part in found]
    months = [part for found in by_day(rows(either, "parts_by_month", scope)).values() for part in found]

    for found in (parts, days, months):
        assert remainder(found, total["cost"]) == 0
        assert sum((part.seconds or Decimal(0) for part in found), Decimal(0)) == (total["device_seconds"] or 0)
    waste = sum((part.amount for part in parts if part.part.kind == "waste"), Decimal(0))
    assert waste == (total["waste_cost"] or 0)


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_teams_models_and_lines_add_up_to_the_bill(either: Project, scope: Scope) -> None:
    (total,) = rows(either, "bill_total", scope)
    assert total["lines"] == len(rows(either, "bill_lines", scope))

    for name in ("bill_teams", "bill_models", "bill_lines"):
        found = rows(either, name, scope)
        for column in ("device_seconds", "cost", "used_cost"):
            assert added(found, column) == (total[column] or 0), (name, column)
    parts = [total[f"{kind}_cost"] or 0 for kind in ("usage", "idle", "unallocated", "overhead", "adjusted")]
    assert sum(parts) == (total["cost"] or 0)


@pytest.mark.parametrize("scope", [Scope(), Scope("default"), Scope(accelerator="L4")], ids=str)
def test_idle_is_the_same_from_every_side(either: Project, scope: Scope) -> None:
    (total,) = rows(either, "idle_totals", scope)
    for name in ("idle_pools", "idle_owners", "idle_by_day", "idle_by_weekday"):
        assert added(rows(either, name, scope), "idle_seconds") == (total["idle_seconds"] or 0), name
    names = ("held", "unallocated", "unlogged", "unhealthy")
    for row in (total, *rows(either, "idle_pools", scope)):
        assert sum(row[f"{name}_seconds"] or 0 for name in names) == row["device_seconds"]
    nobody = [row for row in rows(either, "unallocated", scope) if row["state"] != "unobserved"]
    assert added(nobody, "device_seconds") == total["unallocated_seconds"]
    assert added(nobody, "cost") == total["unallocated_cost"]


def test_the_longest_idle_run_counts_hours_in_a_row(project: Project) -> None:
    found = {row["workload_id"]: row["longest_hours"] for row in rows(project, "idle_workloads", Scope())}
    hours = project.query(
        "SELECT DISTINCT workload_id, hour FROM usage WHERE state = 'allocated_idle' AND workload_id IS NOT NULL"
    ).sort("workload_id", "hour")

    for workload, longest in found.items():
        stamps = [int(h.timestamp()) // 3600 for h in hours.filter(workload_id=workload)["hour"]]
        best = run = 1
        for before, after in pairwise(stamps):
            run = run + 1 if after == before + 1 else 1
            best = max(best, run)
        assert longest == best, workload
