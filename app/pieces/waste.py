"""The partition: one bar whose unknown parts are hatched, and the table whose rows add up to the total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from app.amounts import hours, money, parts_of, percent, ratio
from app.partition import ZERO, Slice
from app.pieces.figures import total
from app.pieces.tables import Column, Line, extra, swatch, table

COLUMNS = (
    Column("Part", wide=True),
    Column("Hours", figure=True),
    Column("Cost", figure=True),
    Column("Share", figure=True),
)
KINDS = {
    "used": "Used",
    "partly": "Not busy",
    "waste": "Waste",
    "overhead": "Out of service",
    "bill": "Of bills",
    "unknown": "Unknown",
}


@dataclass(frozen=True, slots=True)
class Whole:
    """The parts and what they are shares of: the cost, or the time where nothing has a price."""

    parts: list[Slice]
    totals: Mapping[str, Any]

    @property
    def in_hours(self) -> bool:
        return not self.totals["cost"]

    @property
    def total(self) -> Decimal | None:
        """What the parts are shares of."""
        amount: Decimal | None = self.totals["device_seconds" if self.in_hours else "cost"]
        return amount

    @property
    def shares(self) -> list[Decimal]:
        """Of each part, in tenths of a percent that add up."""
        return parts_of([ratio(self.size(part), self.total) or ZERO for part in self.parts], Decimal("0.001"))

    def size(self, part: Slice) -> Decimal:
        return part.time if self.in_hours else part.amount

    def name(self, part: Slice) -> str:
        """Without a cost, active time has no busy part beside it."""
        return "Active" if self.in_hours and part.part.key == "active" else part.part.name


def bar(whole: Whole) -> str:
    """The bar alone; what it shows is in the table."""
    tips = [f"{whole.name(p)}: {percent(share)}" for p, share in zip(whole.parts, whole.shares, strict=True)]
    pieces = "".join(
        f'<i class="cl-p-{part.part.key}" data-tip="{escape(tip)}" style="flex-grow:{whole.size(part):f}"></i>'
        for part, tip in zip(whole.parts, tips, strict=True)
        if whole.size(part) > 0
    )
    said = f"Parts of the {'time' if whole.in_hours else 'cost'}: {', '.join(tips)}"
    return f'<div class="cl-partition" role="img" aria-label="{escape(said)}">{pieces}</div>'


def key(whole: Whole) -> str:
    """What the kinds of parts come to: the bar in a few words."""
    found = ""
    for kind, name in (KINDS | {"partly": "Active"} if whole.in_hours else KINDS).items():
        mine = [part for part in whole.parts if part.part.kind == kind]
        size = sum((whole.size(part) for part in mine), ZERO)
        if size:
            swatches = "".join(swatch(part.part.key) for part in mine)
            found += f"<li>{swatches}<b>{name}</b> <span>{percent(ratio(size, whole.total))}</span></li>"
    return f'<ul class="cl-key">{found}</ul>'


def sheet(whole: Whole, currency: str | None) -> str:
    """The table: cents and tenths of a percent are rounded so that they add up too."""
    cost, seconds = whole.totals["cost"], whole.totals["device_seconds"]
    cents = parts_of([part.amount for part in whole.parts])
    lines = [
        Line((_name(whole, part), _hours(part), _cost(part, cent, currency), percent(share)))
        for part, cent, share in zip(whole.parts, cents, whole.shares, strict=True)
    ]
    last = (
        "Total" + extra(whole.totals["unpriced_seconds"]),
        total("partition_hours", seconds, hours(seconds, "")),
        total("partition_total", cost, money(cost, currency)),
        percent(Decimal(1)),
    )
    return table("Parts of the cost", COLUMNS, [*lines, Line(last, "total")])


def _name(whole: Whole, part: Slice) -> str:
    meaning = "held and at work" if whole.name(part) == "Active" else part.part.meaning
    return f'{swatch(part.part.key)}{escape(whole.name(part))}<span class="cl-meaning">{escape(meaning)}</span>'


def _hours(part: Slice) -> str:
    if part.part.key == "used":
        return '<span class="cl-mute">in the next row</span>'
    return total(f"part_hours_{part.part.key}", part.seconds, hours(part.seconds, ""))


def _cost(part: Slice, cent: Decimal, currency: str | None) -> str:
    return total(f"part_{part.part.key}", part.cost, money(None if part.cost is None else cent, currency))
