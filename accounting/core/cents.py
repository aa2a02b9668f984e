"""Whole cents by largest remainder: parts add up to the rounded whole, and no order of the rows matters."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


def cents(amount: Decimal) -> int:
    """The amount in whole cents, half to even."""
    return int((amount / CENT).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def in_cents(parts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Each part in whole cents: their sum is the half-even cents of the parts' exact sum.

    Every part is first floored; the cents that are left go to the largest remainders, of equal ones to the first key.
    """
    exact = {key: part / CENT for key, part in parts.items()}
    floors = {key: int(part // 1 if part == part // 1 or part > 0 else part // 1 - 1) for key, part in exact.items()}
    left = cents(sum(parts.values(), Decimal(0))) - sum(floors.values())
    order = sorted(exact, key=lambda key: (floors[key] - exact[key], key))
    return {key: (floors[key] + (key in order[:left])) * CENT for key in parts}
