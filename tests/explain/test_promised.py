"""Prices and lines that commitments make, traced to the hours behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.explain.test_explained import adds_up, charges, records, section, trace
from tests.test_commitments import COMMITMENT, FEE, HEADER, OWNER, SKU, company, promise
from tests.test_pipeline import Ledger

DAY = "2025-01-30T00:00:00Z,2025-01-31T00:00:00Z"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return company(tmp_path / "p")


def test_a_blended_price_names_what_paid_for_how_much(ledger: Ledger) -> None:
    promise(ledger, "1", COMMITMENT.format(quantity=2).replace("cud-1", "cud-2") + OWNER)()
    ledger.run()

    for charge in charges(ledger, "charge_kind = 'usage'"):
        found = trace(ledger, charge)
        adds_up(found)
        said = section(found, "price").said
        assert said[0].startswith("9.000000000 USD per hour and H100-80GB, from 2025-0"), (
            "a fourth at 6, the rest at 10"
        )
        assert said[1] == "cud-1 paid 12.000 of 48.000 eligible hours at 6", "of the SKU, which is half of all"
        assert (
            said[2] == "cud-2 paid 24.000 of 48.000 eligible hours at 6, which is credited to lab and not in the price"
        )
        used = [row for row in records(found, "price", "prices") if row["fits"] == "used"]
        assert [(row["import"], row["file"]) for row in used] == [(None, "commitments")]


def test_lines_of_a_commitment_say_what_was_promised_and_covered(ledger: Ledger) -> None:
    promise(ledger, "5", OWNER)()
    ledger.run()
    lines = charges(ledger, "cluster IS NULL AND day = '2025-01-30'")

    assert {one["charge_kind"] for one in lines} == {"credit", "commitment_unused"}
    for charge in lines:
        found = trace(ledger, charge)
        assert (found.notice, found.agrees) == ("", True)
        assert section(found, "commitment").said[0] == (
            "cud-1, resource: 5 H100-80GB, from 2025-01-30 00:00Z to 2026-01-30 00:00Z"
        )
        hours = {row["purchase"]: row["covered_hours"] for row in records(found, "commitment", "covered")}
        assert hours == {None: 48, "on_demand": 48}


def test_a_line_of_a_commitment_that_is_no_more_says_so(ledger: Ledger) -> None:
    promise(ledger, "5")()
    ledger.run()
    line = charges(ledger, "cluster IS NULL")[0]
    promise(ledger, "6")()

    found = trace(ledger, line)
    assert (found.notice, found.agrees) == (
        "the commitment changed since this was published: next: chipledger run",
        False,
    )


def test_credits_of_a_bill_are_told_from_those_of_owners(ledger: Ledger) -> None:
    promise(ledger, "5", OWNER)()
    usage = f"gcp,H,{SKU},{DAY},96,960,-970,-960,USD,2025-01\n"
    ledger.bring("invoice", f"{HEADER}{usage}gcp,F,{FEE},{DAY},120,720,0,0,USD,2025-01\n")
    ledger.run()

    for charge in charges(ledger, "cluster IS NULL AND day = '2025-01-30' AND charge_kind = 'credit'"):
        found = trace(ledger, charge)
        assert (found.notice, found.agrees) == ("", True)
    (unused,) = charges(ledger, "cluster IS NULL AND day = '2025-01-30' AND charge_kind = 'commitment_unused'")
    assert unused["cost"] == 144
