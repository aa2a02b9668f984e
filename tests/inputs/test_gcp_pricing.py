"""Google's pricing export in every file that it comes in: one content, one price book."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

Row = dict[str, Any]
MAP = 'format = "gcp_pricing"\n'
H100 = "Nvidia H100 80GB GPU running in Americas"
TIER = pl.List(
    pl.Struct(
        {
            "pricing_unit_quantity": pl.Float64,
            "start_usage_amount": pl.Float64,
            "usd_amount": pl.Decimal(38, 9),
            "account_currency_amount": pl.Decimal(38, 9),
        }
    )
)
RATES = pl.Struct({"aggregation_info": pl.Struct({"aggregation_level": pl.String}), "tiered_rates": TIER})
SCHEMA: dict[str, Any] = {
    "export_time": pl.Datetime("us", "UTC"),
    "pricing_as_of_time": pl.Datetime("us", "UTC"),
    "service": pl.Struct({"id": pl.String, "description": pl.String}),
    "sku": pl.Struct({"id": pl.String, "description": pl.String}),
    "geo_taxonomy": pl.Struct({"type": pl.String, "regions": pl.List(pl.String)}),
    "pricing_unit": pl.String,
    "account_currency_code": pl.String,
    "currency_conversion_rate": pl.String,
    "list_price": RATES,
    "billing_account_price": RATES,
    "consumption_model_prices": pl.List(
        pl.Struct(
            {
                "consumption_model_id": pl.String,
                "consumption_model_display_name": pl.String,
                "list_price": RATES,
                "billing_account_price": RATES,
            }
        )
    ),
}


def rates(usd: str | None, own: str | None = None, start: float = 0) -> Row | None:
    if usd is None:
        return None
    tier = {"pricing_unit_quantity": 1.0, "start_usage_amount": start, "usd_amount": Decimal(usd),
            "account_currency_amount": Decimal(own or usd)}  # fmt: skip
    return {"aggregation_info": {"aggregation_level": "UNKNOWN_AGGREGATION_LEVEL"}, "tiered_rates": [tier]}


def row(text: str, usd: str, day: int = 1, **more: object) -> Row:
    """A SKU as the export tells of it on a day of March."""
    at = datetime(2026, 3, day, 8, tzinfo=UTC)
    said = {
        "export_time": at,
        "pricing_as_of_time": at,
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": text[-4:], "description": text},
        "geo_taxonomy": {"type": "MULTI_REGIONAL", "regions": ["us-central1", "us-east4"]},
        "pricing_unit": "h",
        "account_currency_code": "USD",
        "currency_conversion_rate": "1.0",
        "list_price": rates(usd),
        "billing_account_price": None,
        "consumption_model_prices": [],
    }
    return said | more


ROWS = [
    row(H100, "9.7965", billing_account_price=rates("8.5")),
    row(H100, "9.7965", 2, billing_account_price=rates("8.5")),
    row(H100, "9.5", 3, billing_account_price=rates("8.5")),
    row(H100, "9.5", 4, billing_account_price=rates("9.5")),
    row("Nvidia L4 GPU attached to Spot Preemptible VMs running in Iowa", "0.25",
        geo_taxonomy={"type": "REGIONAL", "regions": ["us-central1"]}),
    row("Commitment v1: Nvidia L4 GPU running in Iowa for 3 Years", "0.2",
        geo_taxonomy={"type": "REGIONAL", "regions": ["us-central1"]}),
    row("Nvidia Tesla T4 GPU running in Iowa", "0.35", geo_taxonomy={"type": "GLOBAL", "regions": []},
        consumption_model_prices=[
            {"consumption_model_id": "D", "consumption_model_display_name": "Default", "list_price": rates("0.35"),
             "billing_account_price": None},
            {"consumption_model_id": "C", "consumption_model_display_name": "Compute Flexible CUDs 1-year",
             "list_price": rates("0.25"), "billing_account_price": rates("0.22")},
        ]),
    row("Reserved Nvidia H100 80GB GPU running in Americas", "0"),
    row("A3 Instance Core running in Americas", "0.03"),
    row("Nvidia H100 80GB GPU running in Americas, by the month", "5000", pricing_unit="mo"),
    row("DWS Defined Duration Nvidia H100 80GB GPU running in Americas", "4.2",
        geo_taxonomy={"type": "REGIONAL", "regions": ["us-east4"]}),
]  # fmt: skip
BOOK = [
    ("H100-80GB", "us-central1", "on_demand", "list", 1, "9.7965"),
    ("H100-80GB", "us-central1", "on_demand", "list", 3, "9.5"),
    ("H100-80GB", "us-central1", "on_demand", "negotiated", 1, "8.5"),
    ("H100-80GB", "us-east4", "flex_start", "list", 1, "4.2"),
    ("H100-80GB", "us-east4", "on_demand", "list", 1, "9.7965"),
    ("H100-80GB", "us-east4", "on_demand", "list", 3, "9.5"),
    ("H100-80GB", "us-east4", "on_demand", "negotiated", 1, "8.5"),
    ("L4", "us-central1", "committed_3y", "list", 1, "0.2"),
    ("L4", "us-central1", "spot", "list", 1, "0.25"),
    ("T4", None, "committed_1y", "list", 1, "0.25"),
    ("T4", None, "committed_1y", "negotiated", 1, "0.22"),
    ("T4", None, "on_demand", "list", 1, "0.35"),
]


def text(value: object) -> object:
    """As BigQuery writes JSON lines: NUMERIC as text."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return str(value) if isinstance(value, Decimal) else value


