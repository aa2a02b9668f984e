"""What an accelerator of one's own costs per hour: the parts of a node's total cost of ownership, exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from accounting.core.rounding import NANO

HOURS = 8_760
"""Of a year: 365 days, whatever the year."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: money in one currency, percents of `capex`, `*_per_year` and `kw_it` of the whole node.

    `power_per_kwh` is None where `colo_per_kw_month` pays for power, and the other way round.
    """

    accelerators: int
    capex: Decimal
    years: Decimal
    network_storage_percent: Decimal
    spares_percent: Decimal
    residual: Decimal
    kw_it: Decimal
    load: Decimal
    pue: Decimal
    price_per_kwh: Decimal | None
    colo_per_kw_month: Decimal | None
    support_percent: Decimal
    staff_per_year: Decimal
    space_per_year: Decimal


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the reckoning: what it is, how it is reckoned, of the node and year, exact."""

    name: str
    how: str
    per_year: Fraction


@dataclass(frozen=True, slots=True)
class Reckoning:
    """The parts of a node's cost, and what one of its accelerators costs for each hour of the year, used or not."""

    parts: tuple[Part, ...]
    accelerators: int

    @property
    def per_year(self) -> Fraction:
        return sum((part.per_year for part in self.parts), Fraction(0))

    def hourly(self, per_year: Fraction) -> Decimal:
        """Of one accelerator and hour, rounded once."""
        return nano(per_year / (self.accelerators * HOURS))


def reckon(node: Node) -> Reckoning:
    """Straight-line capital, power or colocation, support, staff, space; over all hours, so that idle is not hidden."""
    return Reckoning(tuple(_parts(node)), node.accelerators)


def nano(amount: Fraction) -> Decimal:
    """Half-even to one nano-unit."""
    return Decimal(round(amount * NANO)).scaleb(-9)


def said(amount: Decimal) -> str:
    """A number as people write it: thousands grouped, no more digits than it has."""
    text = f"{amount:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _parts(node: Node) -> Iterator[Part]:
    capex, added = Fraction(node.capex), node.network_storage_percent + node.spares_percent
    yield Part(
        "capital",
        f"({said(node.capex)} × (1 + {said(added)} %) - {said(node.residual)}) ÷ {said(node.years)} years",
        (capex * (1 + Fraction(added) / 100) - Fraction(node.residual)) / Fraction(node.years),
    )
    if node.price_per_kwh is not None:
        yield Part(
            "power",
            f"{said(node.kw_it)} kW × {said(node.load)} load × {said(node.pue)} PUE × {HOURS:,} h"
            f" × {said(node.price_per_kwh)} a kWh",
            Fraction(node.kw_it) * Fraction(node.load) * Fraction(node.pue) * HOURS * Fraction(node.price_per_kwh),
        )
    if node.colo_per_kw_month is not None:
        yield Part(
            "colocation",
            f"{said(node.kw_it)} kW × {said(node.colo_per_kw_month)} a kW and month × 12",
            Fraction(node.kw_it) * Fraction(node.colo_per_kw_month) * 12,
        )
    yield Part(
        "support",
        f"{said(node.support_percent)} % × {said(node.capex)}",
        Fraction(node.support_percent) / 100 * capex,
    )
    yield Part("staff", f"{said(node.staff_per_year)} a year", Fraction(node.staff_per_year))
    yield Part("space", f"{said(node.space_per_year)} a year", Fraction(node.space_per_year))
