"""Of all that is told of a queue at an instant one level counts, in whatever order and pieces it came."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from accounting.core.partition import QUOTAS
from accounting.inputs.quoted import levels

LAST = 12


class Row(NamedTuple):
    queue: str
    flavor: str
    accelerator: str
    cohort: str | None
    rank: int
    nominal_ppm: int
    used_ppm: int
    start_ms: int
    until_ms: int


AMOUNT = st.integers(0, 2)
ROW = st.builds(
    lambda queue, flavor, accelerator, cohort, rank, nominal, used, start, length: Row(
        queue, flavor, accelerator, cohort, rank, nominal, used, start, min(start + length, LAST)
    ),
    *(st.sampled_from("ab"), st.sampled_from("fg"), st.sampled_from("hi"), st.sampled_from([None, "x", "y"])),
    *(st.integers(0, 2), AMOUNT, AMOUNT, st.integers(0, LAST - 1), st.integers(1, 5)),
)
Instant = tuple[tuple[str, str, str], int]


def frame(rows: list[Row]) -> pl.DataFrame:
    texts = dict.fromkeys(("queue", "flavor", "accelerator", "cohort"), pl.String)
    return pl.DataFrame(rows, schema={n: texts.get(n, pl.Int64) for n in Row._fields}, orient="row")


def expected(rows: list[Row]) -> dict[Instant, tuple[str | None, int, int]]:
    """What counts at each instant: the best by rank, then by the most quota and use, then by cohort."""
    found: dict[Instant, Row] = {}
    for row in rows:
        for at in range(row.start_ms, row.until_ms):
            found[row[:3], at] = min(found.get((row[:3], at), row), row, key=goodness)
    return {instant: (row.cohort, row.nominal_ppm, row.used_ppm) for instant, row in found.items()}


def goodness(row: Row) -> tuple[int, int, int, bool, str]:
    return row.rank, -row.nominal_ppm, -row.used_ppm, row.cohort is None, row.cohort or ""


def instants(found: pl.DataFrame) -> dict[Instant, tuple[str | None, int, int]]:
    """QUOTAS by instant; no instant of a queue, flavor and accelerator is in two rows."""
    told: dict[Instant, tuple[str | None, int, int]] = {}
    for queue, cohort, flavor, accelerator, start, end, nominal, used in found.iter_rows():
        for at in range(start, end):
            assert told.setdefault(((queue, flavor, accelerator), at), (cohort, nominal, used)) is not None
    assert len(told) == sum((found["end_ms"] - found["start_ms"]).to_list())
    return told


@given(st.lists(ROW, max_size=12))
def test_at_each_instant_the_best_of_what_is_told_counts(rows: list[Row]) -> None:
    found = levels(frame(rows))

    assert found.schema == QUOTAS
    assert instants(found) == expected(rows)


@given(st.lists(ROW, max_size=8), st.data())
def test_rows_are_free_of_order_division_and_repetition(rows: list[Row], data: st.DataObject) -> None:
    cut: list[Row] = []
    for row in rows:
        middle = data.draw(st.integers(row.start_ms, row.until_ms))
        cut += [row._replace(until_ms=middle), row._replace(start_ms=middle), row._replace(until_ms=middle)]
    again = [row for row in cut if row.start_ms < row.until_ms] + rows[:2]

    assert levels(frame(data.draw(st.permutations(again)))).equals(levels(frame(rows)))


def test_levels_that_touch_and_say_the_same_are_one() -> None:
    one = Row("a", "f", "h", None, 1, 4, 5, 0, 3)
    parts = [one, one._replace(start_ms=3, until_ms=6), one._replace(start_ms=7, until_ms=9, cohort="x")]

    assert levels(frame(parts)).select("cohort", "start_ms", "end_ms").rows() == [(None, 0, 6), ("x", 7, 9)]
