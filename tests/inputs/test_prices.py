from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

MAP = """
[columns]
accelerator = "a"
start = "s"
end = "e"
price_per_hour = "p"
region = "r"
"""
HEAD = "a,s,e,p,r\n"


def test_an_open_price_ends_where_the_next_starts(desk: Desk) -> None:
    desk.bring("prices", HEAD + "x,,,1,\nx,100,,2,\nx,200,300,3,\nx,,,9,eu\nx,100,,2,\n", MAP)
    desk.bring("prices", HEAD + "x,150,,2.5,\nx,100,,2,\n", MAP, "later.csv")

    rows = (
        desk.effective("prices")
        .sort("region", "start_ms")
        .select("region", "start_ms", "end_ms", "price_per_hour")
        .rows()
    )
    assert rows == [
        (None, None, 100_000, Decimal(1)),
        (None, 100_000, 150_000, Decimal(2)),
        (None, 150_000, 200_000, Decimal("2.5")),
        (None, 200_000, 300_000, Decimal(3)),
        ("eu", None, None, Decimal(9)),
    ]
    assert desk.effective("prices")["currency"].unique().to_list() == ["USD"]


@pytest.mark.parametrize(
    "rows",
    ["x,100,,1,\nx,100,,2,\n", "x,100,200,1,\nx,150,,2,\n", "x,,,1,\nx,,50,2,\n", "x,1,9,1,\nx,2,3,1,\nx,4,5,1,\n"],
)
def test_prices_that_overlap_are_refused(desk: Desk, rows: str) -> None:
    with pytest.raises(
        InputError, match=r"prices of x overlap: row 1 of file.csv \(1 USD .*\) and row 2 of file.csv \("
    ):
        desk.bring("prices", HEAD + rows, MAP)
    assert desk.lake.imports() == []


def test_prices_that_overlap_an_earlier_book_are_refused(desk: Desk) -> None:
    desk.bring("prices", HEAD + "x,100,,1.5,\n", MAP, "old.csv", source="book")
    with pytest.raises(
        InputError, match=r"row 1 of old.csv \(1.5 USD from 1970-01-01T00:01:40Z\) and row 1 of new.csv"
    ):
        desk.bring("prices", HEAD + "x,100,,2,\n", MAP, "new.csv")
    desk.bring("prices", HEAD + "x,100,,2,\n", MAP, "new.csv", source="book")


def test_bad_prices(desk: Desk) -> None:
    mapping = MAP + 'currency = "c"\ncovers = "v"\n'
    rows = (
        "x,,,-1,,USD,machine\nx,,,,,USD,machine\nx,,,1,,US,machine\n"
        "x,,,1,,eur,room\nx,,,1,,eur,Accelerator\nx,,,NaN,,EUR,\n"
    )
    outcome = desk.bring("prices", "a,s,e,p,r,c,v\n" + rows, mapping)

    assert desk.taken("prices").select("currency", "covers").rows() == [("EUR", "accelerator")]
    assert [reason for _, _, reason in desk.rejected()] == [
        "price_per_hour: '-1' is negative",
        "price_per_hour is missing",
        "currency: 'US' is not a currency of three letters",
        "covers: 'room' is not machine or accelerator",
        "price_per_hour: 'NaN' is not a number",
    ]
    assert sum(n for _, n in outcome.reasons) == 5


def test_one_file_may_be_two_books(desk: Desk) -> None:
    text = "a,od,spot\nx,2,1\n"
    for name in ("od", "spot"):
        mapping = f'[columns]\naccelerator = "a"\npurchase = "\'{name}\'"\nprice_per_hour = "{name}"\n'
        desk.bring("prices", text, mapping, source=name)
    assert desk.taken("prices").height == 2


