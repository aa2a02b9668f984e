"""Google's bill of the simulated company: what is imported of its export is what was billed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting.inputs.effective import effective
from accounting.inputs.importing import import_file
from accounting.inputs.mapping import load_mapping
from accounting.simulate.bill import GOODWILL, LATE, PROVIDER, TAX, Invoice, invoice
from accounting.simulate.billing_export import write_lines
from accounting.simulate.company import DAY, HOUR
from accounting.simulate.demand import Window
from accounting.simulate.promises import OWN, SHARED, TOO_MANY, price, promises
from accounting.simulate.world import World, build, of_pool
from accounting.stores.lake import Lake

MAPPING = Path(__file__).parents[2] / "accounting" / "simulate" / "mappings" / "invoice.toml"
MONTH, NEXT = "2026-10", "2026-11"


@pytest.fixture(scope="module")
def company() -> World:
    """Eight days, three of which are of the next month."""
    first = int(datetime(2026, 10, 27, tzinfo=UTC).timestamp()) * 1000
    return build(Window(7, first, first + 8 * DAY), 160)


@pytest.fixture(scope="module")
def billed(company: World) -> Invoice:
    made = invoice(company)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def imported(billed: Invoice, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("export")
    lake = Lake.create(folder / "lake")
    for name, rows in (("invoice", billed.rows), ("invoice-late", billed.rows_later)):
        write_lines(rows, folder / f"{name}.json.gz")
        import_file(lake, "invoice", folder / f"{name}.json.gz", load_mapping(MAPPING), now=1_800_000_000_000,
                    strict=True)  # fmt: skip
    return effective(lake, "invoice").collect()


def net(rows: pl.DataFrame) -> Decimal:
    return sum((rows["cost"] + rows["credits"]).to_list(), Decimal(0))


def test_a_month_comes_to_its_invoice(billed: Invoice, imported: pl.DataFrame) -> None:
    month = imported.filter(invoice_month=MONTH)

    assert net(month) == billed.total
    of_commitments = month["commitment_credits"] + month["fee_offset"]
    assert sum((month["credits"] - of_commitments).to_list(), Decimal(0)) == billed.credits
    assert set(month["charge_type"]) == {"usage", "commitment_fee", "tax", "rounding"}
    assert net(month.filter(charge_type="tax")) == TAX
    assert set(month["label_team"].drop_nulls()) == {"search"}


def test_what_was_promised_is_billed_with_fees_that_add_up(company: World) -> None:
    made = promises(company.places, company.window.start + 2 * 24 * HOUR)
    billed = invoice(replace(company, promises=made))
    plain = invoice(company)
    assert billed is not None
    assert plain is not None

    hours = 3 * 24 + 7
    half = Decimal(made.there) / 2 * hours
    listed = Decimal(price("L4", "on_demand")) * 2 * half
    fees = half * SHARED + half * OWN + TOO_MANY * hours * OWN
    too_many = hours * Decimal(price("H100-80GB", "reservation"))
    assert billed.total - plain.total == fees + too_many - listed
    assert billed.unused - plain.unused == TOO_MANY * hours * OWN + too_many
    assert billed.credits - plain.credits == half * (OWN - Decimal(price("L4", "on_demand")))
    assert made.blended * HOUR == (SHARED + Decimal(price("L4", "on_demand"))) / 2 * 10**9


def test_what_comes_later_is_on_the_next_invoice_and_the_overlap_counts_once(
    billed: Invoice, imported: pl.DataFrame
) -> None:
    assert net(imported.filter(invoice_month=NEXT)) == billed.later == LATE + GOODWILL
    assert imported.height == len(billed.rows) + 2
    assert len(billed.rows_later) > 2


def test_hours_are_those_that_capacity_was_online(company: World, imported: pl.DataFrame) -> None:
    edge = int(datetime(2026, 11, 1, 7, tzinfo=UTC).timestamp()) * 1000
    online = company.online.join(company.places, on="place").filter(of_pool("provider") == PROVIDER)
    ms = online.select((pl.min_horizontal("end", edge) - pl.col("start")).clip(0).sum()).item()
    used = imported.filter(pl.col("unit") == "hour", pl.col("charge_type") == "usage", pl.col("project") == "acme-ml")

    billed = sum(used["quantity"].to_list(), Decimal(0))
    assert abs(billed - Decimal(ms) / HOUR) < Decimal("0.000001")
    assert set(used["purchase"]) == {"on_demand", "spot", "committed", "reservation"}
    assert used["accelerator"].null_count() == 0
