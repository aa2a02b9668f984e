from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.inputs.times import Clock, Unit, durations, instants, to_ms
from tests.inputs.conftest import Desk

NEW_YORK = Clock("America/New_York")
NEW_YEAR = 1_735_689_600_000


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-01",
        "2025/01/01",
        "2025-01-01 00:00",
        "2025-01-01T00:00:00",
        "2025/01/01 00:00:00",
        "2025-01-01 00:00:00.000999999",
        "2025-01-01T00:00:00Z",
        "2025-01-01T01:30:00+01:30",
        "2025-01-01 01:00:00+01",
        "2024-12-31T19:00:00.000-0500",
        "2025-01-01 00:00:00 UTC",
        " 2025-01-01T00:00:00 ",
        "1735689600",
        "1735689600.0009",
    ],
)
def test_texts_that_are_new_year(text: str) -> None:
    assert to_ms(text, Clock()) == NEW_YEAR


@pytest.mark.parametrize(
    "text", ["", "now", "2025-13-01", "2025-02-30", "2025-01-01T25:00:00", "01/02/2025", "1e40", "9" * 18, "NaN"]
)
def test_texts_that_are_no_time(text: str) -> None:
    assert to_ms(text, Clock()) is None


@pytest.mark.parametrize(("unit", "count"), [("s", 3), ("ms", 3_000), ("us", 3_000_000), ("ns", 3_000_000_000)])
def test_counts_start_at_the_origin(unit: Unit, count: int) -> None:
    clock = Clock(unit=unit, origin=NEW_YEAR)
    frame = pl.DataFrame({"text": [str(count)], "whole": [count], "real": [float(count)]})
    found = frame.select(instants(pl.col(c), frame.schema[c], clock) for c in frame.columns)
    assert found.row(0) == (NEW_YEAR + 3_000,) * 3


@given(st.integers(-10_000_000_000, 200_000_000_000))
def test_every_millisecond_comes_back(ms: int) -> None:
    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03}"
    assert to_ms(text, Clock()) == ms
    assert to_ms(text + "Z", NEW_YORK) == ms


def test_mixed_texts_in_one_column() -> None:
    texts = ["1735689600", None, "2025-01-01", "x", "2025-01-01T00:00:00Z"]
    frame = pl.DataFrame({"t": texts}).select(instants(pl.col("t"), pl.String(), Clock()))
    assert frame["t"].to_list() == [NEW_YEAR, None, NEW_YEAR, None, NEW_YEAR]


@pytest.mark.parametrize(
    ("text", "ms"),
    [("90", 90_000), ("0.0015", 1), ("1-00:00:01", 86_401_000), ("00:00:24.5", 24_500), ("x", None), ("1:2", None)],
)
def test_durations(text: str, ms: int | None) -> None:
    assert pl.DataFrame({"d": [text]}).select(durations(pl.col("d"), pl.String(), "s")).item() == ms


MAP = """
[time]
zone = "America/New_York"
[columns]
workload_id = "id"
accelerator = "'x'"
quantity = 1
start = "s"
end = "e"
"""


def test_local_times_around_the_changes_of_the_clock(desk: Desk) -> None:
    rows = [
        "night,2024-11-03 00:30:00,2024-11-03 01:30:00",  # the earlier 01:30
        "again,2024-11-03 01:45:00,2024-11-03 01:15:00",  # the later 01:15: the earlier lies before the start
        "long,2024-11-03 00:30:00,2024-11-03 02:30:00",
        "gap,2024-03-10 02:30:00,2024-03-10 04:00:00",
        "over,2024-03-10 01:30:00,2024-03-10 03:30:00",
        "zulu,2024-03-10T02:30:00Z,2024-03-10T03:30:00Z",
    ]
    desk.bring("jobs", "id,s,e\n" + "\n".join(rows) + "\n", MAP)

    hours = desk.taken("jobs").select("workload_id", (pl.col("end_ms") - pl.col("start_ms")) // 60_000).rows()
    assert hours == [("night", 60), ("again", 30), ("long", 180), ("over", 60), ("zulu", 60)]
    assert desk.rejected() == [(4, "start", "start: '2024-03-10 02:30:00' is not a time in America/New_York")]


def test_a_window_does_not_hide_what_is_no_time(desk: Desk) -> None:
    mapping = (
        "[time]\nwindow_start = 2025-01-01T00:00:00Z\nwindow_end = 2025-01-02T00:00:00Z\n"
        "[columns]\nworkload_id = 'id'\naccelerator = \"'x'\"\nquantity = 1\nstart = 's'\nend = 'e'\n"
    )
    outcome = desk.bring("jobs", "id,s,e\na,noon,2025-01-01T05:00:00\nb,2025-01-01,never\nc,,\n", mapping)

    assert desk.taken("jobs")["workload_id"].to_list() == ["c"]
    assert sorted(outcome.reasons) == [("end is not a time", 1), ("start is not a time", 1)]


@pytest.mark.parametrize(
    ("whole", "lengths"),
    [
        ("2025-01-31T11:45:36", [10, 16, 19]),
        ("2025/01/31 11:45:36.789", [10, 11, 16, 19, 21, 22, 23]),
        ("2025-01-31T11:45:36+05:30", [10, 16, 19, 22, 25]),
    ],
)
def test_a_time_that_was_cut_inside_a_field_is_none(whole: str, lengths: list[int]) -> None:
    read = [n for n in range(len(whole) + 1) if to_ms(whole[:n], Clock()) is not None and n > 4]
    assert read == lengths


@pytest.mark.parametrize("text", ["2025-1-31", "2025-01-31T1:45", "2025-01-31 11:5:36", "2025-01-31T 1:45:36"])
def test_fields_have_two_digits(text: str) -> None:
    assert to_ms(text, Clock()) is None
