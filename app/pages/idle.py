"""Idle waste: where, whose, what kind, how much; what was not observed stands apart."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import streamlit as st

from app import amounts, sidebar, states
from app.amounts import NOTHING, hours, money, percent, ratio
from app.filters import Filter, Scope, address
from app.pieces import heat, queues, reasons
from app.pieces.figures import Card, cards
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, bar, beside, extra, joined, link, table, text, two
from app.source import Row
from app.view import View, asked, basis, days_said

TEAM = "Who held the time, or owns the capacity that nobody held."
WEEK = ((2, "Mon"), (3, "Tue"), (4, "Wed"), (5, "Thu"), (6, "Fri"), (7, "Sat"), (1, "Sun"))
UNUSED = (("idle", "idle"), ("free", "unallocated"), ("unhealthy", "unhealthy"))
"""Parts of a pool's time that are not at work: color, and column."""
BELOW = ("idle_workloads", "unallocated", "idle_pools", "idle_nodes")
"""Questions of the lower half of the page."""
DAILY = 14
"""Up to so many days the heat map shows each; a longer period is folded to the days of the week."""


def body(view: View, asked_for: dict[str, str]) -> None:
    """The page below its title."""
    chosen = sidebar.days(view, TEAM)
    said = basis(view, days_said(chosen), chosen.scope.said) + states.refusals(view, asked_for)
    totals = view.row("idle_totals", chosen.parameters)
    if totals["device_seconds"] is None:
        st.html(said + states.no_rows(amounts.days(chosen.first, chosen.last), view))
        return
    view.ahead(chosen.parameters, _hours(chosen), "idle_owners", *BELOW)
    st.html(said + states.partial(view, chosen) + cards(_cards(view, totals)))
    left, right = st.columns([1, 1], gap="medium")
    with left, st.container(border=True, height="stretch", key="heat"):
        _heat(view, chosen)
    with right, st.container(border=True, height="stretch", key="owners"):
        _owners(view, chosen)
    with st.container(border=True, key="workloads"):
        _workloads(view, chosen)
    with st.container(border=True, key="unallocated"):
        rows = view.rows("unallocated", chosen.parameters)
        st.html(reasons.unallocated(rows, view.currency) + asked(chosen.parameters, "unallocated"))
    quotas = view.rows("queues", chosen.parameters)
    if quotas:
        with st.container(border=True, key="queues"):
            st.html(queues.quotas(quotas) + asked(chosen.parameters, "queues"))
    left, right = st.columns([3, 2], gap="medium")
    with left, st.container(border=True, height="stretch", key="pools"):
        _pools(view, chosen)
    with right, st.container(border=True, height="stretch", key="nodes"):
        _nodes(view, chosen)


def _cards(view: View, row: Row) -> list[Card]:
    observed, held = row["observed_seconds"], row["held_seconds"]
    share = ratio(row["idle_seconds"] or NOTHING, observed)
    unknown = percent(ratio(row["unobserved_seconds"] or NOTHING, held))
    free = percent(ratio(row["unallocated_seconds"] or NOTHING, row["device_seconds"]))
    found = [
        _amount(view, row, "idle", "Held idle", "held, doing nothing"),
        Card("idle_share", "Idle share", share, percent(share), "of held time that was observed"),
        _amount(view, row, "unallocated", "Held by nobody", f"{free} of all"),
        _amount(view, row, "unobserved", "Not observed", f"{unknown} of held: unknown, not waste"),
    ]
    if row["unhealthy_seconds"]:
        found.append(_amount(view, row, "unhealthy", "Out of service", "could not be used: no waste of its holders"))
    seconds, note = row["unlogged_seconds"], "nothing says whether it was held"
    return found + ([Card("unlogged_hours", "Not recorded", seconds, hours(seconds), note)] if seconds else [])


def _amount(view: View, row: Row, what: str, label: str, note: str) -> Card:
    """A card of a cost and its hours."""
    cost = row[f"{what}_cost"]
    unpriced = amounts.unpriced(row[f"{what}_unpriced_seconds"])
    return Card(
        f"{what}_cost", label, cost, money(cost, view.currency), f"{hours(row[f'{what}_seconds'])}, {note}", unpriced
    )


def _hours(chosen: Filter) -> str:
    """The question of the heat map."""
    return "idle_by_day" if chosen.length <= DAILY else "idle_by_weekday"


def _heat(view: View, chosen: Filter) -> None:
    daily, name = chosen.length <= DAILY, _hours(chosen)
    cells = {(row["slot"], row["hour"]): row for row in view.rows(name, chosen.parameters)}
    days = (chosen.first + timedelta(n) for n in range(chosen.length))
    slots = tuple((day, f"{day:%a} {day.day}") for day in days) if daily else WEEK
    said = f"Idle share of observed time, by hour (UTC) and {'day' if daily else 'day of the week'}."
    st.html(
        heading("When it stood idle", said)
        + heat.heat(slots, cells, "Idle share by hour")
        + asked(chosen.parameters, name)
    )


