"""Which price holds for a SKU at an instant: the effective-dated row with the most matching fields."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise

import polars as pl

from accounting.core.rounding import NANO
from accounting.errors import InputError

FOREVER = 1 << 42
LIST, NEGOTIATED, COMMITTED = "list", "negotiated", "committed"
"""Kinds of prices: of two that match equally well, the negotiated one holds; what commitments make goes before both."""

Sku = tuple[str, str | None, str | None, str | None]
"""(accelerator, provider, region, purchase)"""
Rank = tuple[bool, int, bool, bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Price:
    """One row of the price book; NULL provider, region and purchase match anything."""

    accelerator: str
    provider: str | None
    region: str | None
    purchase: str | None
    start: int
    end: int
    per_hour: Decimal
    currency: str
    covers: str
    place: str
    kind: str = LIST

    @property
    def nano(self) -> int:
        return int(self.per_hour * NANO)

    @property
    def id(self) -> str:
        """Digest of what the row says; equal rows of two files are one price."""
        said = (
            self.accelerator,
            self.provider,
            self.region,
            self.purchase,
            self.start,
            self.nano,
            self.currency,
            self.covers,
            *(() if self.kind == LIST else (self.kind,)),
        )
        return "price-" + hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    def rank(self, sku: Sku) -> Rank | None:
        """How well it matches, purchase before region before provider before kind; None: not at all.

        A price that commitments make is of one SKU and no other.
        """
        accelerator, provider, region, purchase = sku
        if self.kind == COMMITTED:
            mine = (self.accelerator, self.provider, self.region, self.purchase)
            return (True, 0, False, False, False, False) if mine == sku else None
        if accelerator != self.accelerator:
            return None
        pairs = [(self.purchase, purchase), (self.region, region), (self.provider, provider)]
        if any(mine is not None and mine != theirs for mine, theirs in pairs):
            return None
        said = [mine is not None for mine, _ in pairs]
        return (False, sum(said), said[0], said[1], said[2], self.kind == NEGOTIATED)


@dataclass(frozen=True, slots=True)
class Span:
    """A SKU's price over `[start, end)`; `price` None: unpriced."""

    start: int
    end: int
    price: Price | None


def book(prices: pl.DataFrame) -> tuple[Price, ...]:
    """The price book of `input_prices` rows (open ends already trimmed), in a canonical order, without repetitions."""
    found = {
        Price(
            r["accelerator"],
            r["provider"],
            r["region"],
            r["purchase"],
            -FOREVER if r["start_ms"] is None else r["start_ms"],
            FOREVER if r["end_ms"] is None else r["end_ms"],
            r["price_per_hour"],
            r["currency"],
            r["covers"],
            f"import {r['import_seq']}, row {r['row']}",
            r["kind"],
        )
        for r in prices.iter_rows(named=True)
    }
    return tuple(sorted(found, key=lambda p: (p.accelerator, p.start, p.end, p.id)))


def listed(prices: tuple[Price, ...]) -> tuple[Price, ...]:
    """The list prices of a book."""
    return tuple(price for price in prices if price.kind == LIST)


def check_currency(prices: tuple[Price, ...], ledger: str | None) -> None:
    """Raises `InputError` where the book mixes currencies, and no `ledger` currency is named for it."""
    if ledger is not None:
        return
    currencies = sorted({p.currency for p in prices})
    if len(currencies) > 1:
        examples = [next(p for p in prices if p.currency == c) for c in currencies[:2]]
        named = " and ".join(f"{p.accelerator} in {p.currency} ({p.place})" for p in examples)
        raise InputError(f"prices in several currencies: {named}; name the ledger's and the rates in [rates]")


@cache
def spans(prices: tuple[Price, ...], sku: Sku, start: int, end: int) -> tuple[Span, ...]:
    """The SKU's prices over `[start, end)`, cut at every change.

    Raises `InputError` naming both rows where two match equally well at one instant with different prices.
    """
    found = [(rank, p) for p in prices if p.start < end and p.end > start and (rank := p.rank(sku)) is not None]
    cuts = sorted({start, end, *(x for _, p in found for x in (p.start, p.end) if start < x < end)})
    result: list[Span] = []
    for a, b in pairwise(cuts):
        price = _best(sku, [(rank, p) for rank, p in found if p.start <= a < p.end])
        if result and result[-1].price == price:
            result[-1] = Span(result[-1].start, b, price)
        else:
            result.append(Span(a, b, price))
    return tuple(result)


def _best(sku: Sku, found: list[tuple[Rank, Price]]) -> Price | None:
    if not found:
        return None
    top = max(rank for rank, _ in found)
    best = [p for rank, p in found if rank == top]
    for other in best[1:]:
        if other.id != best[0].id and (other.nano, other.currency) != (best[0].nano, best[0].currency):
            raise InputError(
                f"two prices for {' '.join(s for s in sku if s)} at one instant: "
                f"{best[0].per_hour} ({best[0].place}) and {other.per_hour} ({other.place}); "
                "end one of them before the other starts"
            )
    return min(best, key=lambda p: (p.id, p.place))
