"""The trend: a column for each day, its parts stacked, grid lines at round figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from html import escape

from app import amounts
from app.amounts import hours, money, percent, ratio, short_hours, short_money
from app.partition import ZERO, Slice
from app.pieces.tables import swatch

GROUPS = {
    "used": ("used", "Used"),
    "active": ("active", "Not busy"),
    "idle": ("idle", "Held idle"),
    "queued": ("free", "Free"),
    "stranded": ("free", "Free"),
    "reserved": ("free", "Free"),
    "free": ("free", "Free"),
    "unhealthy": ("unhealthy", "Out of service"),
    "maintenance": ("unhealthy", "Out of service"),
    "bill": ("bill", "Of bills"),
    "unobserved": ("unobserved", "Unknown"),
    "unlogged": ("unobserved", "Unknown"),
}
HOURS = {**GROUPS, "active": ("used", "Active")}
"""Hours have no busy part: active time is one group."""

Stack = dict[tuple[str, str], Decimal]


def stack(parts: Sequence[Slice], *, in_hours: bool) -> Stack:
    """A day's parts by group (color, name)."""
    found: Stack = {}
    for part in parts:
        group = (HOURS if in_hours else GROUPS)[part.part.key]
        found[group] = found.get(group, ZERO) + ((part.seconds or ZERO) if in_hours else part.amount)
    return {group: amount for group, amount in found.items() if amount}


@dataclass(frozen=True, slots=True)
class Scale:
    """How an amount is written in full, and in short on an axis; `unit` is what one of its units is in the data."""

    said: Callable[[Decimal], str]
    short: Callable[[Decimal], str]
    unit: int = 1


HOURS_SCALE = Scale(hours, short_hours, 3600)


def money_scale(currency: str | None) -> Scale:
    """Amounts of a currency."""
    return Scale(partial(money, currency=currency), partial(short_money, currency=currency))


def chart(days: Mapping[date, Stack], scale: Scale, label: str) -> str:
    """A column for each day and grid lines at round figures."""
    top = nice(max((sum(parts.values(), ZERO) for parts in days.values()), default=ZERO) / scale.unit) * scale.unit
    lines = "".join(
        f'<div class="cl-grid" style="bottom:{25 * n}%"><span>{escape(scale.short(top * n / 4))}</span></div>'
        for n in range(5)
    )
    step = max(1, -(-len(days) // 10))
    columns = "".join(
        _column(day, parts, top, scale, "left" if 2 * n < len(days) else "right", label=n % step == 0)
        for n, (day, parts) in enumerate(days.items())
    )
    return (
        f'<div class="cl-trend" role="img" aria-label="{escape(label)}"><div class="cl-plot">{lines}'
        f'<div class="cl-columns">{columns}</div></div></div>{legend(days)}'
    )


def legend(days: Mapping[date, Stack]) -> str:
    """The groups that occur, in order."""
    groups = [GROUPS["used"], HOURS["active"], *GROUPS.values()]
    seen = dict.fromkeys(group for group in groups if any(group in parts for parts in days.values()))
    items = "".join(f"<li>{swatch(key)}<span>{escape(name)}</span></li>" for key, name in seen)
    return f'<ul class="cl-key">{items}</ul>'


def nice(highest: Decimal) -> Decimal:
    """The top of an axis with four steps: the next of 1, 2, 4, 6, 8 and 10 times a power of ten."""
    if highest <= 0:
        return Decimal(4)
    power = Decimal(10) ** highest.adjusted()
    return next(power * n for n in (1, 2, 4, 6, 8, 10) if power * n >= highest)


def _column(day: date, parts: Stack, top: Decimal, scale: Scale, place: str, *, label: bool) -> str:
    height = ratio(sum(parts.values(), ZERO), top)
    pieces = "".join(
        f'<i class="cl-p-{key}" style="flex-grow:{amount:f}"></i>' for (key, _), amount in reversed(parts.items())
    )
    under = f'<span class="cl-x">{escape(amounts.short_day(day))}</span>' if label else ""
    return (
        f'<div class="cl-col"><div class="cl-stack" style="height:{amounts.width(height)}">{pieces}</div>{under}'
        f'<div class="cl-tip cl-{place}">{_tip(day, parts, scale)}</div></div>'
    )


def _tip(day: date, parts: Stack, scale: Scale) -> str:
    whole = sum(parts.values(), ZERO)
    rows = "".join(
        f"<li>{swatch(key)}<span>{escape(name)}</span><b>{escape(scale.said(amount))}</b>"
        f"<em>{percent(ratio(amount, whole))}</em></li>"
        for (key, name), amount in parts.items()
    )
    last = f'<li class="sum"><i></i><span>Total</span><b>{escape(scale.said(whole))}</b><em></em></li>'
    return f"<strong>{escape(amounts.day(day))}</strong><ul>{rows}{last}</ul>"
