from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import amounts


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        (Decimal("12345.675"), "USD", "$12,345.68"),
        (Decimal("12345.67"), "EUR", "12,345.67 EUR"),
        (Decimal(-5), "USD", "\u2212$5.00"),
        (Decimal("-0.001"), "USD", "$0.00"),
        (Decimal(0), "USD", "$0.00"),
        (Decimal(1), None, "1.00"),
        (None, "USD", "–"),
    ],
)
def test_money(amount: Decimal | None, currency: str | None, said: str) -> None:
    assert amounts.money(amount, currency) == said


def test_hours_have_one_decimal() -> None:
    assert amounts.hours(Decimal(3600 * 1500)) == "1,500.0 h"
    assert amounts.hours(Decimal(180), "") == "0.1"
    assert amounts.hours(None) == "–"


def test_shares() -> None:
    assert amounts.percent(Decimal("0.4216")) == "42.2%"
    assert amounts.percent(Decimal("0.0001")) == "<0.1%"
    assert amounts.percent(Decimal(0)) == "0.0%"
    assert amounts.percent(None) == "–"
    assert amounts.ratio(Decimal(1), None) is None
    assert amounts.ratio(Decimal(1), Decimal(0)) is None
    assert amounts.ratio(None, Decimal(4)) is None
    assert amounts.ratio(Decimal(1), Decimal(4)) == Decimal("0.25")


def test_changes() -> None:
    assert amounts.change(Decimal(11), Decimal(10)) == Decimal("0.1")
    assert amounts.change(Decimal(11), Decimal(0)) is None
    assert amounts.change(None, Decimal(1)) is None
    assert amounts.signed_percent(Decimal("0.034")) == "+3.4%"
    assert amounts.signed_percent(Decimal("-0.034")) == "\u22123.4%"
    assert amounts.signed_points(Decimal("0.012")) == "+1.2 pt"
    assert amounts.signed_money(Decimal(120), "USD") == "+$120.00"
    assert amounts.signed_money(Decimal(-120), "USD") == "\u2212$120.00"


def test_axes() -> None:
    assert amounts.short_money(Decimal(12500), "USD") == "$12.5k"
    assert amounts.short_money(Decimal(0), "EUR") == "0 EUR"
    assert amounts.short_hours(Decimal(3_600_000)) == "1k h"
    assert amounts.short_hours(Decimal(3600 * 250)) == "250 h"


def test_unpriced_hours_are_said_or_nothing() -> None:
    assert amounts.unpriced(Decimal(43200)) == "+ 12.0 unpriced hours"
    assert amounts.unpriced(Decimal(0)) == ""
    assert amounts.unpriced(None) == ""


@given(st.lists(st.decimals(0, 10**9, places=9), max_size=12))
def test_rounded_parts_add_up(parts: list[Decimal]) -> None:
    cents = amounts.parts_of(parts)

    assert sum(cents, Decimal(0)) == sum(parts, Decimal(0)).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert all(abs(cent - part) < Decimal("0.01") for cent, part in zip(cents, parts, strict=True))


def test_days() -> None:
    assert amounts.days(date(2026, 11, 3), date(2026, 11, 16)) == "Nov 3 – Nov 16, 2026"
    assert amounts.days(date(2026, 12, 31), date(2027, 1, 1)) == "Dec 31, 2026 – Jan 1, 2027"
    assert amounts.days(date(2026, 12, 31), date(2026, 12, 31)) == "Dec 31, 2026"
    assert amounts.month("2026-11") == "November 2026"


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5, minutes=59), "5 hours ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_age(passed: timedelta, said: str) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert amounts.age(now, now - passed) == said
