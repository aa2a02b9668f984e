"""Why a month's cost differs from that of the month before: quantity, price, mix, and lines without hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from accounting.core.cents import in_cents

NANO = Decimal("1e-9")
Sku = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spent:
    """Hours of a SKU in a month and what they cost."""

    hours: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """Parts of a difference between two months; they add up to it exactly.

    - quantity: more or fewer hours, at the mean cost of an hour of the month before
    - price: this month's hours of each SKU, times how much an hour of it costs more now
    - mix: this month's hours being of dearer or cheaper SKUs than those of the month before; new SKUs are in here
    - other: corrections, credits and whatever else is not hours of this month
    """

    quantity: Decimal
    price: Decimal
    mix: Decimal
    other: Decimal


def movement(before: Mapping[Sku, Spent], now: Mapping[Sku, Spent], other: Decimal) -> Movement:
    """Exact to the nano-unit; `other` is the difference of what is not hours of a SKU."""
    hours = [sum((one.hours for one in month.values()), Decimal(0)) for month in (before, now)]
    costs = [sum((one.cost for one in month.values()), Decimal(0)) for month in (before, now)]
    with localcontext() as context:
        context.prec = 60
        quantity = (hours[1] - hours[0]) * (costs[0] / hours[0]) if hours[0] else costs[1]
        known = {sku: before[sku] for sku in now if sku in before and before[sku].hours}
        price = sum((now[sku].cost - now[sku].hours * (old.cost / old.hours) for sku, old in known.items()), Decimal(0))
        quantity, price = (part.quantize(NANO, ROUND_HALF_EVEN) for part in (quantity, price))
    return Movement(quantity, price, costs[1] - costs[0] - quantity - price, other)


def told(parts: Movement, difference: Decimal) -> Movement:
    """The parts in whole cents, adding up to a `difference` of two rounded amounts.

    What those were rounded by beyond the parts' own sum, at most a cent, is in the largest part.
    """
    names = ("quantity", "price", "mix", "other")
    rounded = in_cents({name: getattr(parts, name) for name in names})
    largest = max(names, key=lambda name: abs(rounded[name]))
    rounded[largest] += difference - sum(rounded.values())
    return Movement(**rounded)
