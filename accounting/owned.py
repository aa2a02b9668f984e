"""Nodes of one's own as people describe them in a file, and the price rows that follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from accounting.config import decode, read_toml
from accounting.core.tco import Node, Reckoning, reckon
from accounting.errors import InputError

PROVIDER, PURCHASE = "on_prem", "owned"
"""What the capacity of such nodes must say for these prices to match it."""

_ABOVE_ZERO = ("capex", "years", "pue")
_FROM_ZERO = (
    *("network_storage_percent", "spares_percent", "residual", "residual_percent", "kw_it", "load", "price_per_kwh"),
    *("colo_per_kw_month", "support_percent", "staff_per_year", "staff_per_accelerator_year", "space_per_year"),
)
_MOST = {"load": Decimal(1), "residual_percent": Decimal(100)}
_LARGEST = Decimal(10) ** 15
_EITHER = (
    ("residual", "residual_percent"),
    ("staff_per_year", "staff_per_accelerator_year"),
    ("price_per_kwh", "colo_per_kw_month"),
)

Text = Annotated[str, Meta(min_length=1)]


class RateTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[rate]]`: a node from `start` to `end`. Amounts are of the whole node unless a name says accelerator."""

    accelerator: Text
    accelerators: Annotated[int, Meta(ge=1, le=100_000)]
    capex: Decimal
    years: Decimal
    network_storage_percent: Decimal = Decimal(0)
    spares_percent: Decimal = Decimal(0)
    residual: Decimal | None = None
    residual_percent: Decimal | None = None
    kw_it: Decimal = Decimal(0)
    load: Decimal = Decimal(1)
    pue: Decimal = Decimal(1)
    price_per_kwh: Decimal | None = None
    colo_per_kw_month: Decimal | None = None
    support_percent: Decimal = Decimal(0)
    staff_per_year: Decimal | None = None
    staff_per_accelerator_year: Decimal | None = None
    space_per_year: Decimal = Decimal(0)
    region: Text | None = None
    currency: str = "USD"
    start: Any = None
    end: Any = None


class RateFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of `[[rate]]` tables; `name` is that of the price book (default: the file's)."""

    rate: Annotated[list[dict[str, Any]], Meta(min_length=1)]
    name: Text | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """One `[[rate]]` and its reckoning; `start` and `end` as ISO texts, None: open."""

    accelerator: str
    region: str | None
    currency: str
    start: str | None
    end: str | None
    reckoning: Reckoning

    @property
    def price(self) -> Decimal:
        """Per accelerator and hour."""
        return self.reckoning.hourly(self.reckoning.per_year)

    @property
    def row(self) -> dict[str, object]:
        """As a row of prices."""
        return {
            "accelerator": self.accelerator,
            "provider": PROVIDER,
            "region": self.region,
            "purchase": PURCHASE,
            "start": self.start,
            "end": self.end,
            "price_per_hour": f"{self.price:f}",
            "currency": self.currency,
            "covers": "machine",
        }


def read_rates(file: Path) -> tuple[str, tuple[Rate, ...]]:
    """The book's name and its rates, in the file's order; InputError names the file, the rate and the key."""
    told = decode(RateFile, read_toml(file), file.name)
    places = [f"{file.name}: rate {number}" for number in range(1, len(told.rate) + 1)]
    rates = tuple(_rate(decode(RateTable, table, where), where) for table, where in zip(told.rate, places, strict=True))
    return told.name or file.stem, rates


def _rate(table: RateTable, where: str) -> Rate:
    for key, problem in _problems(table):
        raise InputError(f"{where}: {key}: {problem}")
    start, end = (_text(getattr(table, key), f"{where}: {key}") for key in ("start", "end"))
    return Rate(table.accelerator, table.region, table.currency, start, end, reckon(_node(table)))


def _problems(table: RateTable) -> Iterator[tuple[str, str]]:
    """Keys whose values cannot be, and why."""
    for key in (*_ABOVE_ZERO, *_FROM_ZERO):
        value = getattr(table, key)
        if value is not None and (why := _out_of_range(key, value)):
            yield key, why
    for one, other in _EITHER:
        if getattr(table, one) is not None and getattr(table, other) is not None:
            yield one, f"stands beside {other}: write one of them"
    powered = table.price_per_kwh is not None or table.colo_per_kw_month is not None
    if table.kw_it > 0 and not powered:
        yield "kw_it", f"{table.kw_it} kW without a price: add price_per_kwh or colo_per_kw_month"
    if powered and table.kw_it == 0:
        yield "kw_it", "is missing: add the node's kW, such as `kw_it = 10.2`"
    if not re.fullmatch("[A-Z]{3}", table.currency):
        yield "currency", f"{table.currency!r} is not a currency of three capital letters, such as EUR"
    if _residual(table) > table.capex:
        yield "residual", f"{_residual(table)} is more than capex {table.capex}"


def _out_of_range(key: str, value: Decimal) -> str:
    if not value.is_finite() or value < 0 or value > _LARGEST or (key in _ABOVE_ZERO and value == 0):
        return f"{value} must be {'above 0' if key in _ABOVE_ZERO else '0 or more'}"
    return f"{value} is more than {_MOST[key]}" if value > _MOST.get(key, _LARGEST) else ""


def _residual(table: RateTable) -> Decimal:
    if table.residual is not None:
        return table.residual
    return table.capex * (table.residual_percent or Decimal(0)) / 100


def _node(table: RateTable) -> Node:
    each = table.staff_per_accelerator_year or Decimal(0)
    return Node(
        accelerators=table.accelerators,
        capex=table.capex,
        years=table.years,
        network_storage_percent=table.network_storage_percent,
        spares_percent=table.spares_percent,
        residual=_residual(table),
        kw_it=table.kw_it,
        load=table.load,
        pue=table.pue,
        price_per_kwh=table.price_per_kwh,
        colo_per_kw_month=table.colo_per_kw_month,
        support_percent=table.support_percent,
        staff_per_year=each * table.accelerators if table.staff_per_year is None else table.staff_per_year,
        space_per_year=table.space_per_year,
    )


def _text(value: object, where: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, date):
        raise InputError(f"{where}: {value!r} is not a date; write 2026-01-01 or 2026-01-01T00:00:00Z, without quotes")
    return value.isoformat()
