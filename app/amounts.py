"""Amounts, hours and shares as people read them; None is unknown, and never 0."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

UNKNOWN = "–"
NOTHING = Decimal(0)
_SIGNS = {"USD": "$"}
_CENT, _TENTH = Decimal("0.01"), Decimal("0.1")
_UNITS = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def money(amount: Decimal | None, currency: str | None) -> str:
    """`$12,345.67` for US dollars, else the amount and its currency's code."""
    if amount is None:
        return UNKNOWN
    text = f"{abs(_rounded(amount, _CENT)):,.2f}"
    return _signed(amount, _CENT) + _with_currency(text, currency)


def short_money(amount: Decimal, currency: str | None) -> str:
    """An amount on an axis: `$12.5k`."""
    return _with_currency(_short(amount), currency)


def hours(seconds: Decimal | None, unit: str = " h") -> str:
    """Seconds as hours with one decimal: `33,571.8 h`."""
    return UNKNOWN if seconds is None else f"{_rounded(Decimal(seconds) / 3600, _TENTH):,.1f}{unit}"


def short_hours(seconds: Decimal) -> str:
    """Hours on an axis: `1.5k h`."""
    return f"{_short(seconds / 3600)} h"


def ratio(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    """A part of a whole; None where either is unknown or there is no whole."""
    return None if part is None or not whole else Decimal(part) / Decimal(whole)


def percent(share: Decimal | None) -> str:
    """A share of one: `42.2%`; what is there and rounds to nothing is `<0.1%`."""
    if share is None:
        return UNKNOWN
    tenths = _rounded(share * 100, _TENTH)
    return "<0.1%" if share > 0 and not tenths else f"{tenths:,.1f}%"


def width(share: Decimal | None) -> str:
    """A share of one as a CSS length, with digits enough for a wall of screens."""
    return f"{_rounded((share or Decimal(0)) * 100, Decimal('0.0001')).normalize():f}%"


def change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """By which share of itself a figure grew; None where one of them is unknown or it grew from nothing."""
    return None if now is None or not before else (now - before) / abs(before)


def signed_percent(share: Decimal) -> str:
    """A share with its sign: `+3.4%`."""
    return f"{_signed(share, Decimal('0.001'), plus='+')}{percent(abs(share))}"


def signed_points(difference: Decimal) -> str:
    """The difference of two shares in percentage points: `+1.2 pt`."""
    points = _rounded(abs(difference) * 100, _TENTH)
    return f"{_signed(difference, Decimal('0.001'), plus='+')}{points:,.1f} pt"


def signed_money(amount: Decimal, currency: str | None) -> str:
    """A difference: `+$120.00`."""
    return ("+" if _rounded(amount, _CENT) > 0 else "") + money(amount, currency)


def unpriced(seconds: Decimal | None) -> str:
    """What a total leaves out, `+ 12.0 unpriced hours`, or nothing."""
    return f"+ {hours(seconds, '')} unpriced hours" if seconds else ""


def parts_of(amounts: Sequence[Decimal], unit: Decimal = _CENT) -> list[Decimal]:
    """Amounts rounded down or up to a unit, so that their sum is the rounded sum: the largest remainders go up."""
    floors = [amount.quantize(unit, ROUND_FLOOR) for amount in amounts]
    missing = int((_rounded(sum(amounts, NOTHING), unit) - sum(floors, NOTHING)) / unit)
    nearest = sorted(range(len(amounts)), key=lambda n: floors[n] - amounts[n])[:missing]
    return [floor + unit * (n in nearest) for n, floor in enumerate(floors)]


def day(value: date) -> str:
    """`Nov 3, 2026`."""
    return f"{value:%b} {value.day}, {value.year}"


def short_day(value: date) -> str:
    """`Nov 3`."""
    return f"{value:%b} {value.day}"


def days(first: date, last: date) -> str:
    """`Nov 3 – Nov 16, 2026`."""
    if first == last:
        return day(first)
    return f"{short_day(first) if first.year == last.year else day(first)} – {day(last)}"


def month(value: str) -> str:
    """`2026-11` as `November 2026`."""
    return f"{datetime.strptime(value, '%Y-%m'):%B %Y}"  # noqa: DTZ007 - a month has no zone


def instant(value: datetime) -> str:
    """`Nov 24, 2026 07:13 UTC`."""
    return f"{day(value.date())} {value:%H:%M} UTC"


def age(now: datetime, then: datetime) -> str:
    """How long ago, in the largest unit that says something: `3 days ago`."""
    minutes = int((now - then).total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {name}{'s' * (count != 1)} ago"
    return "just now"


def _rounded(amount: Decimal, unit: Decimal) -> Decimal:
    return Decimal(amount).quantize(unit, ROUND_HALF_UP)


def _signed(amount: Decimal, unit: Decimal, plus: str = "") -> str:
    shown = _rounded(amount, unit)
    return "\u2212" if shown < 0 else plus if shown > 0 else ""


def _with_currency(text: str, currency: str | None) -> str:
    sign = _SIGNS.get(currency or "")
    return f"{sign}{text}" if sign else f"{text} {currency or ''}".rstrip()


def _short(amount: Decimal) -> str:
    for size, name in _UNITS:
        if abs(amount) >= size:
            return f"{(amount / size).normalize():f}{name}"
    return f"{amount.normalize():f}"
