"""The built-in catalog: list prices of current accelerators, each with where it is from and when it was seen."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct, convert

from accounting.errors import InputError
from accounting.inputs.names import unknown

STALE_DAYS = 180
"""A price seen longer ago may have changed since."""


class Listed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One list price of the catalog, per accelerator and hour."""

    provider: str
    region: str
    purchase: str
    accelerator: str
    price_per_hour: Decimal
    currency: str
    covers: str
    as_of: date
    source: str

    @property
    def row(self) -> dict[str, object]:
        """As a row of prices: it holds always, until another book says otherwise."""
        return {
            "accelerator": self.accelerator,
            "provider": self.provider,
            "region": self.region,
            "purchase": self.purchase,
            "price_per_hour": f"{self.price_per_hour:f}",
            "currency": self.currency,
            "covers": self.covers,
        }


@dataclass(frozen=True, slots=True)
class Aged:
    """A list price, and how many days ago it was seen."""

    listed: Listed
    days: int

    @property
    def stale(self) -> bool:
        return self.days > STALE_DAYS


@cache
def catalog() -> tuple[Listed, ...]:
    """All of it, by provider, accelerator, region and purchase."""
    folder = files("accounting").joinpath("catalog")
    tables: list[dict[str, Any]] = []
    for file in folder.iterdir():
        tables += tomllib.loads(file.read_text("utf-8"))["price"]
    found = (convert(table, Listed) for table in tables)
    return tuple(sorted(found, key=lambda p: (p.provider, p.accelerator, p.region, p.purchase)))


def listed(providers: Collection[str], regions: Collection[str], today: date) -> list[Aged]:
    """The prices of these providers and regions (none given: of all); InputError where one of them is not there."""
    every = catalog()
    for what, asked, known in (
        ("provider", providers, {p.provider for p in every}),
        ("region", regions, {p.region for p in every if not providers or p.provider in providers}),
    ):
        for name in asked:
            if name not in known:
                raise InputError(f"prices catalog: --{what}: {unknown(what, name, sorted(known))}")
    wanted = [p for p in every if (not providers or p.provider in providers) and (not regions or p.region in regions)]
    return [Aged(price, (today - price.as_of).days) for price in wanted]
