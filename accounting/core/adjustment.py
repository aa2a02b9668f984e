"""Rows of `ADJUSTMENTS`: charges of a month that no cluster's day has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal

import polars as pl

from accounting.tables import ADJUSTMENTS

_NAMES = [name for name in ADJUSTMENTS.names if name != "publication"]
_SCHEMA = {name: ADJUSTMENTS.schema[name] for name in _NAMES}
_SORT = ("day", "team", "charge_kind", "charge_id")


def identity(*said: object) -> str:
    """The id of a charge, by what sets it apart from all others: the same on every run."""
    return hashlib.sha256("\x1f".join(map(str, said)).encode()).hexdigest()[:32]


def money(nano: int) -> Decimal:
    """Nano-units as an amount."""
    return Decimal(nano).scaleb(-9)


def table(rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    """`ADJUSTMENTS` without `publication`, sorted; each row has a price, and what it does not say is NULL."""
    priced = [{"price_status": "priced", **row} for row in rows]
    cells = [[row.get(name) for name in _NAMES] for row in priced]
    return pl.DataFrame(cells, schema=_SCHEMA, orient="row").sort(_SORT, nulls_last=True)
