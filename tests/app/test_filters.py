from __future__ import annotations

from datetime import date

import pytest

from app.filters import CUSTOM, USUAL, Bill, Filter, Scope, address, period, periods, refused

LAST = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("chosen", "custom", "expected"),
    [
        (USUAL, (), (date(2026, 11, 10), LAST)),
        ("last 7 days", (), (date(2026, 11, 17), LAST)),
        ("2026-02", (), (date(2026, 2, 1), date(2026, 2, 28))),
        (CUSTOM, (date(2026, 1, 1), date(2026, 1, 2)), (date(2026, 1, 1), date(2026, 1, 2))),
        (CUSTOM, (date(2026, 1, 1),), (date(2026, 1, 1), date(2026, 1, 1))),
        (CUSTOM, (), (date(2026, 11, 10), LAST)),
    ],
)
def test_periods(chosen: str, custom: tuple[date, ...], expected: tuple[date, date]) -> None:
    assert period(chosen, custom, LAST) == expected


def test_what_can_be_chosen() -> None:
    assert periods(["2026-10", "2026-11"])[-3:] == ["2026-11", "2026-10", CUSTOM]


def test_the_days_before() -> None:
    chosen = Filter(date(2026, 11, 1), date(2026, 11, 30), Scope(team="a"))

    assert chosen.upto(LAST).before == Filter(date(2026, 10, 9), date(2026, 10, 31), Scope(team="a"))
    assert chosen.length == 30
    assert chosen.parameters == {
        "from": date(2026, 11, 1),
        "to": date(2026, 11, 30),
        "cluster": None,
        "team": "a",
        "accelerator": None,
    }


@pytest.mark.parametrize(("month", "before"), [("2026-11", "2026-10"), ("2026-01", "2025-12"), ("2026-12", "2026-11")])
def test_the_month_before(month: str, before: str) -> None:
    assert Bill(month).before.month == before


def test_filters_are_keys() -> None:
    assert len({Filter(LAST, LAST), Filter(LAST, LAST, Scope()), Filter(LAST, LAST, Scope("x"))}) == 2


def test_addresses() -> None:
    assert address("idle", {"team": "a & b", "cluster": None}) == "./idle?team=a+%26+b"
    assert address("idle", {}) == "./idle"


def test_what_the_address_asked_for_in_vain() -> None:
    choices = {"month": ["2026-11"], "cluster": ["east"], "team": [], "accelerator": []}

    assert refused(choices, {"cluster": "east", "month": "2026-11", "period": USUAL, "unit": "Hours"}) == []
    assert refused(choices, {"cluster": "west", "month": "x", "period": "y"}) == [
        "There is no cluster “west”: all clusters are shown.",
        "There is no month “x”: November 2026 is shown.",
        "There is no period “y”: last 14 days are shown.",
    ]
