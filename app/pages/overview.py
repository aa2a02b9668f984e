"""Overview: what it cost, how well it was used, what was waste, and how that moved."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import amounts, sidebar, states
from app.amounts import NOTHING, hours, money, percent, ratio
from app.filters import Filter, address
from app.partition import by_day, remainder, slices
from app.pieces import trend, waste
from app.pieces.figures import Card, cards, points, relative, total
from app.pieces.notices import heading, notice
from app.pieces.tables import Column, Line, bar, extra, link, swatch, table
from app.source import Row
from app.view import View, asked, basis, days_said

TEAM = "Who bears the cost."
MOST_DAYS = 124
"""More days than this are shown by month."""
KINDS = (
    ("used", "Usage", "usage_cost"),
    ("idle", "Idle", "idle_cost"),
    ("free", "Unallocated", "unallocated_cost"),
    ("unhealthy", "Overhead", "overhead_cost"),
    ("bill", "Adjustments", "adjusted_cost"),
)


def body(view: View, asked_for: dict[str, str]) -> None:
    """The page below its title."""
    chosen = sidebar.days(view, TEAM)
    said = basis(view, days_said(chosen), chosen.scope.said) + states.refusals(view, asked_for)
    totals = view.row("totals", chosen.parameters)
    if totals["device_seconds"] is None:
        st.html(said + states.no_rows(amounts.days(chosen.first, chosen.last), view))
        return
    view.ahead(chosen.parameters, "activity", "parts", f"parts_by_{_step(chosen)}", "teams")
    notices = states.partial(view, chosen) + states.calendar(view, chosen)
    st.html(said + notices + cards(_cards(view, chosen, totals)))
    with st.container(border=True, key="partition"):
        _partition(view, chosen, totals)
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, height="stretch", key="trend"):
        _trend(view, chosen)
    with right, st.container(border=True, height="stretch", key="teams"):
        _teams(view, chosen, totals)


@dataclass(frozen=True, slots=True)
class _Figures:
    """The key figures of some days; all None where nothing is known of them."""

    cost: Decimal | None = None
    seconds: Decimal | None = None
    unpriced: Decimal | None = None
    allocated: Decimal | None = None
    busy: Decimal | None = None
    observed: Decimal | None = None
    waste: Decimal | None = None
    waste_share: Decimal | None = None


def _figures(view: View, chosen: Filter) -> _Figures:
    row, active = view.row("totals", chosen.parameters), view.row("activity", chosen.parameters)
    seconds = row["device_seconds"]
    if seconds is None:
        return _Figures()
    return _Figures(
        cost=row["cost"],
        seconds=seconds,
        unpriced=row["unpriced_seconds"],
        allocated=ratio(row["allocated_seconds"] or NOTHING, seconds - (row["unlogged_seconds"] or NOTHING)),
        busy=ratio(active["busy_seconds"], active["observed_seconds"]),
        observed=ratio(active["observed_seconds"] or NOTHING, active["held_seconds"]),
        waste=row["waste_cost"],
        waste_share=ratio(row["waste_cost"], row["cost"]),
    )


def _cards(view: View, chosen: Filter, totals: Row) -> list[Card]:
    before = chosen.upto(view.last).before
    against = f"vs the {before.length} days before" if before.length > 1 else "vs the day before"
    known = before.first >= view.first
    if known:
        view.ahead(before.parameters, "totals", "activity")
    now = _figures(view, chosen)
    was = _figures(view, before) if known else _Figures()
    return [
        Card(
            "cost",
            "Cost",
            now.cost,
            money(now.cost, view.currency),
            extra=amounts.unpriced(totals["unpriced_seconds"]),
            change=relative(now.cost, was.cost, against),
        ),
        Card(
            "hours",
            "Accelerator-hours",
            now.seconds,
            hours(now.seconds, ""),
            change=relative(now.seconds, was.seconds, against),
        ),
        Card(
            "allocated",
            "Allocated",
            now.allocated,
            percent(now.allocated),
            "of hours that were recorded",
            change=points(now.allocated, was.allocated, against, good="up"),
        ),
        Card(
            "busy",
            "Busy",
            now.busy,
            percent(now.busy),
            _seen(now),
            change=points(now.busy, was.busy, against, good="up"),
        ),
        Card(
            "waste",
            "Waste",
            now.waste,
            money(now.waste, view.currency),
            f"{percent(now.waste_share)} of cost: idle or held by nobody",
            amounts.unpriced(totals["waste_unpriced_seconds"]),
            change=points(now.waste_share, was.waste_share, against, good="down"),
        ),
    ]


def _seen(now: _Figures) -> str:
    return "nothing held was observed" if not now.observed else f"of the {percent(now.observed)} of held time observed"


def _partition(view: View, chosen: Filter, totals: Row) -> None:
    parts = slices(view.rows("parts", chosen.parameters))
    left, whole = remainder(parts, totals["cost"]), waste.Whole(parts, totals)
    wrong = f"The parts differ from the total by {left}: please report this."
    title = "Where the time went" if whole.in_hours else "Where the cost went"
    st.html(
        heading(title, "Every part of the total, once. Hatched is unknown: neither used nor waste.")
        + (notice("remainder", wrong, tone="warn") if left else "")
        + waste.bar(whole)
        + waste.key(whole)
        + waste.sheet(whole, view.currency)
        + asked(chosen.parameters, "parts", "totals", "activity")
    )
    st.page_link(view.pages["idle"], label="Who holds it idle, and where →")


def _step(chosen: Filter) -> str:
    return "month" if chosen.length > MOST_DAYS else "day"


def _trend(view: View, chosen: Filter) -> None:
    top = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
    step = _step(chosen)
    top.html(heading(f"By {step}"), width="content")
    in_hours = view.currency is None or _unit(top) == "Hours"
    rows = view.rows(f"parts_by_{step}", chosen.parameters)
    days = {day: trend.stack(parts, in_hours=in_hours) for day, parts in by_day(rows).items()}
    scale = trend.HOURS_SCALE if in_hours else trend.money_scale(view.currency)
    label = f"{'Hours' if in_hours else 'Cost'} by {step}, stacked by what the time was"
    st.html(trend.chart(days, scale, label) + asked(chosen.parameters, f"parts_by_{step}"))


def _unit(place: DeltaGenerator) -> str:
    return place.segmented_control(
        "Unit",
        ["Cost", "Hours"],
        default="Cost",
        key="unit",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )


def _teams(view: View, chosen: Filter, totals: Row) -> None:
    rows = view.rows("teams", chosen.parameters)
    longest = max((row["cost"] or NOTHING for row in rows), default=NOTHING)
    columns = (Column("Team"), Column("", wide=True), Column("Cost", figure=True), Column("Share", figure=True))
    found = [kind for kind in KINDS if any(row[kind[2]] is not None for row in rows)]
    key = "".join(f"<li>{swatch(color)}<span>{name}</span></li>" for color, name, _ in found)
    lines = [_team(view, chosen, row, longest, totals["cost"]) for row in rows]
    st.html(
        heading("By team", "Who bears the cost")
        + f'<ul class="cl-key">{key}</ul>'
        + table("Cost by team", columns, lines)
        + asked(chosen.parameters, "teams")
    )


def _team(view: View, chosen: Filter, row: Row, longest: Decimal, cost: Decimal | None) -> Line:
    team = row["team"]
    href = address("chargeback", {**chosen.scope.parameters, "team": team})
    cells = (
        link(team, href),
        bar([(color, row[column]) for color, _, column in KINDS], longest),
        total(f"team_{team}", row["cost"], money(row["cost"], view.currency)) + extra(row["unpriced_seconds"]),
        percent(ratio(row["cost"], cost)),
    )
    return Line(cells, "apart" if team in ("unowned", "platform") else "")
