"""Google's billing export in every file that it comes in: one content, one result, every amount as it is written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from accounting.errors import InputError
from accounting.inputs.nested import parsed
from tests.inputs.conftest import Desk

Row = dict[str, Any]
MAP = 'format = "gcp_billing"\n'
SPOT = "Nvidia H100 80GB GPU attached to Spot Preemptible VMs running in Americas"
UTC = pl.Datetime("us", "UTC")
PAIR = pl.List(pl.Struct({"key": pl.String, "value": pl.String}))
CREDIT = pl.List(pl.Struct({"name": pl.String, "amount": pl.Float64, "id": pl.String, "type": pl.String}))
SCHEMA: dict[str, Any] = {
    "billing_account_id": pl.String,
    "service": pl.Struct({"id": pl.String, "description": pl.String}),
    "sku": pl.Struct({"id": pl.String, "description": pl.String}),
    "usage_start_time": UTC,
    "usage_end_time": UTC,
    "project": pl.Struct({"id": pl.String, "name": pl.String, "labels": PAIR}),
    "labels": PAIR,
    "system_labels": PAIR,
    "location": pl.Struct({"location": pl.String, "region": pl.String, "zone": pl.String}),
    "export_time": UTC,
    "cost": pl.Float64,
    "currency": pl.String,
    "usage": pl.Struct(
        {
            "amount": pl.Float64,
            "unit": pl.String,
            "amount_in_pricing_units": pl.Float64,
            "pricing_unit": pl.String,
        }
    ),
    "credits": CREDIT,
    "invoice": pl.Struct({"month": pl.String}),
    "cost_type": pl.String,
    "resource": pl.Struct({"name": pl.String, "global_name": pl.String}),
    "cost_at_list": pl.Float64,
    "consumption_model": pl.Struct({"id": pl.String, "description": pl.String}),
}


def row(id_: str, text: str, cost: float, hours: float, **more: object) -> Row:
    unit = {"amount": hours * 3600, "unit": "seconds", "amount_in_pricing_units": hours, "pricing_unit": "hour"}
    said = {
        "billing_account_id": "0-1-2",
        "service": {"id": "6F81-5844-456A", "description": "Compute Engine"},
        "sku": {"id": id_, "description": text},
        "usage_start_time": "2025-05-01 07:00:00 UTC",
        "usage_end_time": "2025-05-01 08:00:00 UTC",
        "project": {"id": "ml", "name": "ML", "labels": []},
        "labels": [],
        "system_labels": [{"key": "compute.googleapis.com/machine_spec", "value": "a3-highgpu-8g"}],
        "location": {"location": "us-central1", "region": "us-central1", "zone": "us-central1-a"},
        "export_time": "2025-05-02 05:49:32.199000 UTC",
        "cost": cost,
        "currency": "USD",
        "usage": unit,
        "credits": [],
        "invoice": {"month": "202505"},
        "cost_type": "regular",
        "resource": {"name": "vm-1", "global_name": "//compute/vm-1"},
        "cost_at_list": cost,
        "consumption_model": {"id": "7754-699E-0EBF", "description": "Default"},
    }
    return said | more


def credit(amount: float, kind: str) -> Row:
    return {"name": kind.lower(), "amount": amount, "id": f"c-{kind}", "type": kind}


COVERED = {"id": "x", "description": "Compute Flexible CUDs"}
ROWS = [
    row("S1", SPOT, 5e-06, 2.0, labels=[{"key": "env", "value": "prod"}, {"key": "team", "value": "red"}]),
    row("S2", "Nvidia L4 GPU running in Iowa", 0.173569, 1.0,
        credits=[credit(-0.065095, "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE"), credit(-0.1, "PROMOTION")]),
    row("F1", "Commitment - dollar based v1: Compute", 0.046868, 1.0,
        credits=[credit(-0.0468679, "FEE_UTILIZATION_OFFSET")]),
    row("F2", "Commitment v1: Nvidia Tesla T4 GPU running in Americas for 1 Year", 0.22, 1.0),
    row("S3", "Nvidia H100 80GB GPU running in Americas", 7.25, 1.0, consumption_model=COVERED),
    row("S4", "Nvidia H100 80GB GPU in Calendar Mode running in Americas", 0.0, 1.0),
    row("T1", "Tax", 1.375, 0.0, cost_type="tax", usage={"amount": None, "unit": None,
        "amount_in_pricing_units": None, "pricing_unit": None}, resource={"name": None, "global_name": None}),
    row("R1", "Rounding error", -0.004, 0.0, cost_type="rounding_error"),
    row("A1", "Goodwill", -5.25, 0.0, cost_type="adjustment"),
    row("N1", "Network Egress", 0.0231983140110969, 0.0, usage={"amount": 24909.0, "unit": "bytes",
        "amount_in_pricing_units": 2.3198314011096954e-05, "pricing_unit": "gibibyte"}),
]  # fmt: skip


def as_json(rows: list[Row], folder: Path) -> Path:
    path = folder / "export-000000000000.json.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(one) + "\n" for one in rows).encode()))
    return path


def as_parquet(rows: list[Row], folder: Path) -> Path:
    path = folder / "export.parquet"
    times = [name for name, kind in SCHEMA.items() if kind is UTC]
    texts = pl.Schema({**SCHEMA, **dict.fromkeys(times, pl.String)})
    frame = pl.DataFrame(rows, schema=texts).with_columns(
        pl.col(times).str.replace(" UTC", "+0000").str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us")
    )
    frame.write_parquet(path)
    return path


def as_csv(rows: list[Row], folder: Path) -> Path:
    """Dotted names, and lists as Python prints them, as tools that walk the client library's rows write them."""
    flat = [
        {
            (name if inner is None else f"{name}.{inner}"): (repr(cell) if isinstance(cell, list) else cell)
            for name, value in one.items()
            for inner, cell in (value.items() if isinstance(value, dict) else [(None, value)])
        }
        for one in rows
    ]
    path = folder / "export.csv"
    pl.DataFrame(flat, infer_schema_length=None).write_csv(path)
    return path