def lines(rows: list[Row]) -> str:
    return "".join(json.dumps(row, default=text) + "\n" for row in rows)


def book(desk: Desk) -> list[tuple[object, ...]]:
    taken = desk.taken("prices").sort("accelerator", "region", "purchase", "kind", "start_ms")
    days = pl.from_epoch("start_ms", "ms").dt.day().cast(pl.Int64)
    return taken.select("accelerator", "region", "purchase", "kind", days, "price_per_hour").rows()


def wanted() -> list[tuple[object, ...]]:
    return [(*said, Decimal(price)) for *said, price in BOOK]


@pytest.mark.parametrize("form", ["json", "parquet", "csv"])
def test_every_file_makes_the_same_book(desk: Desk, form: str) -> None:
    file = desk.folder / f"export.{form}"
    if form == "json":
        file.write_text(lines(ROWS))
    elif form == "parquet":
        pl.DataFrame(ROWS, schema=SCHEMA).write_parquet(file)
    else:
        flat = [{"sku.description": r["sku"]["description"], "geo_taxonomy.regions": r["geo_taxonomy"]["regions"],
                 "list_price.tiered_rates": (r["list_price"] or {}).get("tiered_rates"),
                 "billing_account_price.tiered_rates": (r["billing_account_price"] or {}).get("tiered_rates"),
                 **{n: r[n] for n in ("pricing_as_of_time", "pricing_unit", "account_currency_code",
                                      "consumption_model_prices")}} for r in ROWS]  # fmt: skip
        cells = [{n: v if isinstance(v, str) else text(v) if isinstance(v, datetime) else json.dumps(v, default=text)
                  for n, v in r.items()} for r in flat]  # fmt: skip
        pl.DataFrame(cells).write_csv(file)
    outcome = desk.bring("prices", file, MAP)

    assert outcome.record.rejected == 0
    assert book(desk) == wanted()
    taken = desk.taken("prices")
    assert set(taken["provider"]) == {"gcp"}
    assert set(taken["covers"]) == {"accelerator"}
    assert set(taken["currency"]) == {"USD"}


def test_an_account_in_another_currency_has_its_prices_in_it(desk: Desk) -> None:
    euros = row(H100, "10", account_currency_code="EUR", list_price=rates("10", "9.2"))
    desk.bring("prices", lines([euros]), MAP, "export.json")

    assert set(desk.taken("prices").select("price_per_hour", "currency").rows()) == {(Decimal("9.2"), "EUR")}


def test_tpus_come_with_their_hosts(desk: Desk) -> None:
    desk.bring("prices", lines([row("TPU v5e running in Iowa", "1.2")]), MAP, "export.json")

    assert set(desk.taken("prices").select("accelerator", "covers").rows()) == {("TPU-v5e", "machine")}


def test_two_skus_of_one_accelerator_are_chosen_by_where(desk: Desk) -> None:
    other = row("Nvidia H100 80GB GPU running in Americas ", "7", sku={"id": "B", "description": f"{H100} (old)"})
    both = lines([row(H100, "9", sku={"id": "A", "description": H100}), other])
    with pytest.raises(InputError, match="prices of H100-80GB, gcp, us-central1, on_demand overlap"):
        desk.bring("prices", both, MAP, "export.json")
    desk.bring("prices", both, f"{MAP}where = '''\"sku.id\" = 'A' '''\n", "export.json")
    assert set(desk.taken("prices")["price_per_hour"]) == {Decimal(9)}


def test_another_table_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="no pricing export of Google Cloud: it has no pricing_as_of_time"):
        desk.bring("prices", '{"sku":{"description":"x"}}\n', MAP, "export.json")
    with pytest.raises(InputError, match="gcp_pricing is of prices: chipledger import prices FILE"):
        desk.bring("invoice", lines(ROWS), MAP, "export.json")


def test_a_price_that_is_no_number_is_left_out(desk: Desk, tmp_path: Path) -> None:
    broken = row(H100, "9")
    broken["list_price"]["tiered_rates"][0]["usd_amount"] = broken["list_price"]["tiered_rates"][0][
        "account_currency_amount"
    ] = "free"
    outcome = desk.bring("prices", lines([broken, row("Nvidia L4 GPU running in Iowa", "0.7")]), MAP, "export.json")
    assert set(desk.taken("prices")["accelerator"]) == {"L4"}
    assert outcome.record.rejected == 0
