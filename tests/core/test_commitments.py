"""What commitments cover: by hand, and as laws over any capacity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.core.commitments import UNIT, Commitment, Settled, settle
from accounting.core.committed import committed
from accounting.core.eligible import Levels, amounts, levels
from accounting.core.pricing import Price, Sku

HOUR = 3_600_000
DAY = 24 * HOUR
PPM = 1_000_000
NANO = 1_000_000_000
START = int(datetime(2026, 10, 31, tzinfo=UTC).timestamp()) * 1000
H100: Sku = ("H100-80GB", "gcp", "us-central1", "on_demand")
SAID: Sku = ("H100-80GB", "gcp", "us-central1", None)
A100: Sku = ("A100-40GB", "gcp", "us-central1", "on_demand")
LIST = {"H100-80GB": "10", "A100-40GB": "4"}


def price(accelerator: str, per_hour: str, start: int = -(1 << 42), end: int = 1 << 42) -> Price:
    return Price(accelerator, None, None, None, start, end, Decimal(per_hour), "USD", "machine", "here")


BOOK = tuple(price(name, cost) for name, cost in LIST.items())


def resource(quantity: str, per_hour: str = "6", **more: Any) -> Commitment:  # noqa: ANN401 - any field
    made = Commitment(
        "cud", "resource", "gcp", "us-central1", "on_demand", (("H100-80GB", int(Decimal(per_hour) * NANO)),),
        int(Decimal(quantity) * PPM), START, START + 9 * DAY,
    )  # fmt: skip
    return replace(made, **more)


def spend(per_hour: str, **more: Any) -> Commitment:  # noqa: ANN401 - any field
    prices = (("A100-40GB", 3 * NANO), ("H100-80GB", 6 * NANO))
    return resource("1", id="flex", kind="spend", prices=prices, amount=int(Decimal(per_hour) * NANO), **more)


def there(*spans: tuple[float, float, float]) -> Levels:
    """Hours from START, and accelerators."""
    return [(START + round(a * HOUR), START + round(b * HOUR), round(n * PPM)) for a, b, n in spans]


def done(
    levels_of: dict[Sku, Levels], *some: Commitment, hours: int = 2, book: tuple[Price, ...] = BOOK
) -> list[Settled]:
    return list(settle(levels_of, book, some, START, START + hours * HOUR, []))


def dollars(units: int) -> Fraction:
    return Fraction(units, UNIT * NANO)


def test_what_nobody_owns_makes_all_that_is_eligible_cheaper() -> None:
    (one,) = done({H100: there((0, 2, 3)), SAID: there((0, 2, 1))}, resource("2"))

    assert (one.start, one.end) == (START, START + 2 * HOUR)
    assert one.blended(H100) == one.blended(SAID) == 8 * NANO, "half of four, at 6 in place of 10"
    assert not one.saved
    assert not one.unused


def test_what_nobody_used_costs_what_was_promised() -> None:
    (one,) = done({H100: there((0, 2, 3))}, resource("5"))

    assert one.blended(H100) == 6 * NANO
    assert {name: dollars(units) for name, units in one.unused.items()} == {"cud": 2 * 2 * 6}


def test_an_owners_commitment_leaves_the_price_and_credits_the_owner() -> None:
    (one,) = done({H100: there((0, 2, 3))}, resource("5", owner="research"))

    assert one.blended(H100) is None
    assert dollars(one.saved["cud", "H100-80GB"]) == 3 * 2 * 4
    assert dollars(one.unused["cud"]) == 2 * 2 * 6


def test_an_hour_counts_as_a_whole_and_others_are_alike() -> None:
    """Two of an hour's sixty minutes with six, and 58 with none: a fifth of one."""
    found = done({H100: there((0, 1, 4), (1 + 1 / 3, 1 + 1 / 3 + 1 / 30, 6), (2, 4, 4))}, resource("1"), hours=4)

    assert [(one.start, one.end) for one in found] == [
        (START, START + HOUR), (START + HOUR, START + 2 * HOUR), (START + 2 * HOUR, START + 4 * HOUR)
    ]  # fmt: skip
    assert [one.blended(H100) for one in found] == [9 * NANO, 6 * NANO, 9 * NANO]
    assert [dollars(sum(one.unused.values())) for one in found] == [0, Fraction(4, 5) * 6, 0]


