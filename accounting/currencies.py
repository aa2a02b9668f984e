"""`[rates]` of chipledger.toml: the currency of the ledger, and what others are worth in it from when on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from accounting.core.exchange import Rate, Rates
from accounting.errors import InputError
from accounting.policy import instant_ms

_MOST = Decimal(10) ** 9
_DIGITS = -9


class RatesTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[rates]`; a table of `dated` has `from` and, by currency, how much of the ledger's one unit of it is worth."""

    currency: str
    dated: list[dict[str, Any]] = field(default_factory=list)


def rates(table: RatesTable | None, file: str) -> Rates:
    """Raises `InputError` naming file, table and key; without a table there is no currency of the ledger."""
    if table is None:
        return Rates()
    _check_currency(table.currency, f"{file}: rates.currency")
    found = [
        rate for number, dated in enumerate(table.dated, 1) for rate in _dated(dated, f"{file}: rates.dated {number}")
    ]
    known: set[tuple[str, int]] = set()
    for rate in found:
        if rate.currency == table.currency:
            raise InputError(f"{file}: rates.dated: {rate.currency} is the ledger's own currency: leave it out")
        if (rate.currency, rate.start) in known:
            raise InputError(f"{file}: rates.dated: two rates of {rate.currency} begin at one instant: keep one")
        known.add((rate.currency, rate.start))
    return Rates(table.currency, tuple(sorted(found, key=lambda r: (r.currency, r.start))))


def _dated(table: dict[str, Any], where: str) -> Iterator[Rate]:
    if "from" not in table:
        raise InputError(f"{where}: from: is missing: add `from = 2026-01-01`")
    start = instant_ms(table["from"], where)
    for currency, value in table.items():
        if currency == "from":
            continue
        _check_currency(currency, where)
        yield Rate(currency, start, _rate(value, f"{where}: {currency}"))


def _rate(value: object, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise InputError(f"{where}: {value!r} is not a number; write it without quotes, such as 1.08")
    rate = Decimal(value)
    if not rate.is_finite() or not 0 < rate <= _MOST:
        raise InputError(f"{where}: {value} is not a rate: it is above 0, and at most {_MOST:,}")
    exponent = rate.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < _DIGITS:
        raise InputError(f"{where}: {value} has more than nine decimals: round it")
    return rate


def _check_currency(currency: str, where: str) -> None:
    if not re.fullmatch("[A-Z]{3}", currency):
        raise InputError(f"{where}: {currency!r} is not a currency of three capital letters, such as EUR")
