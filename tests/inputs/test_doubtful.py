"""Prices that are hardly right go to quarantine, each named with the row that it contradicts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.errors import InputError
from accounting.inputs.doubtful import doubtful
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import load_mapping
from accounting.tables import INPUT_PRICES
from tests.inputs.conftest import NOW, Desk

HEAD = "accelerator,provider,region,purchase,start,end,price_per_hour,currency,kind\n"
MAP = "[columns]\n" + "".join(f'{name} = "{name}"\n' for name in HEAD.strip().split(","))
OVER = "spot costs more than on demand"
JUMP = "10 times the price before it, or a 10th"


def brought(
    desk: Desk, rows: str, name: str = "file.csv", *, strict: bool = False
) -> tuple[list[tuple[str, int]], list[str]]:
    outcome = desk.bring("prices", HEAD + rows, MAP, name, strict=strict)
    return outcome.reasons, [reason for _, _, reason in desk.rejected()]


def test_spot_above_on_demand_is_put_aside(desk: Desk) -> None:
    rows = (
        "x,gcp,us,spot,,,3.686,,\nx,gcp,us,on_demand,,,3.22,,\nx,gcp,us,spot,,,3.686,,\n"
        "x,gcp,eu,spot,,,9,,\nx,aws,us,spot,,,9,,\nx,gcp,us,committed,,,9,,\nx,gcp,us,spot,,,9,EUR,negotiated\n"
    )
    reasons, told = brought(desk, rows)

    assert reasons == [(OVER, 2)]
    assert told == [f"price_per_hour: 3.686 USD beside row 2 of file.csv (3.22 USD always): {OVER}"] * 2
    assert desk.effective("prices").height == 5


def test_only_at_one_time_and_one_kind(desk: Desk) -> None:
    rows = "x,,,spot,100,200,3,,\nx,,,on_demand,,100,2,,\nx,,,on_demand,200,,2.5,,\nx,,,on_demand,,,1,,negotiated\n"

    assert brought(desk, rows) == ([], [])


def test_of_a_new_list_price_below_a_spot_price_that_counts_the_new_row_is_put_aside(desk: Desk) -> None:
    assert brought(desk, "x,,,spot,,,3,,\n", "spot.csv") == ([], [])
    reasons, (told,) = brought(desk, "x,,,on_demand,,,2,,\n", "list.csv")

    assert reasons == [(OVER, 1)]
    assert told == f"price_per_hour: 2 USD beside row 1 of spot.csv (3 USD always): {OVER}"


@pytest.mark.parametrize(
    ("prices", "left"),
    [
        ("32.7726 21.957642", "32.7726 21.957642"),
        ("3.67 36.7 3.67", "3.67 3.67"),
        ("3.67 0.367 3.5", "3.67 3.5"),
        ("3.67 36.6", "3.67 36.6"),
        ("1 0 1", "1 0 1"),
        ("1 100 100 2", "1 2"),
    ],
)
def test_a_jump_is_put_aside_and_what_follows_is_held_against_the_one_before(
    desk: Desk, prices: str, left: str
) -> None:
    rows = "".join(f"x,,,on_demand,{i},,{price},,\n" for i, price in enumerate(prices.split()))
    reasons, _ = brought(desk, rows)
    taken = desk.effective("prices").sort("start_ms")["price_per_hour"]

    assert [f"{price.normalize():f}" for price in taken] == left.split()
    aside = len(prices.split()) - len(left.split())
    assert reasons == ([(JUMP, aside)] if aside else [])


def test_strict_refuses_and_trust_takes(desk: Desk) -> None:
    rows = "x,,,on_demand,,,2,,\nx,,,spot,,,3,,\n"
    with pytest.raises(InputError, match=rf"1 rows are bad \({OVER}: 1\): nothing was imported"):
        brought(desk, rows, strict=True)

    assert brought(desk, rows)[0] == [(OVER, 1)]
    assert trusted(desk).record.rows == 2
    assert trusted(desk).unchanged
    assert desk.effective("prices").height == 2
    assert desk.rejected() == []


def trusted(desk: Desk) -> Outcome:
    told = replace(load_mapping(desk.folder / "map.toml"), trusting=True)
    return import_file(desk.lake, "prices", desk.folder / "file.csv", told, now=NOW)


def test_regions_far_apart_are_counted(desk: Desk) -> None:
    rows = (
        "x,,us,,,,1,,\nx,,eu,,,100,9,,\nx,,eu,,100,,2.1,,\n"
        "y,,us,,,,1,,\ny,,eu,,,100,9,,\ny,,eu,,100,,2,,\nz,,,,,,9,,\nz,,us,,,,1,,\n"
    )
    outcome = desk.bring("prices", HEAD + rows, MAP)

    assert outcome.notes == {"SKUs more than twice as dear in one region as in another": 1}


def test_the_public_list_of_tpus(desk: Desk, shared_data: Path) -> None:
    """Its spot prices of v2 to v4 are above on demand."""
    for purchase in ("on_demand", "spot"):
        mapping = (
            f'[columns]\naccelerator = "accelerator"\nprovider = "provider"\nregion = "region"\n'
            f'purchase = "\'{purchase}\'"\nstart = "snapshot_utc"\nprice_per_hour = "{purchase}_per_hour"\n'
        )
        outcome = desk.bring(
            "prices", shared_data / "prices" / "gcp_tpu_per_chip_hour.csv", mapping, source=f"tpu-{purchase}"
        )
        assert outcome.reasons == ([] if purchase == "on_demand" else [(OVER, 6)])
    assert desk.effective("prices").height > 30


@given(st.lists(st.sampled_from(["1", "5", "9.99", "10", "100", "0"]), min_size=1, max_size=8))
def test_what_is_left_is_never_in_doubt(prices: list[str]) -> None:
    said = {"accelerator": "x", "currency": "USD", "covers": "machine", "kind": "list"}
    rows = [
        {**dict.fromkeys(INPUT_PRICES.names), **said, "row": i, "start_ms": i, "price_per_hour": Decimal(price)}
        for i, price in enumerate(prices)
    ]
    every = pl.DataFrame(rows, schema=INPUT_PRICES.schema)
    aside = set(doubtful(every, "file.csv", {}, {})["row"])
    left = [Decimal(price) for i, price in enumerate(prices) if i not in aside]

    assert left[0] == Decimal(prices[0])
    assert all(0 in pair or max(pair) < 10 * min(pair) for pair in pairwise(left))
