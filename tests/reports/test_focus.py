"""FOCUS of a month: what its rows must add up to, and what outside validators say of them."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.close import close
from accounting.config import load_config, write_project
from accounting.inputs.importing import silent
from accounting.periods import Period
from accounting.reports import report
from accounting.reports.focus.profiles import PROFILES
from accounting.reports.focus.rows import Issuer, cost_and_usage, exact
from accounting.stores.lake import Lake
from accounting.tables import ADJUSTMENTS
from tests.test_commitments import COMMITMENT, OWNER, company, promise
from tests.test_pipeline import FILES, NOW, Ledger

LATE = """workload_id,team,pool,accelerator,quantity,start,end
late,blue,train,H100-80GB,1,2025-01-31T20:00:00Z,2025-01-31T22:00:00Z
"""
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two closed months, the second one with corrections of the first, as files."""
    ledger = Ledger(tmp_path_factory.mktemp("focus") / "p")
    Lake.create(load_config(write_project(ledger.folder)).lake)
    for kind, text in FILES.items():
        ledger.bring(kind, text)
    ledger.run()
    close(ledger.project, "2025-01", NOW, silent)
    ledger.bring("jobs", LATE)
    ledger.run()
    close(ledger.project, "2025-02", NOW, silent)
    for month in ("2025-01", "2025-02"):
        report.write(ledger.project, month, None, ("csv", "focus"), ledger.folder / "out", NOW)
    return ledger.folder / "out"


