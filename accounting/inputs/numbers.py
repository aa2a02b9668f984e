"""Numbers of foreign files, exactly."""

from __future__ import annotations

import polars as pl

EXACT = pl.Decimal(38, 9)


def decimals(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Decimal with nine places; NULL where the value is none, or is not a finite number."""
    if dtype == pl.String:
        return value.str.strip_chars().cast(EXACT, strict=False)
    if dtype.is_float():
        return pl.when(value.is_finite()).then(value).cast(EXACT, strict=False)
    if dtype.is_numeric():
        return value.cast(EXACT, strict=False)
    return pl.lit(None, dtype=EXACT)


def scaled(value: pl.Expr, factor: int) -> pl.Expr:
    """`value × factor` as an integer, half-even; NULL where it is too big for one."""
    limit = pl.lit((1 << 63) // factor - 1, EXACT)
    held = pl.when(value.is_between(-limit, limit)).then(value)
    return (held * factor).round(0, mode="half_to_even").cast(pl.Int64, strict=False)


def integers(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Int64; NULL where the value is none, or is not a whole number."""
    exact = decimals(value, dtype)
    return pl.when(exact == exact.floor()).then(exact).cast(pl.Int64, strict=False)