def _owners(view: View, chosen: Filter) -> None:
    rows = view.rows("idle_owners", chosen.parameters)
    columns = (
        Column("Team and model", wide=True),
        Column("Idle hours", figure=True),
        Column("Cost", figure=True),
        Column("Idle share", figure=True, help="of the time that it held and that was observed"),
    )
    lines = [
        Line(
            (
                _whose(row, chosen.scope),
                hours(row["idle_seconds"], ""),
                money(row["idle_cost"], view.currency) + extra(row["unpriced_seconds"]),
                percent(ratio(row["idle_seconds"], row["observed_seconds"])),
            ),
            "apart" if row["owner_team"] == "unowned" else "",
        )
        for row in rows
    ]
    st.html(
        heading("Who held it", "By team, model and purpose, the costliest first.")
        + table("Idle by team and model", columns, lines, "Nothing that was observed stood idle.")
        + asked(chosen.parameters, "idle_owners", "idle_totals")
    )


def _whose(row: Row, scope: Scope) -> str:
    team = row["owner_team"] or "unowned"
    what = " · ".join(part for part in (row["model"] or "no model", row["purpose"]) if part)
    return f'{link(team, address("idle", {**scope.parameters, "team": team}))}<div class="cl-under">{text(what)}</div>'


def _workloads(view: View, chosen: Filter) -> None:
    columns = (
        Column("Workload", wide=True),
        Column("Team"),
        Column("Model", slim=True),
        Column("Pool", slim=True),
        Column("Idle hours", figure=True),
        Column("Cost", figure=True),
        Column("Idle share", figure=True, help="of the time that it held and that was observed"),
        Column("Longest", figure=True, slim=True, help="hours in a row, each with idle time"),
    )
    lines = [
        Line(
            (
                text(row["workload_id"]),
                text(row["owner_team"]),
                beside(row["model"], row["purpose"]),
                beside(row["pool"], row["cluster"]),
                hours(row["idle_seconds"], ""),
                money(row["idle_cost"], view.currency),
                percent(ratio(row["idle_seconds"], row["observed_seconds"])),
                amounts.UNKNOWN if row["longest_hours"] is None else f"{row['longest_hours']:,} h",
            )
        )
        for row in view.rows("idle_workloads", chosen.parameters)
    ]
    st.html(
        heading(
            "Top idle holders", "Workloads whose idle time cost the most. A share is of the time that was observed."
        )
        + table("Top idle holders", columns, lines, "No workload was observed idle.")
        + asked(chosen.parameters, "idle_workloads")
    )


def _pools(view: View, chosen: Filter) -> None:
    columns = (
        Column("Pool"),
        Column("", wide=True, slim=True),
        Column("Held idle", figure=True),
        Column("Nobody held", figure=True),
        Column("Not observed", figure=True, slim=True),
    )
    lines = [
        Line(
            (
                two(joined(row["pool"], row["accelerator"]), row["cluster"]) + extra(row["unpriced_seconds"]),
                bar(_times(row), row["device_seconds"]),
                *(_both(row, what, view) for what in ("idle", "unallocated", "unobserved")),
            )
        )
        for row in view.rows("idle_pools", chosen.parameters)
    ]
    st.html(
        heading("Where: pools", "Bars: at work, held idle, held by nobody, out of service; hatched is unknown.")
        + table("Pools", columns, lines)
        + asked(chosen.parameters, "idle_pools")
    )


def _times(row: Row) -> list[tuple[str, Decimal | None]]:
    """The parts of a pool's time by color."""
    at_work = (row["observed_seconds"] or NOTHING) - (row["idle_seconds"] or NOTHING)
    unknown = [("unobserved", row["unobserved_seconds"]), ("unlogged", row["unlogged_seconds"])]
    unused = [(part, row[f"{name}_seconds"]) for part, name in UNUSED]
    return [("used", at_work), *unused, *unknown]


def _both(row: Row, what: str, view: View) -> str:
    cost = row[f"{what}_cost"]
    return two(hours(row[f"{what}_seconds"]), None if cost is None else money(cost, view.currency))


def _nodes(view: View, chosen: Filter) -> None:
    columns = (
        Column("Node"),
        Column("", wide=True, slim=True),
        Column("Idle hours", figure=True),
        Column("Idle share", figure=True),
    )
    rows = view.rows("idle_nodes", chosen.parameters)
    longest = max((row["idle_seconds"] for row in rows), default=NOTHING)
    lines = [
        Line(
            (
                two(row["node"], joined(row["cluster"], row["pool"])),
                bar([("idle", row["idle_seconds"])], longest),
                hours(row["idle_seconds"], ""),
                percent(ratio(row["idle_seconds"], row["observed_seconds"])),
            )
        )
        for row in rows
    ]
    st.html(
        heading("Where: nodes", "The nodes with the most idle hours.")
        + table("Nodes", columns, lines, "No node that is known by name was observed idle.")
        + asked(chosen.parameters, "idle_nodes")
    )
