"""One odd date is one bad row: it neither blocks a project nor stretches it over thousands of days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accounting.inventory import Span, spans, take
from tests.inputs.conftest import NOW, Desk

COLUMNS = "[columns]\n" + "".join(f'{c} = "{c}"\n' for c in ("accelerator", "quantity", "start", "end"))
HEAD = "accelerator,quantity,start,end\n"
DAY = 86_400_000
HERE = datetime.fromtimestamp(NOW / 1000, UTC)


def iso(days: float) -> str:
    return f"{HERE + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def found(desk: Desk) -> list[Span]:
    return spans(take(desk.lake, {}), None)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("1960-01-01", "", "start: '1960-01-01' is before 1990"),
        ("1970-01-01", "2025-01-01", "start: '1970-01-01' is before 1990"),
        ("-1", "1", "start: '-1' is before 1990"),
        ("2300-01-01", "", "start: '2300-01-01' is more than 366 days after this import"),
        ("9999-12-31", "", "start: '9999-12-31' is more than 366 days after this import"),
    ],
)
@pytest.mark.parametrize("kind", ["jobs", "capacity"])
def test_times_that_cannot_be_are_rejected(desk: Desk, kind: str, start: str, end: str, reason: str) -> None:
    outcome = desk.bring(kind, HEAD + f"a,1,{start},{end}\nb,1,2025-01-01,2025-01-02\n", COLUMNS)

    assert (outcome.record.rows, outcome.record.rejected) == (1, 1)
    assert [r[2] for r in desk.rejected()] == [reason]
    (span,) = found(desk)
    assert span.watermark - span.first == DAY


@pytest.mark.parametrize("end", ["2036-01-01", iso(366.001)])
def test_a_job_does_not_end_years_ahead_but_capacity_may(desk: Desk, end: str) -> None:
    """It is bought for years, and its end moves nothing before it comes; what ends after 2099 is no plan."""
    rows = HEAD + f"a,1,2025-01-01,{end}\nb,1,2025-01-01,2025-01-02\n"

    assert desk.bring("jobs", rows, COLUMNS).record.rejected == 1
    assert [r[2] for r in desk.rejected()] == [f"end: '{end}' is more than 366 days after this import"]
    assert desk.bring("capacity", rows, COLUMNS, "capacity.csv").record.rejected == 0
    late = desk.bring("capacity", HEAD + "a,1,2025-01-01,2150-01-01\n", COLUMNS, "late.csv")
    assert late.reasons == [("end is after 2099", 1)]


@pytest.mark.parametrize("submitted", ["1969-12-31T23:59:59Z", "2036-01-01"])
def test_a_submission_that_cannot_be_is_rejected(desk: Desk, submitted: str) -> None:
    text = HEAD.replace("end", "end,submitted") + f"a,1,2025-01-01,2025-01-02,{submitted}\n"
    assert desk.bring("jobs", text, COLUMNS + 'submitted = "submitted"\n').record.rejected == 1
    assert desk.rejected()[0][1] == "submitted"


def test_a_duration_that_leads_too_far_is_rejected(desk: Desk) -> None:
    told = COLUMNS.replace('end = "end"', 'duration = "secs"')
    desk.bring("jobs", "accelerator,quantity,start,secs\na,1,2025-01-01,999999999\n", told)
    assert desk.rejected() == [
        (1, "duration", "duration: '999999999' puts the end more than 366 days after this import")
    ]


def test_a_year_ahead_is_taken(desk: Desk) -> None:
    assert desk.bring("jobs", HEAD + f"a,1,1990-01-01,{iso(365.9)}\n", COLUMNS).record.rejected == 0


def test_traces_may_count_from_zero(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,1,0,60\n", COLUMNS)
    assert desk.taken("jobs").select("start_ms", "end_ms").row(0) == (0, 60_000)


@pytest.mark.parametrize("end", ["9999-12-31", "9999-12-31T23:59:59.9999999Z", "9000-01-01T00:00:00Z", "253402300799"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_an_end_without_end_is_open_and_counted(desk: Desk, end: str, zone: str) -> None:
    text = HEAD + f"a,1,2025-01-01,{end}\nb,1,2025-01-02,2025-01-03\n"
    outcome = desk.bring("capacity", text, f'[time]\nzone = "{zone}"\n' + COLUMNS)

    assert outcome.notes == {"end_taken_as_open": 1}
    assert desk.taken("capacity")["end_ms"].to_list()[0] is None
    assert outcome.record.rejected == 0


def test_prices_may_be_dated_far_ahead_and_begin_before_time(desk: Desk) -> None:
    told = '[columns]\naccelerator = "a"\nprice_per_hour = "p"\nstart = "s"\nend = "e"\n'
    text = "a,p,s,e\nx,1,1900-01-01,2050-01-01\nx,2,2050-01-01,9999-12-31\ny,3,2300-01-01,\n"
    outcome = desk.bring("prices", text, told)

    assert outcome.notes == {"end_taken_as_open": 1, "start_taken_as_always": 1}
    assert [r[2] for r in desk.rejected()] == ["start: '2300-01-01' is after 2099"]
    assert desk.taken("prices")["start_ms"].to_list()[0] is None


def test_a_reservation_counts_to_the_watermark_only_until_it_was_imported(desk: Desk) -> None:
    desk.bring("capacity", HEAD + f"a,1,{iso(-2)},{iso(30)}\n", COLUMNS)
    (span,) = found(desk)
    assert span.watermark == NOW


def test_a_reservation_that_is_over_counts_to_its_end(desk: Desk) -> None:
    desk.bring("capacity", HEAD + f"a,1,{iso(-2)},{iso(-1)}\n", COLUMNS)
    (span,) = found(desk)
    assert span.watermark == NOW - DAY