def test_shared_histories(desk: Desk, shared_data: Path) -> None:
    mapping = """
    where = "instance_type = 'a2-highgpu-1g'"
    [columns]
    accelerator = "accelerator"
    provider = "provider"
    region = "region"
    purchase = "'spot'"
    start = "snapshot_utc"
    price_per_hour = "spot_per_hour / accelerator_count"
    currency = "currency"
    """
    outcome = desk.bring("prices", shared_data / "prices" / "gcp_gpu_instances_history.csv", mapping)
    assert outcome.reasons == [("price_per_hour is missing", outcome.record.rejected)]
    assert outcome.record.rows + outcome.record.rejected + outcome.notes["filtered"] == 1_781
    assert outcome.record.rejected > 0
    aws = mapping.replace("spot_per_hour", "on_demand_per_hour").replace("a2-highgpu-1g", "p4d.24xlarge")
    desk.bring("prices", shared_data / "prices" / "aws_gpu_instances_history.csv", aws)
    p4d = desk.effective("prices").sort("start_ms").filter(provider="aws")
    assert (p4d["end_ms"][:-1] == p4d["start_ms"][1:]).all()
    assert set(p4d["price_per_hour"]) >= {Decimal("4.096575"), Decimal("2.74470525")}


def test_prices_that_collide_under_aliases_are_refused(desk: Desk) -> None:
    said = "file.csv .NVIDIA H100 80GB HBM3: 2 USD"
    with pytest.raises(InputError, match=rf"prices of H100-80GB overlap: row 1 of file.csv .* and row 2 of {said}"):
        desk.bring("prices", HEAD + "H100-80GB,,,1,\nNVIDIA H100 80GB HBM3,,,2,\n", MAP)
    desk.bring("prices", HEAD + "H100-80GB,,,1,\n", MAP, "one.csv")
    with pytest.raises(InputError, match=r"row 1 of one.csv .* and row 1 of two.csv \(ours: 2 USD"):
        desk.bring("prices", HEAD + "ours,,,2,\n", MAP, "two.csv", aliases={"ours": "h100"})


def test_a_price_ends_where_the_next_begins_under_another_name(desk: Desk) -> None:
    desk.bring("prices", HEAD + "H100-80GB,,,1,\nh100,100,,2,\nNVIDIA H100 80GB HBM3,100,,2,\n", MAP)
    rows = desk.effective("prices").select("accelerator", "start_ms", "end_ms").rows()
    assert rows == [("H100-80GB", None, 100_000), ("H100-80GB", 100_000, None)]


def test_a_price_of_a_mig_slice_is_a_bad_row(desk: Desk) -> None:
    """The device's price stands, and is what the slice's share costs; a profile alone is a name like any other."""
    outcome = desk.bring("prices", HEAD + "A100-40GB,,,7,\na100_1g.5gb,,,1.5,\n1g.5gb,,,1.5,\n", MAP)

    assert outcome.reasons == [("accelerator is a MIG slice, which costs its share of the device: price the device", 1)]
    assert desk.effective("prices")["accelerator"].sort().to_list() == ["1g.5gb", "A100-40GB"]


def test_a_negotiated_price_may_hold_beside_a_list_price(desk: Desk) -> None:
    mapping = MAP + 'kind = "k"\n'
    rows = "x,,,3,,\nx,,,2,,Negotiated\nx,100,,1.5,,negotiated\nx,,,1,,cheap\n"
    outcome = desk.bring("prices", "a,s,e,p,r,k\n" + rows, mapping)

    assert outcome.reasons == [("kind is not list or negotiated", 1)]
    found = desk.effective("prices").select("price_per_hour", "kind", "end_ms")
    assert found.rows() == [
        (3, "list", None),
        (2, "negotiated", 100_000),
        (Decimal("1.5"), "negotiated", None),
    ]
    with pytest.raises(InputError, match="overlap"):
        desk.bring("prices", "a,s,e,p,r,k\nx,100,,1,,negotiated\n", mapping, "two.csv")


def test_prices_from_before_kinds_are_list_prices(desk: Desk) -> None:
    desk.bring("prices", HEAD + "x,,,1,\n", MAP)
    (file,) = (desk.lake.folder / "data").rglob("input_prices/*.parquet")
    old = pl.read_parquet(file)
    assert "kind" in old.columns
    old.drop("kind").write_parquet(file)

    assert desk.effective("prices")["kind"].to_list() == ["list"]