@pytest.mark.parametrize("write", [as_json, as_parquet, as_csv])
def test_one_content_from_every_file(desk: Desk, write: Callable[[list[Row], Path], Path]) -> None:
    outcome = desk.bring("invoice", write(ROWS, desk.folder), MAP)

    assert outcome.reasons == []
    found = desk.taken("invoice")
    money = found.select("cost", "credits", "commitment_credits", "fee_offset", "quantity").rows()
    assert [tuple(map(str, row)) for row in money[:3]] == [
        ("0.000005000", "0E-9", "0E-9", "0E-9", "2.000000000"),
        ("0.173569000", "-0.165095000", "-0.065095000", "0E-9", "1.000000000"),
        ("0.046868000", "-0.046867900", "0E-9", "-0.046867900", "1.000000000"),
    ]
    assert found.select("accelerator", "purchase", "charge_type").rows() == [
        ("H100-80GB", "spot", "usage"),
        ("L4", "on_demand", "usage"),
        (None, None, "commitment_fee"),
        ("T4", "committed", "commitment_fee"),
        ("H100-80GB", "committed", "usage"),
        ("H100-80GB", "reservation", "usage"),
        (None, None, "tax"),
        (None, None, "rounding"),
        (None, None, "adjustment"),
        (None, None, "usage"),
    ]
    assert found["label_team"].to_list() == ["red", *[None] * 9]
    assert set(found["invoice_month"]) == {"2025-05"}
    assert set(found["usage_start_ms"]) == {1_746_082_800_000}
    assert set(found["export_time_ms"]) == {1_746_164_972_199}
    last = found.row(-1, named=True)
    assert (last["quantity"], last["unit"], last["region"], last["resource"], last["project"]) == (
        Decimal("0.000023198"), "gibibyte", "us-central1", "//compute/vm-1", "ml",
    )  # fmt: skip
    assert found["list_cost"].to_list() == found["cost"].to_list()


def test_the_same_rows_in_another_file_count_once(desk: Desk) -> None:
    for write in (as_json, as_parquet, as_csv):
        desk.bring("invoice", write(ROWS, desk.folder), MAP)

    assert desk.taken("invoice").height == 3 * len(ROWS)
    assert desk.effective("invoice").height == len(ROWS)


def test_lines_that_differ_in_a_label_only_are_two(desk: Desk) -> None:
    pods = [row("S1", SPOT, 1.5, 1.0, labels=[{"key": "k8s-workload-name", "value": name}]) for name in ("a", "b", "b")]
    outcome = desk.bring("invoice", as_json(pods, desk.folder), MAP)

    assert outcome.reasons == [("duplicate key in the file", 1)]
    assert desk.taken("invoice")["cost"].sum() == 3


