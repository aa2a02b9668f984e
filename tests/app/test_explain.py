"""The page Explain: charges to choose from, and the trace of one."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from accounting.project import open_project
from tests.app.conftest import Open, bring, run
from tests.app.test_pages import exact

STEPS = ["arithmetic", "price", "bearer", "owner", "allocation", "capacity", "activity", "versions"]


def charges(folder: Path, where: str) -> list[dict[str, Any]]:
    return open_project(folder).query(f"SELECT * FROM charges WHERE {where} ORDER BY cost DESC, charge_id").to_dicts()


@pytest.mark.parametrize("where", ["state = 'allocated_idle'", "state = 'unallocated_free'", "team = 'unowned'"])
def test_a_charge_is_traced(company: Path, look: Open, where: str) -> None:
    charge = charges(company, where)[0]
    html = look(company, "explain", charge=charge["charge_id"][:12]).html

    assert exact(html, "explain_cost") == charge["cost"]
    assert "the steps below add up to it, to the nano-unit" in html
    assert re.findall(r'data-step="(\w+)"', html) == STEPS
    assert html.count(" open>") == 1
    assert "data-notice" not in html


def test_charges_of_a_workload_lead_to_their_traces(company: Path, look: Open) -> None:
    mine = charges(company, "workload_id = 'train-027'")
    html = look(company, "explain", workload="train-027").html

    assert exact(html, "explain_total") == sum((c["cost"] for c in mine), Decimal(0))
    assert re.findall(r"[?&]charge=(\w+)", unescape(html)) == [c["charge_id"] for c in mine]


def test_chargeback_leads_to_the_charges_of_a_workload(company: Path, look: Open) -> None:
    html = unescape(look(company, "chargeback").html)

    assert re.search(r'href="\./explain\?month=2026-03&cluster=default&team=\w+&workload=train-\d+"', html)


def test_what_is_no_charge_says_how_to_find_one(company: Path, look: Open) -> None:
    html = look(company, "explain", charge="<b>zzzzzz").html

    assert 'data-state="no-charge"' in html
    assert "<b>zz" not in html
    assert "column charge_id of" in html


def test_nothing_fits_the_workload(company: Path, look: Open) -> None:
    html = look(company, "explain", workload="none").html

    assert 'data-state="no-rows"' in html
    assert "Nothing is published for March 2026, workload none." in html


def test_inputs_that_changed_are_said(own: Path, look: Open) -> None:
    charge = charges(own, "team = 'vision' AND state = 'allocated_active'")[0]
    bring(own, "jobs")
    open_project(own).lake.undo_import(3)
    html = look(own, "explain", charge=charge["charge_id"]).html

    assert 'data-notice="inputs-changed"' in html
    assert "they make no such charge" in html
    run(own)
    assert 'data-state="no-charge"' in look(own, "explain", charge=charge["charge_id"]).html
