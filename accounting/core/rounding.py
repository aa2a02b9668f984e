"""Exact integer division and splitting: parts always add up to the whole."""

from __future__ import annotations

import polars as pl

MS_PER_HOUR = 3_600_000
NANO = 1_000_000_000


def half_even(dividend: pl.Expr, divisor: int | pl.Expr) -> pl.Expr:
    """`dividend / divisor` as an integer, ties to even. Exact for negative dividends too; the divisor is positive."""
    quotient, rest = dividend // divisor, dividend % divisor
    up = (rest * 2 > divisor) | ((rest * 2 == divisor) & (quotient % 2 != 0))
    return quotient + up.cast(pl.Int64)


def cumulative(part: pl.Expr, divisor: int | pl.Expr, over: list[str]) -> pl.Expr:
    """Each row's share in units of `divisor`: in row order, the shares of a group add up to its rounded total."""
    total = part.cum_sum().over(over)
    return half_even(total, divisor) - half_even(total - part, divisor)


def cost_nano(ms: pl.Expr, price_nano: pl.Expr, over: list[str]) -> pl.Expr:
    """Cost in nano-units of `ms` device-milliseconds at a price per hour, by cumulative rounding in row order."""
    total = ms.cum_sum().over(over).cast(pl.Int128)
    price = price_nano.cast(pl.Int128)
    until, before = half_even(total * price, MS_PER_HOUR), half_even((total - ms) * price, MS_PER_HOUR)
    return (until - before).cast(pl.Int64)


def proportion(value: pl.Expr, numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    """`value * numerator / denominator`, half-even, without overflow of the product."""
    wide = value.cast(pl.Int128) * numerator.cast(pl.Int128)
    return half_even(wide, denominator.cast(pl.Int128)).cast(pl.Int64)


def to_seconds(ms: pl.Expr) -> pl.Expr:
    """Milliseconds (or millijoules) as NUMERIC with three decimals."""
    return (ms.cast(pl.Decimal(38, 3)) / 1000).cast(pl.Decimal(18, 3))


def to_money(nano: pl.Expr) -> pl.Expr:
    """Nano-units as NUMERIC(38, 9)."""
    return (nano.cast(pl.Decimal(38, 9)) / NANO).cast(pl.Decimal(38, 9))
