"""Amounts divided among teams: whole nano-units that add up, by cumulative rounding in order of names."""

from __future__ import annotations

from collections.abc import Mapping


def shares(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """The part of each name that has a weight; empty where nobody has one. Weights are not below zero."""
    total = sum(weights.values())
    parts: dict[str, int] = {}
    before = until = 0
    for name in sorted(name for name, weight in weights.items() if weight):
        until += weights[name]
        parts[name] = nearest(amount * until, total) - nearest(amount * before, total)
        before = until
    return parts


def nearest(dividend: int, divisor: int) -> int:
    """The quotient half to even; the divisor is above zero."""
    quotient, rest = divmod(dividend, divisor)
    return quotient + (rest * 2 > divisor or (rest * 2 == divisor and quotient % 2 == 1))
