"""`[[grid]]` of chipledger.toml: what a kilowatt-hour emits, by region and from when on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from accounting.core.carbon import Factor, Grid
from accounting.errors import InputError

_DECIMALS = -3


class GridTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One factor; without `region` it holds wherever no other does."""

    start: Any = field(name="from")
    co2e_g_per_kwh: Decimal
    region: str | None = None
    pue: Decimal = Decimal(1)


def grid(tables: Sequence[GridTable], file: str) -> Grid:
    """Raises `InputError` naming file, table and key."""
    found: list[Factor] = []
    for number, table in enumerate(tables, 1):
        where = f"{file}: grid {number}"
        if isinstance(table.start, datetime) or not isinstance(table.start, date):
            raise InputError(f"{where}: from: {table.start} is not a day; write 2026-01-01, without quotes")
        _check(table.co2e_g_per_kwh, 0, 3000, f"{where}: co2e_g_per_kwh")
        _check(table.pue, 1, 5, f"{where}: pue")
        if any((one.region, one.start) == (table.region, table.start) for one in found):
            raise InputError(f"{where}: another factor of {table.region or 'everywhere'} begins on {table.start}")
        found.append(Factor(table.region, table.start, table.co2e_g_per_kwh, table.pue))
    return tuple(sorted(found, key=lambda one: (one.region or "", one.start)))


def _check(value: Decimal, least: int, most: int, where: str) -> None:
    if not value.is_finite() or not least <= value <= most:
        raise InputError(f"{where}: {value} is not between {least} and {most:,}")
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < _DECIMALS:
        raise InputError(f"{where}: {value} has more than three decimals: round it")
