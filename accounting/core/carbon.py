"""What energy weighs: grams of CO2e by the grid's factor of the region and day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from accounting.core.rounding import half_even

MILLIGRAMS = 3_600_000_000_000
"""Millijoules of a kilowatt-hour times a million (factors are in millionths) over the milligrams of a gram."""


@dataclass(frozen=True, slots=True)
class Factor:
    """From a day (UTC) until the next of its region: grams of CO2e of a kWh, and what reaches the grid's meter of one.

    `region` None: wherever no other factor holds. `pue` is the site's power over that of its machines.
    """

    region: str | None
    start: date
    grams: Decimal
    pue: Decimal

    @property
    def millionths(self) -> int:
        return int(self.grams * self.pue * 1_000_000)


Grid = tuple[Factor, ...]


def in_force(grid: Grid, region: str | None, day: date) -> Factor | None:
    """The latest of the region that has begun, else the latest of everywhere."""
    begun = [one for one in grid if one.start <= day]
    for where in (region, None):
        mine = [one for one in begun if one.region == where]
        if mine:
            return max(mine, key=lambda one: one.start)
    return None


def standing(grid: Grid, day: date) -> Grid:
    """All that hold somewhere on a day."""
    regions: Iterable[str | None] = dict.fromkeys(one.region for one in grid)
    return tuple(one for region in regions if (one := in_force(grid, region, day)) and one.region == region)


def co2e(rows: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """`rows` (region; hour in ms; energy in mJ, NULL where none was read) with `co2e_mg`, NULL without a factor."""
    day = pl.col("hour").cast(pl.Datetime("ms")).dt.date()
    keys = rows.select("region", _day=day).unique()
    found = [in_force(grid, region, on) for region, on in keys.iter_rows()]
    factors = pl.Series("_factor", [one and one.millionths for one in found], dtype=pl.Int64)
    dated = rows.with_columns(_day=day).join(
        keys.with_columns(factors), on=["region", "_day"], how="left", nulls_equal=True, maintain_order="left"
    )
    wide = pl.col("energy").cast(pl.Int128) * pl.col("_factor").cast(pl.Int128)
    return dated.with_columns(co2e_mg=half_even(wide, MILLIGRAMS).cast(pl.Int64)).drop("_day", "_factor")
