"""Amounts, time and instants of a trace: exact, and as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from accounting.core.pricing import FOREVER


def amount(nano: int | None) -> Decimal | None:
    """Nano-units as an amount with nine decimals."""
    return None if nano is None else Decimal(nano).scaleb(-9)


def total(column: pl.Series) -> int | None:
    """The sum of integers; NULL where none is known."""
    return int(column.sum()) if column.count() else None


def seconds(ms: int | None) -> Decimal | None:
    """Milliseconds as seconds with three decimals."""
    return None if ms is None else Decimal(ms).scaleb(-3)


def instant(ms: int | None) -> datetime | None:
    """Milliseconds since the epoch in UTC; None where there is no bound."""
    return None if ms is None or abs(ms) >= FOREVER else datetime.fromtimestamp(ms / 1000, UTC)


def share(ppm: int) -> Decimal:
    """Millionths as a number without trailing zeros."""
    found = Decimal(ppm).scaleb(-6).normalize()
    return found if found.as_tuple().exponent <= 0 else found.quantize(Decimal(1))  # type: ignore[operator]


def span(start: int | None, end: int | None) -> str:
    """When something holds."""
    since, until = instant(start), instant(end)
    first = f"from {since:%Y-%m-%d %H:%M}Z" if since else "from the beginning"
    return f"{first} to {until:%Y-%m-%d %H:%M}Z" if until else f"{first} on"


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
