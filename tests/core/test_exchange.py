from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.core.exchange import Rate, Rates, converted
from accounting.errors import InputError
from accounting.tables import INPUT_PRICES
from tests.worlds import START, Row, World, at, price

EUR = Rates("USD", (Rate("EUR", 100, Decimal("1.1")), Rate("EUR", 200, Decimal("1.25")), Rate("GBP", 0, Decimal(2))))


def book(*rows: Row) -> pl.DataFrame:
    said = {"accelerator": "x", "covers": "machine", "kind": "list", "import_seq": 1, "row": 1, "currency": "EUR"}
    empty = dict.fromkeys(INPUT_PRICES.names)
    return pl.DataFrame([{**empty, **said, **row} for row in rows], schema=INPUT_PRICES.schema)


def spans(prices: pl.DataFrame) -> list[tuple[object, ...]]:
    return prices.select("start_ms", "end_ms", "price_per_hour", "currency").rows()


def test_a_price_is_cut_where_its_rate_changes() -> None:
    assert spans(converted(book(price("2")), EUR)) == [
        (None, 100, 2, "EUR"),
        (100, 200, Decimal("2.2"), "USD"),
        (200, None, Decimal("2.5"), "USD"),
    ]
    assert spans(converted(book(price("2", start_ms=150, end_ms=180)), EUR)) == [(150, 180, Decimal("2.2"), "USD")]
    assert spans(converted(book(price("2", start_ms=200)), EUR)) == [(200, None, Decimal("2.5"), "USD")]


def test_the_ledgers_currency_and_books_without_one_stay() -> None:
    mixed = book(price("2", currency="USD"), price("2", currency="CHF"))

    assert converted(mixed, EUR).equals(mixed)
    assert converted(mixed, Rates()).equals(mixed)


def test_a_product_is_rounded_half_even() -> None:
    half = Rates("USD", (Rate("EUR", 0, Decimal("0.5")),))
    rows = book(*(price(f"0.00000000{n}", start_ms=0) for n in (1, 3, 5)))

    assert converted(rows, half)["price_per_hour"].to_list() == [Decimal(0), Decimal("2e-9"), Decimal("2e-9")]


def test_a_price_that_grows_too_large_is_refused() -> None:
    rates = Rates("IRR", (Rate("EUR", 0, Decimal(10**9)),))
    with pytest.raises(
        InputError, match=r"price of x in EUR \(import 1, row 1\) is more than 1,000,000,000 at the rate"
    ):
        converted(book(price("2", start_ms=0)), rates)


@given(
    st.decimals(0, 999_999_999, places=9),
    st.lists(st.tuples(st.integers(0, 20), st.decimals("0.000000001", 1, places=9)), unique_by=lambda r: r[0]),
    st.integers(0, 20),
)
def test_at_every_instant_it_is_the_price_at_the_rate_of_that_instant(
    amount: Decimal, dated: list[tuple[int, Decimal]], t: int
) -> None:
    rates = Rates("USD", tuple(Rate("EUR", start, rate) for start, rate in dated))
    (row,) = converted(book(price(f"{amount:f}")), rates).filter(
        (pl.col("start_ms") <= t).fill_null(True) & (t < pl.col("end_ms")).fill_null(True)
    ).iter_rows(named=True)  # fmt: skip
    before = [pair for pair in dated if pair[0] <= t]

    if not before:
        assert (row["price_per_hour"], row["currency"]) == (amount, "EUR")
    else:
        exact = Fraction(amount) * Fraction(max(before)[1])
        assert row["currency"] == "USD"
        assert row["price_per_hour"] * 10**9 == round(exact * 10**9)


def world(rates: Rates, *prices: Row) -> World:
    job = {"workload_id": "a", "team": "red", "start_ms": START}
    return World(jobs=[job], capacity=[{"start_ms": START}], prices=prices, rates=rates)


def test_costs_are_at_the_rates_of_the_day() -> None:
    rates = Rates("USD", (Rate("EUR", 0, Decimal("1.1")), Rate("EUR", at(6), Decimal("1.5"))))
    results = world(rates, price("2", currency="EUR")).account()

    assert results.charges["cost"].sum() == 6 * Decimal("2.2") + 18 * Decimal(3)
    assert results.charges["currency"].unique().to_list() == ["USD"]


def test_a_price_without_a_rate_is_an_error_only_where_it_is_needed() -> None:
    late = Rates("USD", (Rate("EUR", at(6), Decimal("1.5")),))
    with pytest.raises(
        InputError, match=r"no rate of EUR on \d{4}-\d\d-\d\d, and H100-80GB is priced in it \(import 1, "
    ):
        world(late, price("2", currency="EUR")).account()
    dear = [price("2", currency="EUR", start_ms=at(6)), price("1", currency="USD", end_ms=at(6))]
    assert world(late, *dear).account().charges["cost"].sum() == 6 + 18 * 3
    unused = world(late, price("1", currency="USD"), price("2", currency="CHF", purchase="x"))
    assert unused.account().charges["cost"].sum() == 24
