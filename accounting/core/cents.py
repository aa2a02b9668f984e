"""Whole cents by largest remainder: parts add up to the rounded whole, and no order of the rows matters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TypeVar

CENT = Decimal("0.01")
K = TypeVar("K", bound=Hashable)


def cents(amount: Decimal) -> int:
    """The amount in whole cents, half to even."""
    return int((amount / CENT).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def in_cents(parts: Mapping[K, Decimal], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Each part in whole cents: their sum is `whole`, by default the half-even cents of the parts' exact sum.

    Every part is first floored; the cents that are left go to the largest remainders, of equal ones to the first key.
    `whole` is in whole cents and less than one cent from the exact sum, such as a team's share of its month.
    """
    exact = {key: part / CENT for key, part in parts.items()}
    floors = {key: int(part // 1 if part == part // 1 or part > 0 else part // 1 - 1) for key, part in exact.items()}
    left = cents(sum(parts.values(), Decimal(0)) if whole is None else whole) - sum(floors.values())
    order = sorted(exact, key=lambda key: (floors[key] - exact[key], key))
    raised = set(order[:left])
    return {key: (floors[key] + (key in raised)) * CENT for key in parts}
