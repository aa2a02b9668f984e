"""Figures as a statement prints them."""

from __future__ import annotations

import calendar
from decimal import Decimal

from accounting.core.cents import CENT

NOTHING = "–"
MINUS = "\N{MINUS SIGN}"


def amount(cost: Decimal | None) -> str:
    """To the cent, thousands grouped, a true minus sign; what is not known is a dash."""
    return NOTHING if cost is None else f"{cost.quantize(CENT):,.2f}".replace("-", MINUS)


def signed(cost: Decimal) -> str:
    """As `amount`, with its sign."""
    return f"+{amount(cost)}" if cost > 0 else amount(cost)


def hours(value: Decimal | int) -> str:
    """Hours to the tenth; less than that, but not nothing, says so."""
    return "<0.1" if 0 < value < Decimal("0.05") else f"{value:,.1f}".replace("-", MINUS)


def count(value: Decimal) -> str:
    """Hours with the three decimals that time has here."""
    return f"{value:,.3f}"


def days(number: int) -> str:
    """A number of days, in words that fit it."""
    return f"{number} day" if number == 1 else f"{number} days"


def percent(part: Decimal | None, of: Decimal | None) -> str:
    """A share; a dash where it is not known or of nothing."""
    return NOTHING if part is None or not of else f"{part / of * 100:.1f} %".replace("-", MINUS)


def month_name(month: str) -> str:
    """2025-01 as January 2025."""
    return f"{calendar.month_name[int(month[5:])]} {month[:4]}"


def short(name: str, most: int) -> str:
    """At most so many characters of a name: its begin and its end tell more than its middle."""
    keep = most - 1
    return name if len(name) <= most else f"{name[: keep - keep // 3]}…{name[-(keep // 3) :]}"
