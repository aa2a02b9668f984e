"""Charges of real projects, traced: every one of them, and what is said where the inputs have changed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from accounting.close import close
from accounting.errors import InputError
from accounting.explain.explained import explained
from accounting.explain.trace import Grid, Section, Trace
from accounting.inputs.importing import silent
from tests.test_bill import JANUARY_BILL
from tests.test_pipeline import FILES, NOW, Ledger

TEAMS = """selector,team,cost_center,priority
account=ml,green,CC-1,0
account=m*,brown,,-1
"""


UNPRICED = "pool,accelerator,quantity,start,end\nold,T4,1,2025-01-31T00:00:00Z,2025-01-31T02:00:00Z\n"


def charges(ledger: Ledger, where: str = "TRUE") -> list[dict[str, Any]]:
    return ledger.project.query(f"SELECT * FROM charges WHERE {where} ORDER BY charge_id").to_dicts()


def trace(ledger: Ledger, charge: dict[str, Any]) -> Trace:
    return explained(ledger.project, charge["charge_id"], silent)


def section(found: Trace, name: str) -> Section:
    (one,) = [s for s in found.sections if s.name == name]
    return one


def grids(found: Trace, name: str, prefix: str) -> Iterator[Grid]:
    return (grid for grid in section(found, name).grids if grid.name.startswith(prefix))


def records(found: Trace, name: str, table: str) -> list[dict[str, Any]]:
    (grid,) = grids(found, name, table)
    return [dict(row) for row in grid.records]


def total(rows: list[dict[str, Any]], column: str) -> Decimal:
    return sum((row[column] for row in rows if row[column] is not None), Decimal(0))


def adds_up(found: Trace) -> None:
    """Hours, places and shares come to the charge, exactly."""
    charge, facts = found.charge, section(found, "arithmetic").facts
    assert found.agrees
    assert facts["traced_cost"] == charge["cost"]
    for table in ("hours", "rows"):
        rows = records(found, "arithmetic", table)
        assert total(rows, "device_seconds") == facts["device_seconds"]
        assert facts.get("rows_cost") is None or total(rows, "cost") == facts["rows_cost"]
    if charge["cost"] is not None:
        assert facts["price_times_time"] + facts["rounding"] == facts["rows_cost"]  # type: ignore[operator]
    shares = list(grids(found, "bearer", "shares"))
    if shares:
        rows = [dict(row) for grid in shares for row in grid.records]
        assert total(rows, "device_seconds") == facts["device_seconds"]
        mine = [row for row in rows if row["team"] == charge["team"]]
        assert total(mine, "device_seconds") == charge["device_seconds"]
        assert charge["cost"] is None or total(mine, "cost") == charge["cost"]
    else:
        assert facts["device_seconds"] == charge["device_seconds"]
        assert facts.get("rows_cost", charge["cost"]) == charge["cost"]


def named_imports(found: Trace) -> set[str]:
    return {row["kind"] for row in records(found, "versions", "imports")}


def test_every_charge_is_traced_to_what_it_was_made_of(ledger: Ledger) -> None:
    ledger.bring("teams", TEAMS)
    ledger.write("policies/spread.toml", 'from = 2025-02-01T12:00:00Z\n[policy]\nunallocated = "usage"\n')
    ledger.bring("jobs", UNPRICED)
    ledger.run()
    every = charges(ledger)
    assert {c["borne_by_rule"] for c in every} >= {None, "unallocated:usage"}
    assert any(c["price_id"] is None for c in every)
    for charge in every:
        found = trace(ledger, charge)
        assert (found.notice, found.broken) == ("", False)
        adds_up(found)
        held = {row["workload_id"] for grid in grids(found, "allocation", "holdings") for row in grid.records}
        assert held == {charge["workload_id"]} - {None} or charge["workload_id"] is None


def test_a_unique_beginning_is_enough(ledger: Ledger) -> None:
    charge = charges(ledger)[0]
    assert explained(ledger.project, charge["charge_id"][:10].upper(), silent).charge == charge


def test_the_rule_that_wins_is_named_and_those_that_lose(ledger: Ledger) -> None:
    ledger.bring("teams", TEAMS)
    ledger.run()
    (charge, *_) = charges(ledger, "team = 'green' AND charge_kind = 'usage'")
    found = trace(ledger, charge)
    owner = section(found, "owner")
    assert owner.said[0].startswith("green is a fact")
    assert "'account=ml' -> green (import 5, row 1) of priority 0; 1 other rule matches less well" in owner.said[1]
    assert [(r["selector"], r["team"], r["priority"]) for r in records(found, "owner", "rules")] == [
        ("account=ml", "green", 0), ("account=m*", "brown", -1),
    ]  # fmt: skip
    assert named_imports(found) >= {"teams", "jobs", "prices", "capacity"}


def test_a_claim_and_nobody_are_said(ledger: Ledger) -> None:
    (claimed, *_) = charges(ledger, "team = 'red' AND charge_kind = 'usage'")
    assert section(trace(ledger, claimed), "owner").said[0].startswith("red is a claim")
    for unowned in charges(ledger, "team = 'unowned'"):
        assert "no rule matches" in section(trace(ledger, unowned), "owner").said[0]


def test_without_a_price_it_says_why(ledger: Ledger) -> None:
    ledger.bring("jobs", UNPRICED)
    ledger.run()
    (charge, *_) = charges(ledger, "price_id IS NULL")
    found = trace(ledger, charge)
    assert section(found, "price").said[0].startswith("no price fits")
    assert section(found, "arithmetic").said[1] == "without a price the cost is unknown, never 0"


def test_a_stale_day_says_that_its_inputs_changed(ledger: Ledger) -> None:
    (charge, *_) = charges(ledger, "workload_id IS NOT NULL AND cost > 0 AND day = '2025-01-31'")
    ledger.bring("teams", "selector,team\nworkload_id=*,violet\n")
    found = trace(ledger, charge)
    assert found.notice == (
        "inputs changed since this was published: as they are now they make no such charge; next: chipledger run"
    )
    assert (found.agrees, found.broken) == (False, False)
    assert [s.name for s in found.sections] == ["charge", "versions"]


def test_a_stale_day_whose_amount_is_another_one_says_so(ledger: Ledger) -> None:
    before = charges(ledger, "charge_kind = 'unallocated' AND day = '2025-02-01'")
    head = FILES["jobs"].splitlines()[0]
    ledger.bring("jobs", f"{head}\nlate,red,ml,train,H100-80GB,1,,,2025-02-01T10:00:00Z,2025-02-01T11:00:00Z\n")
    traces = [trace(ledger, charge) for charge in before]
    (moved,) = [found for found in traces if not found.agrees]
    assert "come to another amount, which is traced below; next: chipledger run" in moved.notice
    facts = section(moved, "arithmetic").facts
    assert (facts["published_cost"], facts["traced_cost"] == moved.charge["cost"]) == (moved.charge["cost"], False)
    assert all("but not this charge" in found.notice for found in traces if found.agrees)


def test_a_correction_is_what_is_known_less_what_was_booked(ledger: Ledger) -> None:
    close(ledger.project, "2025-01", NOW, silent)
    head = FILES["jobs"].splitlines()[0]
    ledger.bring("jobs", f"{head}\nlate,red,ml,train,H100-80GB,1,,,2025-01-31T10:00:00Z,2025-01-31T11:00:00Z\n")
    ledger.run()
    corrections = charges(ledger, "charge_kind = 'correction'")
    assert corrections
    for charge in corrections:
        found = trace(ledger, charge)
        assert (found.notice, found.agrees) == ("", True)
        facts = section(found, "correction").facts
        booked, known = (facts[name] or Decimal(0) for name in ("booked_cost", "known_cost"))
        assert known - booked == charge["cost"]  # type: ignore[operator]
    by_corrected = {c["corrects"]: c["charge_id"] for c in corrections}
    (corrected, *_) = [c for c in charges(ledger, "month = '2025-01'") if c["charge_id"] in by_corrected]
    found = trace(ledger, corrected)
    assert [r["charge_id"] for r in records(found, "corrections", "corrections")] == [
        by_corrected[corrected["charge_id"]]
    ]
    assert "inputs changed since 2025-01 was closed" in found.notice


def test_lines_of_a_bill_add_up_to_what_was_billed(ledger: Ledger) -> None:
    ledger.bring("invoice", JANUARY_BILL)
    ledger.run()
    lines = charges(ledger, "cluster IS NULL")
    assert {c["charge_kind"] for c in lines} == {"overhead", "credit", "commitment_unused", "reconciliation"}
    for charge in lines:
        found = trace(ledger, charge)
        assert (found.notice, found.agrees) == ("", True)
        rows = records(found, "bill", "lines")
        assert charge["charge_id"] in {row["charge_id"] for row in rows}
        assert records(found, "bill", "invoice") or section(found, "bill").facts["status"] == "seen_not_billed"


def test_what_is_no_id_says_how_to_find_one(ledger: Ledger) -> None:
    first, *rest = [charge["charge_id"] for charge in charges(ledger)]
    for text, words in (("abc", "give at least 6 characters"), ("zzzzzz", "no charge of what is published")):
        with pytest.raises(InputError, match=words):
            explained(ledger.project, text, silent)
    assert first not in rest