def test_numbers_keep_the_text_that_they_have(desk: Desk) -> None:
    text = json.dumps(row("S1", SPOT, 0, 1.0)).replace('"cost": 0,', '"cost": 987654321.123456789,')
    text = text.replace('"credits": []', '"credits": [{"amount": -987654321.000000001, "type": "DISCOUNT"}]')
    desk.bring("invoice", text + "\n", MAP, "export.json")

    assert desk.taken("invoice").select("cost", "credits").row(0) == (
        Decimal("987654321.123456789"),
        Decimal("-987654321.000000001"),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"credits": [{"name": "x"}]}, "credits is not a number"),
        ({"cost_type": "gift"}, "charge_type is not one of usage, commitment_fee, tax, adjustment, rounding"),
        ({"invoice": {"month": "2025"}}, "invoice_month is not a month such as 2026-10 or 202610"),
        ({"sku": {"id": None, "description": "x"}}, "sku is missing"),
        ({"usage_end_time": "2025-05-01 06:00:00 UTC"}, "usage_end is before usage_start"),
    ],
)
def test_rows_that_cannot_be(desk: Desk, change: Row, reason: str) -> None:
    outcome = desk.bring("invoice", as_json([row("S1", SPOT, 1, 1.0), row("S1", SPOT, 1, 1.0, **change)],
                                            desk.folder), MAP)  # fmt: skip

    assert outcome.reasons == [(reason, 1)]


def test_another_label_names_the_team(desk: Desk) -> None:
    rows = [row("S1", SPOT, 1.0, 1.0, labels=[{"key": "k8s-label/owner", "value": "blue"}])]
    desk.bring("invoice", as_json(rows, desk.folder), MAP + 'team_label = "k8s-label/owner"\n')

    assert desk.taken("invoice")["label_team"].to_list() == ["blue"]


def test_a_mapping_reads_any_field(desk: Desk) -> None:
    more = 'where = "\\"service.description\\" = \'Compute Engine\'"\n[columns]\nregion = \'"location.zone"\'\n'
    other = row("S9", "Storage", 1.0, 1.0, service={"id": "9", "description": "Cloud Storage"})
    outcome = desk.bring("invoice", as_json([ROWS[0], other], desk.folder), MAP + more)

    assert outcome.notes == {"filtered": 1}
    assert desk.taken("invoice")["region"].to_list() == ["us-central1-a"]


def test_seconds_without_a_price_by_the_hour_become_hours(desk: Desk) -> None:
    usage = {"amount": 1_057_391.0, "unit": "seconds", "amount_in_pricing_units": 1.0, "pricing_unit": "month"}
    desk.bring("invoice", as_json([row("S1", SPOT, 1.0, 1.0, usage=usage)], desk.folder), MAP)

    assert desk.taken("invoice").select("quantity", "unit").row(0) == (Decimal("293.719722222"), "hour")


def test_another_table_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"no billing export of Google Cloud: it has no sku\.id; export the table"):
        desk.bring("invoice", "a,b\n1,2\n", MAP)


def test_only_invoices_have_the_format(desk: Desk) -> None:
    with pytest.raises(InputError, match="format: gcp_billing is of invoices"):
        desk.bring("jobs", as_json(ROWS, desk.folder), MAP)


def test_a_label_needs_a_format_that_reads_labels(desk: Desk) -> None:
    with pytest.raises(InputError, match="team_label: only formats gcp_billing and focus read labels"):
        desk.bring("invoice", "a\n1\n", 'team_label = "owner"\n')


def test_cells_with_lists() -> None:
    assert parsed("[{'amount': -5e-06, 'id': None, 'ok': True, 'n': [1, -2]}]") == [
        {"amount": Decimal("-0.000005"), "id": None, "ok": True, "n": [1, -2]}
    ]
    for text in ("__import__('os')", "[1 + 1]", "{", "{**{}}"):
        with pytest.raises(ValueError, match="neither JSON nor Python"):
            parsed(text)


def test_shared_samples(desk: Desk, shared_data: Path) -> None:
    first, second = (
        desk.bring("invoice", shared_data / "billing_samples" / name, MAP)
        for name in ("koku_gcp_202011.csv", "koku_gcp_resource_2022-08-01.csv")
    )

    assert (first.record.rows, first.record.rejected) == (25, 0)
    assert (second.record.rows, second.record.rejected) == (9, 0)
    sums = desk.taken("invoice").group_by("invoice_month").agg(pl.col("cost", "credits").sum()).sort("invoice_month")
    assert sums.rows() == [
        ("2020-11", Decimal("0.000032"), Decimal("-0.000032")),
        ("2022-08", Decimal("0.000012"), Decimal(0)),
    ]