def test_spend_goes_to_what_saves_most_and_is_used_up_exactly() -> None:
    """An H100 at 6 in place of 10 saves more than an A100 at 3 in place of 4."""
    (one,) = done({H100: there((0, 2, 1)), A100: there((0, 2, 4))}, spend("12"))

    assert one.blended(H100) == 6 * NANO
    assert one.blended(A100) == 3_500_000_000, "6 an hour are left, which is two of four"
    assert not one.unused


def test_resources_come_before_spend_and_neither_covers_twice() -> None:
    (one,) = done({H100: there((0, 2, 3))}, spend("12", owner="lab"), resource("2"))

    assert one.covered == {(H100, "cud"): 2 * PPM * 2 * HOUR, (H100, "flex"): PPM * 2 * HOUR}
    assert dollars(one.unused["flex"]) == 2 * 6
    assert one.blended(H100) == round(Fraction(2 * 6 + 10, 3) * NANO), "the owner's is at its price in it"


def test_other_regions_purchases_and_times_are_not_covered() -> None:
    spot, away = (*H100[:3], "spot"), ("H100-80GB", "gcp", "europe-west4", "on_demand")
    (one,) = done({spot: there((0, 2, 3)), away: there((0, 2, 3))}, resource("1"))
    assert not one.covered
    assert dollars(one.unused["cud"]) == 12

    (anywhere,) = done({away: there((0, 2, 3))}, resource("1", region=None))
    assert anywhere.covered
    before, begun = done({H100: there((0, 2, 3))}, resource("3", start=START + HOUR))
    assert (before.blended(H100), before.unused) == (None, {})
    assert begun.blended(H100) == 6 * NANO


