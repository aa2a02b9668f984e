"""What energy emits: by the factor of its region and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.core.carbon import Factor, Grid, co2e, in_force, standing

EVERYWHERE = Factor(None, date(2025, 1, 1), Decimal(480), Decimal(1))
WEST = Factor("west", date(2025, 1, 2), Decimal("413.5"), Decimal("1.1"))
LATER = Factor("west", date(2025, 1, 3), Decimal(300), Decimal(1))
GRID: Grid = (EVERYWHERE, WEST, LATER)
HOUR = 3_600_000
KWH = 3_600_000_000
"""Millijoules of a kilowatt-hour."""


def emitted(*rows: tuple[str | None, date, int | None], grid: Grid = GRID) -> list[int | None]:
    days = [
        (region, (day.toordinal() - date(1970, 1, 1).toordinal()) * 24 * HOUR, energy) for region, day, energy in rows
    ]
    schema = {"region": pl.String, "hour": pl.Int64, "energy": pl.Int64}
    return co2e(pl.DataFrame(days, schema=schema, orient="row"), grid)["co2e_mg"].to_list()


def test_a_kilowatt_hour_emits_what_the_factor_of_its_region_and_day_says() -> None:
    assert emitted(
        ("west", date(2025, 1, 1), KWH),
        ("west", date(2025, 1, 2), KWH),
        ("west", date(2025, 1, 3), 2 * KWH),
        ("east", date(2025, 1, 3), KWH),
        (None, date(2025, 1, 3), KWH),
    ) == [480_000, 454_850, 600_000, 480_000, 480_000]


def test_without_a_factor_or_energy_nothing_is_known() -> None:
    assert emitted(("west", date(2024, 12, 31), KWH), ("west", date(2025, 1, 2), None)) == [None, None]
    assert emitted(("west", date(2025, 1, 2), KWH), grid=()) == [None]


@given(st.lists(st.integers(0, 10**15), max_size=5))
def test_parts_emit_what_the_whole_does(parts: list[int]) -> None:
    """To the milligram of each part, and however much it is."""
    (whole,) = emitted(("west", date(2025, 1, 2), sum(parts)))
    some = emitted(*(("west", date(2025, 1, 2), part) for part in parts))

    assert whole is not None
    assert abs(whole - sum(one or 0 for one in some)) <= len(parts) / 2 + 1


@pytest.mark.parametrize("day", [date(2024, 6, 1), date(2025, 1, 1), date(2025, 1, 2), date(2025, 2, 1)])
@pytest.mark.parametrize("region", ["west", "east", None])
def test_what_stands_on_a_day_is_all_that_counts_on_it(region: str | None, day: date) -> None:
    assert in_force(standing(GRID, day), region, day) == in_force(GRID, region, day)
