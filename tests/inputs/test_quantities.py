"""Quantities at the bound of what one row may say."""

from __future__ import annotations

import pytest

from accounting.inputs.quantities import MOST
from tests.inputs.conftest import Desk

COLUMNS = '[columns]\naccelerator = "a"\nquantity = "n"\nstart = "s"\nend = "e"\n'
SPAN = "2025-01-01,2025-01-02"
TOO_MANY = "is more than 1,000,000 accelerators"


@pytest.mark.parametrize("kind", ["jobs", "capacity"])
@pytest.mark.parametrize(
    ("name", "quantity"), [("h100", "5000000"), ("h100", "1000000.000001"), ("v4-32", "62501"), ("x", "9" * 29)]
)
def test_more_than_anybody_has_is_rejected(desk: Desk, kind: str, name: str, quantity: str) -> None:
    outcome = desk.bring(kind, f"a,n,s,e\n{name},{quantity},{SPAN}\nh100,1,{SPAN}\n", COLUMNS)

    assert (outcome.record.rows, outcome.record.rejected) == (1, 1)
    assert desk.rejected() == [(1, "quantity", f"quantity: '{quantity}' {TOO_MANY}")]


@pytest.mark.parametrize(("name", "quantity"), [("h100", MOST), ("v4-32", 62_500)])
def test_as_many_as_the_bound_are_taken(desk: Desk, name: str, quantity: int) -> None:
    desk.bring("jobs", f"a,n,s,e\n{name},{quantity},{SPAN}\n", COLUMNS)
    assert desk.taken("jobs")["quantity_ppm"].to_list() == [quantity * 1_000_000]


def test_the_projects_own_names_count(desk: Desk) -> None:
    text = f"a,n,s,e\nbig,62501,{SPAN}\n"
    assert desk.bring("capacity", text, COLUMNS, aliases={"big": "v4-32"}).record.rejected == 1


def test_a_price_that_no_integer_holds_is_rejected(desk: Desk) -> None:
    told = '[columns]\naccelerator = "a"\nprice_per_hour = "p"\n'
    assert desk.bring("prices", "a,p\nx,1000000000.000000001\ny,1000000000\n", told).record.rejected == 1


def test_a_sample_that_no_integer_holds_is_rejected(desk: Desk) -> None:
    told = '[columns]\ndevice_id = "d"\nstart = "s"\nend = "e"\npower_w = "p"\n'
    outcome = desk.bring("samples", f"d,s,e,p\nx,{SPAN},{'9' * 28}\nx,{SPAN},700\n", told)
    assert (outcome.record.rows, outcome.record.rejected) == (1, 1)