def test_a_commitment_that_begins_within_an_hour_counts_from_then() -> None:
    (one,) = done({H100: there((0, 1, 1))}, resource("1", start=START + HOUR // 2), hours=1)

    assert one.blended(H100) == 8 * NANO


def test_what_has_no_price_is_covered_but_stays_without_one_where_it_is_not_whole() -> None:
    (partly,) = done({H100: there((0, 2, 3))}, resource("1"), book=())
    assert partly.blended(H100) is None
    (wholly,) = done({H100: there((0, 2, 3))}, resource("3"), book=())
    assert wholly.blended(H100) == 6 * NANO


def test_a_change_of_the_list_cuts_the_hour() -> None:
    later = START + HOUR // 2
    book = (price("H100-80GB", "10", end=later), price("H100-80GB", "8", start=later))
    found = done({H100: there((0, 1, 2))}, resource("1"), hours=1, book=book)

    assert [(one.start, one.blended(H100)) for one in found] == [(START, 8 * NANO), (later, 7 * NANO)]


def test_levels_add_up_rows_of_a_sku() -> None:
    rows = [
        (*H100, START, START + 2 * HOUR, PPM),
        (*H100, START + HOUR, START + 3 * HOUR, PPM),
        (*A100, START, START, PPM),
    ]
    names = ("accelerator", "provider", "region", "purchase")
    schema = {**dict.fromkeys(names, pl.String), **dict.fromkeys(("start_ms", "end_ms", "quantity_ppm"), pl.Int64)}

    assert levels(pl.DataFrame(rows, schema=schema, orient="row")) == {H100: there((0, 1, 1), (1, 2, 2), (2, 3, 1))}


def test_tables_have_a_row_a_day_and_months_of_the_zone() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    end = START + 2 * DAY
    levels_of = {H100: there((0, 48, 3))}
    made = committed(levels_of, BOOK, [resource("2"), resource("9", id="own", owner="lab")], START, end, pacific, "USD")

    assert made.prices["price_per_hour"].unique().to_list() == [Decimal(22) / 3 // Decimal("1e-9") * Decimal("1e-9")]
    assert made.prices.select("start_ms", "end_ms").rows() == [(START, START + DAY), (START + DAY, end)]
    kinds = made.lines.select("month", "commitment", "owner", "charge_kind", "nano").rows()
    assert kinds == [
        ("2026-10", "own", "lab", "commitment_unused", 24 * 8 * 6 * NANO),
        ("2026-10", "own", "lab", "credit", -24 * 4 * NANO),
        ("2026-10", "own", "lab", "commitment_unused", 7 * 8 * 6 * NANO),
        ("2026-10", "own", "lab", "credit", -7 * 4 * NANO),
        ("2026-11", "own", "lab", "commitment_unused", 17 * 8 * 6 * NANO),
        ("2026-11", "own", "lab", "credit", -17 * 4 * NANO),
    ]


quantities = st.decimals("0.01", 6, places=2).map(str)


@st.composite
def capacities(draw: st.DrawFn) -> dict[Sku, Levels]:
    found: dict[Sku, Levels] = {}
    for sku in draw(st.sets(st.sampled_from([H100, SAID, A100]), min_size=1)):
        edges = sorted(draw(st.sets(st.integers(0, 5 * HOUR), min_size=2, max_size=6)))
        levels_of = [(START + a, START + b, draw(st.integers(1, 8 * PPM))) for a, b in pairwise(edges)]
        found[sku] = levels_of
    return found


@st.composite
def promises(draw: st.DrawFn) -> list[Commitment]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        made = resource(draw(quantities)) if draw(st.booleans()) else spend(draw(quantities))
        owner, start = draw(st.sampled_from([None, "lab"])), START + draw(st.integers(-HOUR, 4 * HOUR))
        found.append(
            replace(made, id=f"c{number}", owner=owner, start=start, end=start + draw(st.integers(1, 5 * HOUR)))
        )
    return found


@given(capacities(), promises(), st.randoms(use_true_random=False))
def test_what_is_paid_is_the_promise_and_the_rest_at_its_price(
    levels_of: dict[Sku, Levels], some: list[Commitment], order: Random
) -> None:
    """For every piece: prices, credits and unused parts add up to the fees and what no commitment covers."""
    found = done(levels_of, *some, hours=6)
    for one in found:
        assert all(0 <= left <= one.eligible[sku] for sku, left in _left(one).items())
        listed = sum(_left(one)[sku] * int(Decimal(LIST[sku[0]]) * NANO) for sku in one.eligible)
        fees = sum(_fee(promise, one) for promise in some)
        paid = sum(_paid(one, sku) for sku in one.eligible) - sum(one.saved.values()) + sum(one.unused.values())
        assert abs(paid - fees - listed) <= sum(one.eligible.values()), "a nano-unit for each hour"
    shuffled = list(some)
    order.shuffle(shuffled)
    assert done(levels_of, *shuffled, hours=6) == found


def _left(one: Settled) -> dict[Sku, int]:
    return {
        sku: amount - sum(quantity for (of, _), quantity in one.covered.items() if of == sku)
        for sku, amount in one.eligible.items()
    }


def _paid(one: Settled, sku: Sku) -> int:
    nano = one.blended(sku)
    return one.eligible[sku] * (int(Decimal(LIST[sku[0]]) * NANO) if nano is None else nano)


def _fee(promise: Commitment, one: Settled) -> int:
    promised = promise.promised(one.start, one.end)
    return promised * (PPM if promise.kind == "spend" else promise.prices[0][1])


@given(capacities(), st.sets(st.integers(0, 6 * HOUR), min_size=2, max_size=9))
def test_amounts_are_the_integral(levels_of: dict[Sku, Levels], instants: set[int]) -> None:
    for some in levels_of.values():
        edges = [START, *sorted(START + at for at in instants if at), START + 6 * HOUR + 1]
        assert sum(amounts(some, edges)) == sum((b - a) * ppm for a, b, ppm in some)


@pytest.mark.parametrize("kind", ["resource", "reservation"])
def test_charges_name_a_reservation_as_one(kind: str) -> None:
    made = committed(
        {H100: there((0, 1, 1))}, BOOK, [resource("2", kind=kind)], START, START + HOUR, ZoneInfo("UTC"), "USD"
    )

    assert made.lines["label"].to_list() == [f"{'commitment' if kind == 'resource' else kind}:cud"]
