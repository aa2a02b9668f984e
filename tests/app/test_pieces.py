"""Pieces of pages: unknown is hatched or a dash, never 0; what comes from the data is escaped."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from app.partition import PARTS, slices
from app.pieces import heat, notices, reasons, statement, tables, trend, waste
from app.pieces.figures import Card, cards, points, relative, total

D = Decimal
EVIL = "<b onclick=x>'\"&"


def part(name: str, cost: str | None, seconds: int | None = 3600) -> dict[str, Any]:
    return {
        "part": name,
        "cost": None if cost is None else D(cost),
        "device_seconds": None if seconds is None else D(seconds),
        "unpriced_seconds": D(0),
    }


def test_a_total_carries_its_exact_value() -> None:
    assert total("cost", D("1.234567890"), "$1.23") == ('<span data-total="cost" data-exact="1.234567890">$1.23</span>')
    assert 'data-exact=""' in total("cost", None, "–")


def test_data_is_escaped() -> None:
    html = (
        cards([Card(EVIL, EVIL, None, EVIL, EVIL, EVIL)])
        + tables.table(EVIL, (tables.Column(EVIL, help=EVIL),), [tables.Line((tables.text(EVIL),))])
        + tables.two(EVIL, EVIL)
        + tables.beside(EVIL, EVIL)
        + tables.link(EVIL, EVIL)
        + notices.notice(EVIL, EVIL, EVIL)
        + notices.state(EVIL, EVIL, EVIL, (EVIL,))
        + notices.asked({EVIL: EVIL})
        + notices.basis([EVIL])
    )

    assert "<b onclick" not in html
    assert "'\"&" not in html


def test_the_bar_hatches_what_is_unknown() -> None:
    parts = slices([part("used", "1", None), part("active", "2"), part("unobserved", "1")])
    html = waste.bar(waste.Whole(parts, {"cost": D(4)}))

    sizes = re.findall(r"cl-p-(\w+).*?flex-grow:([\d.]+)", html)
    assert sizes == [("used", "1"), ("active", "2"), ("unobserved", "1")]
    assert "Held, not observed: 25.0%" in html


def test_displayed_cents_and_shares_add_up() -> None:
    parts = slices([part(p.key, "33.333333333") for p in PARTS])
    whole = D("33.333333333") * len(PARTS)
    totals = {"cost": whole, "device_seconds": D(0), "unpriced_seconds": D(0)}
    html = waste.sheet(waste.Whole(parts, totals), "USD")
    cents = [D(text) for text in re.findall(r">\$([\d.]+)<", html)]
    shares = [D(text) for text in re.findall(r">([\d.]+)%<", html)]

    assert sum(cents[:-1]) == cents[-1] == D("400.00")
    assert sum(shares[:-1]) == shares[-1] == D("100.0")


def test_an_unpriced_part_is_a_dash() -> None:
    parts = slices([part("idle", None)])
    totals = {"cost": None, "device_seconds": D(3600), "unpriced_seconds": D(3600)}
    html = waste.sheet(waste.Whole(parts, totals), "USD")

    assert 'data-total="part_idle" data-exact="">–<' in html
    assert "+ 1.0 unpriced hours" in html
    assert "$0.00" not in html
    assert "Held idle: 100.0%" in waste.bar(waste.Whole(parts, totals))


def test_a_part_that_is_not_drawn_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="not drawn"):
        slices([part("new", "1")])


def test_changes_are_good_or_bad_by_what_is_meant() -> None:
    up = relative(D(2), D(1), "vs x")
    waste_up = points(D("0.5"), D("0.4"), "vs x", good="down")
    busy_up = points(D("0.5"), D("0.4"), "vs x", good="up")

    assert up is not None
    assert (up.text, up.tone) == ("+100.0%", "plain")
    assert waste_up is not None
    assert waste_up.tone == "bad"
    assert busy_up is not None
    assert busy_up.tone == "good"
    assert relative(D(2), None, "") is None
    assert points(None, D(1), "") is None


def test_the_heat_map_tells_unknown_from_none_and_zero() -> None:
    def row(held: int, observed: int | None, idle: int | None) -> dict[str, Any]:
        return {"held_seconds": held, "observed_seconds": observed, "idle_seconds": idle}

    html = heat.heat([(1, "Mon")], {(1, 0): row(1, 4, 1), (1, 1): row(1, None, None), (1, 2): row(1, 4, None)}, "x")
    cells = re.findall(r"<i [^>]*data-tip=[^>]*>", html)

    assert len(cells) == 24
    assert "--heat:25%" in cells[0]
    assert 'class="cl-p-unobserved"' in cells[1]
    assert "unknown" in cells[1]
    assert "--heat:0%" in cells[2]
    assert 'class="cl-none"' in cells[3]


def test_the_trend_is_as_high_as_the_day() -> None:
    one = trend.stack(slices([part("used", "30", None), part("idle", "10")]), in_hours=False)
    two = trend.stack(slices([part("used", "60", None), part("free", "20")]), in_hours=False)
    html = trend.chart({date(2026, 3, 2): one, date(2026, 3, 3): two}, trend.money_scale("USD"), "x")

    assert re.findall(r'cl-stack" style="height:([\d.]+)%', html) == ["50", "100"]
    assert "$80" in html
    assert "Mar 2" in html


def test_hours_have_no_busy_part() -> None:
    parts = slices([part("used", "30", None), part("active", "10", 7200)])

    assert trend.stack(parts, in_hours=True) == {("used", "Active"): D(7200)}


@pytest.mark.parametrize(("highest", "top"), [("0", "4"), ("1", "1"), ("8988", "10000"), ("41", "60"), ("0.3", "0.4")])
def test_axes_end_at_round_figures(highest: str, top: str) -> None:
    assert trend.nice(D(highest)) == D(top)


def test_every_unallocated_state_has_a_reason() -> None:
    from accounting.tables import CHARGE_KINDS, STATES

    free = [state for state in STATES if CHARGE_KINDS[state] == "unallocated"]
    assert {reasons.short(state) for state in free} == set(reasons.REASONS)


FIGURES = ("usage_cost", "idle_cost", "unallocated_cost", "overhead_cost", "adjusted_cost", "cost", "used_cost")


def test_the_statement_shows_overhead_where_there_is_any() -> None:
    row = {"team": "platform", "model": None, "purpose": None, "device_seconds": D(3600), "unpriced_seconds": D(0)}
    some = row | dict.fromkeys(FIGURES, None) | {"overhead_cost": D(7), "cost": D(7)}
    none = some | {"overhead_cost": None}

    def shown(row: dict[str, Any]) -> str:
        table = statement.teams([row], {}, row, {"cost": None}, "USD", lambda team: team, "2026-02")
        return table + statement.models([row], [row], "USD")

    assert shown(some).count("Overhead</th>") == 2
    assert "nobody held or could use" in shown(some)
    assert "Overhead" not in shown(none)
    assert "or could use" not in statement.models([none], [none], "USD")


def test_the_statement_sets_nobodys_rows_apart() -> None:
    figures = dict.fromkeys(FIGURES, D(1)) | {"overhead_cost": None, "adjusted_cost": None}
    row = {"team": "unowned", "device_seconds": D(3600), "unpriced_seconds": D(7200), **figures}
    html = statement.teams([row], {}, row, {"cost": D(2)}, "USD", lambda team: f"./{team}", "2026-02")

    assert '<tr class="cl-apart">' in html
    assert html.count("+ 2.0 unpriced hours") == 2
    assert "vs February 2026" in html


def test_a_statement_without_a_month_before_compares_nothing() -> None:
    figures = dict.fromkeys(FIGURES, D(1)) | {"overhead_cost": None, "adjusted_cost": None}
    row = {"team": "red", "device_seconds": D(3600), "unpriced_seconds": D(0), **figures}
    html = statement.teams([row], {}, row, {"cost": None}, "USD", lambda team: f"./{team}", "2026-02")

    assert "vs February 2026" not in html