def read(path: Path) -> Rows:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(params=["2025-01", "2025-02"])
def month(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.mark.parametrize("version", ["1.2", "1.4"])
def test_a_row_for_each_charge_and_the_same_cost(folder: Path, month: str, version: str) -> None:
    rows, charges = read(folder / f"{month}-focus-{version}.csv"), read(folder / f"{month}-charges.csv")

    assert list(rows[0]) == list(PROFILES[version])
    assert [row["x_ChargeKey"] for row in rows] == [charge["charge_id"] for charge in charges]
    assert [Decimal(row["BilledCost"]) for row in rows] == [Decimal(charge["cost"]) for charge in charges]
    assert {row["x_ChargeKind"] for row in rows} == {charge["charge_kind"] for charge in charges}


def test_price_times_quantity_is_the_cost_beside_it(folder: Path, month: str) -> None:
    for row in read(folder / f"{month}-focus-1.2.csv"):
        quantity = Decimal(row["PricingQuantity"])
        for kind in ("List", "Contracted"):
            assert Decimal(row[f"{kind}UnitPrice"]) * quantity == Decimal(row[f"{kind}Cost"])
        assert abs(Decimal(row["ContractedCost"]) - Decimal(row["BilledCost"])) < Decimal("0.00001")


def test_periods_contain_their_charges(folder: Path, month: str) -> None:
    for row in read(folder / f"{month}-focus-1.2.csv"):
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"]
        if row["ChargeClass"] == "Correction":
            assert row["ChargePeriodEnd"] <= row["BillingPeriodStart"] or row["x_Corrects"]
        else:
            assert row["BillingPeriodStart"] <= row["ChargePeriodStart"]
            assert row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
    assert {row["BillingPeriodStart"][8:] for row in read(folder / f"{month}-focus-1.2.csv")} == {
        "01T00:00:00Z",
        "01T08:00:00Z",
    }


def test_corrections_say_so(folder: Path) -> None:
    rows = read(folder / "2025-02-focus-1.4.csv")
    corrections = [row for row in rows if row["x_ChargeKind"] == "correction"]
    january = {row["x_ChargeKey"] for row in read(folder / "2025-01-focus-1.4.csv")}

    assert corrections
    assert {row["ChargeClass"] for row in corrections} == {"Correction"}
    assert {row["ChargePeriodStart"] for row in corrections} == {"2025-01-31T00:00:00Z"}
    assert any(row["x_Corrects"] in january for row in corrections)
    assert not {row["ChargeClass"] for row in rows if row not in corrections} - {""}


def test_invoice_lines_add_up_to_their_rows(folder: Path, month: str) -> None:
    rows = read(folder / f"{month}-focus-1.4" / "cost_and_usage.csv")
    lines = read(folder / f"{month}-focus-1.4" / "invoice_detail.csv")
    by_line = groupby(sorted(rows, key=_line), key=_line)
    sums = {line: sum(Decimal(row["BilledCost"]) for row in some) for line, some in by_line}

    assert {line["InvoiceDetailId"]: Decimal(line["BilledCost"]) for line in lines} == sums
    assert {line["InvoiceId"] for line in lines} == {row["InvoiceId"] for row in rows}
    assert all(re.fullmatch(r"CL-\d{6}", line["InvoiceId"]) for line in lines)
    assert {line["InvoiceIssueStatus"] for line in lines} == {"Issued"}
    (status,) = {row["BillingPeriodStatus"] for row in read(folder / f"{month}-focus-1.4" / "billing_period.csv")}
    assert status == "Closed"


def _line(row: dict[str, str]) -> str:
    return row["InvoiceDetailId"]


def test_tags_are_flat_json_and_units_are_the_specifications(folder: Path, month: str) -> None:
    for row in read(folder / f"{month}-focus-1.2.csv"):
        assert all(isinstance(value, str) for value in json.loads(row["Tags"]).values())
        assert (row["PricingUnit"], row["ConsumedUnit"]) == ("Hours", "Hours")


MONEY = st.integers(1, 50_000_000_000).map(lambda nano: Decimal(nano) / 1_000_000_000)


@given(price=MONEY, listed=MONEY, ms=st.integers(1, 86_400_000))
def test_the_books_list_price_is_found_again_or_one_that_gives_the_same_cost(
    price: Decimal, listed: Decimal, ms: int
) -> None:
    def cost(rate: Decimal) -> Decimal:
        return (rate * ms / 3_600_000).quantize(Decimal("1e-9"))

    said = {
        "charge_id": "c", "day": "2025-01-05", "month": "2025-01", "team": "a", "cluster": "c", "pool": "",
        "accelerator": "H100-80GB", "state": "allocated_active", "charge_kind": "usage", "price_status": "priced",
        "device_seconds": Decimal(ms) / 1000, "unit_price": price, "cost": cost(price), "list_cost": cost(listed),
        "currency": "USD", "price_id": "p",
    }  # fmt: skip
    schema = dict(ADJUSTMENTS.schema)
    frame = pl.DataFrame({name: [said.get(name)] for name in schema}, schema_overrides={"day": pl.String}, strict=False)
    charge = frame.with_columns(pl.col("day").str.to_date()).cast(schema)  # type: ignore[arg-type]
    (row,) = cost_and_usage(charge, "2025-01", Issuer("platform", {"a": "CL-1"}, {})).to_dicts()

    again = Decimal(row["ListUnitPrice"])
    assert cost(again) == cost(listed) or ms < 1000
    assert again * Decimal(row["PricingQuantity"]) == Decimal(row["ListCost"])
    if ms >= 3_600_000 and listed == listed.quantize(Decimal("0.0001")):
        assert again == listed


@pytest.mark.parametrize(
    ("units", "text"), [(0, "0.0"), (9_000_000_000, "9.0"), (-250_000_000, "-0.25"), (1, "0.000000001"), (None, None)]
)
def test_numbers_are_plain_decimals(units: int | None, text: str | None) -> None:
    assert pl.select(exact(pl.lit(units, pl.Int128), 9)).item() == text


def test_a_draft_has_no_numbers(folder: Path, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "p")
    shutil.copytree(folder.parent, ledger.folder)
    ledger.bring("jobs", LATE.replace("2025-01-31", "2025-02-05"))
    ledger.run()
    report.write(ledger.project, "2025-03", None, ("focus",), tmp_path / "draft", NOW)

    lines = read(tmp_path / "draft" / "2025-03-focus-1.4" / "invoice_detail.csv")
    assert {(line["InvoiceId"][:6], line["InvoiceIssueStatus"]) for line in lines} == {("DRAFT-", "Open")}
    assert Period("2025-03").open


@pytest.mark.skipif("FOCUS_CHECK" not in os.environ, reason="FOCUS_CHECK does not name a folder with the validators")
@pytest.mark.parametrize("arguments", [("run_focus12.sh", "{}-focus-1.2.csv"), ("run_focus14.sh", "{}-focus-1.4")])
def test_outside_validators_agree_and_see_a_wrong_file(
    folder: Path, month: str, arguments: tuple[str, str], tmp_path: Path
) -> None:
    script, name = Path(os.environ["FOCUS_CHECK"]) / arguments[0], arguments[1].format(month)
    done = subprocess.run([script, folder / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "CONFORMS"), done.stdout

    copied = tmp_path / name
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    file = copied / "cost_and_usage.csv" if copied.is_dir() else copied
    file.write_text(file.read_text().replace(",Usage,", ",Used,", 1))
    done = subprocess.run([script, copied], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout


def test_unused_commitments_and_reservations_are_named(tmp_path: Path) -> None:
    ledger = company(tmp_path / "p")
    reserved = COMMITMENT.format(quantity=9).replace("cud-1", "hold").replace('"resource"', '"reservation"')
    promise(ledger, "5", OWNER + reserved.replace("us-east4", "us-west1") + OWNER)()
    ledger.run()
    report.write(ledger.project, "2025-01", None, ("focus",), tmp_path / "out", NOW)

    rows = [
        row for row in read(tmp_path / "out" / "2025-01-focus-1.2.csv") if row["x_ChargeKind"] == "commitment_unused"
    ]
    held = [row for row in rows if row["CapacityReservationId"] == "reservation:hold"]
    promised = [row for row in rows if row["CommitmentDiscountId"] == "commitment:cud-1"]
    assert len(rows) == len(held) + len(promised) == 6
    assert {(row["CapacityReservationStatus"], row["CommitmentDiscountStatus"]) for row in held} == {("Unused", "")}
    assert {(row["CapacityReservationStatus"], row["CommitmentDiscountStatus"]) for row in promised} == {("", "Unused")}
    assert {row["ConsumedQuantity"] for row in promised} == {""}
    assert {row["PricingCategory"] for row in held} == {"Standard"}
    assert {row["SkuPriceId"] for row in rows} == {"reservation:hold", "commitment:cud-1"}
