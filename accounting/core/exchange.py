"""Prices in other currencies, at the rate that is in force at each instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import polars as pl

from accounting.core.rounding import NANO
from accounting.errors import InputError

FOREVER = 1 << 42
MOST = 1_000_000_000
"""Of a price in the ledger's currency, per accelerator and hour: the core's integers hold it."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rate:
    """One unit of a currency in the ledger's, from an instant (ms) until the next of that currency."""

    currency: str
    start: int
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Rates:
    """The currency of the ledger (None: that of the prices, which is one), and the rates of others."""

    currency: str | None = None
    dated: tuple[Rate, ...] = ()

    def spans(self, currency: str) -> tuple[tuple[int, int, Decimal], ...]:
        """Spans `[start, end)` with a rate; before the first there is none."""
        if currency == self.currency:
            return ((-FOREVER, FOREVER, Decimal(1)),)
        mine = sorted((r for r in self.dated if r.currency == currency), key=lambda r: r.start)
        edges = [*(r.start for r in mine), FOREVER]
        return tuple((a, b, r.rate) for r, (a, b) in zip(mine, pairwise(edges), strict=True))

    def table(self, currencies: list[str]) -> pl.DataFrame:
        """Currency, from_ms, to_ms and rate into `ledger`; each its own ledger where none is named."""
        rows = [
            (currency, self.currency or currency, *span)
            for currency in currencies
            for span in (self if self.currency else Rates(currency)).spans(currency)
        ]
        schema = {"currency": pl.String, "ledger": pl.String, "from_ms": pl.Int64, "to_ms": pl.Int64}
        return pl.DataFrame(rows, schema={**schema, "rate": pl.Decimal(38, 9)}, orient="row")


def converted(prices: pl.DataFrame, rates: Rates) -> pl.DataFrame:
    """Price rows (open ends trimmed) in the ledger's currency, cut where a rate changes, rounded half-even to nano.

    What no rate is in force for stays in its currency: it is an error where it is needed.
    """
    if rates.currency is None or prices.filter(pl.col("currency") != rates.currency).is_empty():
        return prices
    rows = [piece for row in prices.iter_rows(named=True) for piece in _pieces(row, rates)]
    return pl.DataFrame(rows, schema=prices.schema)


def _pieces(row: Row, rates: Rates) -> Iterator[Row]:
    if row["currency"] == rates.currency:
        yield row
        return
    start = -FOREVER if row["start_ms"] is None else row["start_ms"]
    end = FOREVER if row["end_ms"] is None else row["end_ms"]
    spans = rates.spans(row["currency"])
    cuts = sorted({start, end, *(x for span in spans for x in span[:2] if start < x < end)})
    for a, b in pairwise(cuts):
        rate = next((rate for first, last, rate in spans if first <= a < last), None)
        piece = {**row, "start_ms": None if a == -FOREVER else a, "end_ms": None if b == FOREVER else b}
        if rate is not None:
            piece |= {"price_per_hour": _exchanged(row, rate), "currency": rates.currency}
        yield piece


def _exchanged(row: Row, rate: Decimal) -> Decimal:
    price = round(Fraction(row["price_per_hour"]) * Fraction(rate) * NANO)
    if price > MOST * NANO:
        raise InputError(
            f"the price of {row['accelerator']} in {row['currency']} (import {row['import_seq']}, row {row['row']})"
            f" is more than {MOST:,} at the rate {rate}: correct the price, or the rate in chipledger.toml"
        )
    return Decimal(price).scaleb(-9)


def missing(accelerator: str, currency: str, place: str, at: int) -> InputError:
    """That a price is needed at an instant (ms) for which there is no rate."""
    day = f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"
    return InputError(
        f"no rate of {currency} on {day}, and {accelerator} is priced in it ({place}): add [[rates.dated]] with"
        f" `from = {day}` and `{currency} = …` to chipledger.toml"
    )
