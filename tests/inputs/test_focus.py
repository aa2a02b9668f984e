"""Bills in FOCUS: what they come to is what was billed, and commitments and machines are told apart."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

MAP = 'format = "focus"\n'
BASE = {
    "BilledCost": "0",
    "EffectiveCost": "0",
    "ListCost": "110.08",
    "BillingCurrency": "usd",
    "BillingPeriodStart": "2025-05-01T00:00:00Z",
    "ChargePeriodStart": "2025-05-03T00:00:00Z",
    "ChargePeriodEnd": "2025-05-03T02:00:00Z",
    "ChargeCategory": "Usage",
    "ChargeClass": "",
    "ChargeDescription": "$55.04 per On Demand Linux p5.48xlarge Instance Hour",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "SkuId": "SKU1",
    "SkuPriceId": "SKU1.X",
    "SkuPriceDetails": '{"InstanceType": "p5.48xlarge", "GpuCount": 8}',
    "PricingQuantity": "2",
    "PricingUnit": "Hours",
    "PricingCategory": "Standard",
    "CommitmentDiscountId": "",
    "CommitmentDiscountStatus": "",
    "InvoiceId": "INV-7",
    "SubAccountId": "123",
    "ResourceId": "i-1",
    "RegionId": "us-east-1",
    "ProviderName": "Amazon Web Services",
    "Tags": '{"team": "red", "env": "prod"}',
}
PLAN = {"CommitmentDiscountId": "sp-1", "SkuPriceDetails": "", "Tags": "", "ChargeDescription": "Savings plan"}
ROWS = [
    {"BilledCost": "110.08", "EffectiveCost": "110.08"},
    {"EffectiveCost": "61.6", "CommitmentDiscountId": "sp-1", "CommitmentDiscountStatus": "Used",
     "PricingCategory": "Committed"},
    PLAN | {"EffectiveCost": "8.4", "CommitmentDiscountStatus": "Unused"},
    PLAN | {"BilledCost": "70", "ChargeCategory": "Purchase"},
    {"BilledCost": "-3.5", "EffectiveCost": "-3.5", "ChargeCategory": "Credit", "SkuId": "", "SkuPriceId": "",
     "SkuPriceDetails": "", "ChargeDescription": "Promotion", "PricingQuantity": "", "PricingUnit": ""},
    {"BilledCost": "9.1", "EffectiveCost": "9.1", "ChargeCategory": "Tax", "SkuId": "", "SkuPriceId": "",
     "SkuPriceDetails": "", "ChargeDescription": "Tax", "PricingQuantity": "", "PricingUnit": ""},
    {"BilledCost": "-1", "EffectiveCost": "-1", "ChargeClass": "Correction"},
    {"BilledCost": "0.09", "EffectiveCost": "0.09", "PricingUnit": "GB", "ChargeDescription": "p5.48xlarge data out"},
    {"BilledCost": "20", "EffectiveCost": "20", "PricingCategory": "Dynamic", "SkuPriceDetails": ""},
]  # fmt: skip


def as_csv(rows: list[dict[str, str]]) -> str:
    out = io.StringIO()
    table = csv.DictWriter(out, BASE)
    table.writeheader()
    table.writerows(BASE | row for row in rows)
    return out.getvalue()


def test_lines_of_every_category(desk: Desk) -> None:
    outcome = desk.bring("invoice", as_csv(ROWS), MAP)

    assert outcome.reasons == []
    found = desk.taken("invoice")
    assert [
        (charge, accelerator, bought, *(None if v is None else f"{v.normalize():f}" for v in money))
        for charge, accelerator, bought, *money in found.select(
            "charge_type", "accelerator", "purchase", "quantity", "cost", "credits", "commitment_credits"
        ).rows()
    ] == [
        ("usage", "H100-80GB", "on_demand", "16", "110.08", "0", "0"),
        ("usage", "H100-80GB", "committed", "16", "61.6", "-61.6", "-61.6"),
        ("usage", None, None, None, "0", "0", "0"),
        ("commitment_fee", None, None, "2", "70", "0", "0"),
        ("usage", None, None, None, "0", "-3.5", "0"),
        ("tax", None, None, None, "9.1", "0", "0"),
        ("adjustment", "H100-80GB", "on_demand", "16", "-1", "0", "0"),
        ("usage", None, None, "2", "0.09", "0", "0"),
        ("usage", "H100-80GB", "spot", "16", "20", "0", "0"),
    ]
    assert (found["cost"] + found["credits"]).sum() == sum(Decimal(row.get("BilledCost", "0")) for row in ROWS)
    first = found.row(0, named=True)
    assert (first["provider"], first["invoice_month"], first["invoice_id"], first["project"], first["label_team"]) == (
        "aws", "2025-05", "INV-7", "123", "red",
    )  # fmt: skip
    assert found["sku"].to_list()[4:6] == [
        "Amazon Elastic Compute Cloud Credit",
        "Amazon Elastic Compute Cloud Tax",
    ]


def test_files_of_other_kinds_say_the_same(desk: Desk, tmp_path: Path) -> None:
    desk.bring("invoice", as_csv(ROWS), MAP)
    rows = [{name: value or None for name, value in (BASE | row).items()} for row in ROWS]
    lines = [one | {"Tags": json.loads(one["Tags"] or "null")} for one in rows]
    desk.bring("invoice", "".join(json.dumps(one) + "\n" for one in lines), MAP, "bill.json")
    pl.DataFrame(rows).with_columns(pl.col("BilledCost", "EffectiveCost").cast(pl.Decimal(38, 9))).write_parquet(
        tmp_path / "bill.parquet"
    )
    desk.bring("invoice", tmp_path / "bill.parquet", MAP)

    one, two, three = desk.taken("invoice").drop("row").partition_by("import_seq", include_key=False)
    assert one.equals(two)
    assert one.equals(three)


def test_another_tag_names_the_team(desk: Desk) -> None:
    desk.bring("invoice", as_csv(ROWS[:1]), MAP + 'team_label = "env"\n')

    assert desk.taken("invoice")["label_team"].to_list() == ["prod"]


def test_another_table_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="not FOCUS: it has no BilledCost; export it in FOCUS"):
        desk.bring("invoice", "a,b\n1,2\n", MAP)


def test_shared_sample(desk: Desk, shared_data: Path) -> None:
    file = shared_data / "focus_sample_1_0" / "focus_sample.csv"
    outcome = desk.bring("invoice", file, MAP)
    billed = pl.read_csv(file, infer_schema=False, columns=["BilledCost"])["BilledCost"].cast(pl.Decimal(38, 9)).sum()

    assert (outcome.record.rows, outcome.record.rejected) == (1_000, 0)
    found = desk.taken("invoice")
    assert (found["cost"] + found["credits"]).sum() == billed
    assert set(found["provider"]) == {"aws", "azure", "oci"}
