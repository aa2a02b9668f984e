"""Chargeback: what each team bears of a billing month, by model and workload, as a statement to hand on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app import amounts, sidebar, states
from app.amounts import hours, money, percent, ratio
from app.filters import Bill, address
from app.pieces import disputed, energy, served, statement
from app.pieces.figures import Card, cards, relative
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, beside, extra, link, table, text
from app.source import Row
from app.view import View, asked, basis

TEAM = "Who bears the cost."


def body(view: View, asked_for: dict[str, str]) -> None:
    """The page below its title."""
    month = sidebar.month(view)
    bill = Bill(month, sidebar.scope(view, TEAM))
    total = view.row("bill_total", bill.parameters)
    span = amounts.days(total["first_day"], total["last_day"]) if total["first_day"] else "no days"
    period = f"{amounts.month(month)}, billing month ({span}{f'; {view.zones}' if view.zones else ', UTC'})"
    said = basis(view, f"{period} · {_standing(view, month)}", bill.scope.said) + states.refusals(view, asked_for)
    if total["device_seconds"] is None:
        st.html(said + states.no_rows(amounts.month(month), view))
        return
    view.ahead(bill.parameters, "bill_teams", "bill_models", "served_models", "energy")
    before = view.row("bill_total", bill.before.parameters)
    unequal = states.unequal(view, bill, total["first_day"], before["first_day"])
    if unequal:
        before = dict.fromkeys(before)
    st.html(said + unequal + cards(_cards(view, bill, total, before)))
    with st.container(border=True, key="statement"):
        _statement(view, bill, total, before)
    with st.container(border=True, key="models"):
        models, teams = view.rows("bill_models", bill.parameters), view.rows("bill_teams", bill.parameters)
        st.html(statement.models(models, teams, view.currency) + asked(bill.parameters, "bill_models"))
    models_served = view.rows("served_models", bill.parameters)
    if models_served:
        with st.container(border=True, key="served"):
            st.html(served.models(models_served) + asked(bill.parameters, "served_models"))
    measured = view.rows("energy", bill.parameters)
    if measured:
        with st.container(border=True, key="energy"):
            st.html(energy.teams(measured) + asked(bill.parameters, "energy"))
    _disputes(view, bill)
    with st.container(border=True, key="lines"):
        _workloads(view, bill)


def _disputes(view: View, bill: Bill) -> None:
    """Of a month and a team: a dispute is of no cluster."""
    if bill.scope.cluster or bill.scope.accelerator:
        return
    given = {"month": bill.month, "team": bill.scope.team}
    rows = view.rows("disputes", given)
    if rows:
        with st.container(border=True, key="disputes"):
            st.html(disputed.disputes(rows) + asked(given, "disputes"))


def _standing(view: View, month: str) -> str:
    """Whether the month can still change."""
    row = view.row("period", {"month": month})
    if row["closed_at"] is None:
        return "open, figures may change"
    return f"closed {amounts.instant(row['closed_at'])}, {row['statements']} statements"


def _cards(view: View, bill: Bill, now: Row, before: Row) -> list[Card]:
    seen = ratio(now["observed_cost"], now["cost"])
    used = f"the busy part; {percent(seen)} of the cost was observed" if seen is not None else "nothing was observed"
    first = Card(
        "bill_cost",
        "Total",
        now["cost"],
        money(now["cost"], view.currency),
        "allocated basis: what was held is paid",
        amounts.unpriced(now["unpriced_seconds"]),
        relative(now["cost"], before["cost"], f"vs {amounts.month(bill.before.month)}"),
    )
    return [
        first,
        *(_part(view, now, kind) for kind in ("usage", "idle", "unallocated")),
        *([_part(view, now, "overhead")] if now["overhead_cost"] is not None or now["overhead_seconds"] else []),
        *([_adjusted(view, now)] if now["adjusted_cost"] is not None else []),
        Card("bill_used", "Used basis", now["used_cost"], money(now["used_cost"], view.currency), used),
    ]


def _part(view: View, now: Row, kind: str) -> Card:
    cost = now[f"{kind}_cost"]
    note = f"{percent(ratio(cost, now['cost']))} of the total"
    unpriced = amounts.unpriced(now[f"{kind}_unpriced_seconds"])
    return Card(f"bill_{kind}", kind.capitalize(), cost, money(cost, view.currency), note, unpriced)


def _adjusted(view: View, now: Row) -> Card:
    cost = now["adjusted_cost"]
    note = "unused commitments, credits, differences to the bill, corrections"
    return Card("bill_adjusted", "Adjustments", cost, money(cost, view.currency), note)


def _statement(view: View, bill: Bill, now: Row, before: Row) -> None:
    top, first, second = st.columns([4, 1, 1], vertical_alignment="center")
    top.html(
        heading(
            "Statement by team",
            f"{' + '.join(statement.kinds([now]))} = total. The used basis is a second view of it, never added.",
        )
    )
    name = f"chipledger-{bill.month}" + "".join(f"-{value}" for value in bill.scope.parameters.values() if value)
    for column, label, query, kind in (
        (first, "Summary CSV", "bill_teams", "summary"),
        (second, "Lines CSV", "bill_lines", "lines"),
    ):
        column.download_button(
            label,
            data=partial(view.book.csv, query, bill.parameters),
            file_name=f"{name}-{kind}.csv",
            mime="text/csv",
            on_click="ignore",
            width="stretch",
            key=f"download_{kind}",
        )
    teams = view.rows("bill_teams", bill.parameters)
    known = before["cost"] is not None
    earlier = {row["team"]: row for row in view.rows("bill_teams", bill.before.parameters)} if known else {}
    href = partial(_href, bill)
    st.html(
        statement.teams(teams, earlier, now, before, view.currency, href, bill.before.month)
        + statement.closing(now, view.currency) + asked(bill.parameters, "bill_teams", "bill_total")
    )  # fmt: skip


def _href(bill: Bill, team: str) -> str:
    return address("chargeback", {"month": bill.month, **bill.scope.parameters, "team": team})


def _why(bill: Bill, row: Row) -> str:
    """The charges of a workload, each to be explained."""
    scope = {**bill.scope.parameters, "cluster": row["cluster"], "team": row["team"]}
    return address("explain", {"month": bill.month, **scope, "workload": row["workload_id"]})


def _workloads(view: View, bill: Bill) -> None:
    top, picker = st.columns([3, 1], vertical_alignment="center")
    top.html(
        heading(
            "Workloads", "The 25 that cost the most, each with its charges explained; all of them are in the lines."
        )
    )
    models: Sequence[str] = sorted({row["model"] for row in view.rows("bill_models", bill.parameters) if row["model"]})
    model = picker.selectbox(
        "Model",
        models,
        index=None,
        placeholder="All models",
        key="model",
        bind="query-params",
        label_visibility="collapsed",
    )
    narrowed = Bill(bill.month, bill.scope, model)
    rows = view.rows("bill_workloads", narrowed.parameters)
    kinds = {name: column for name, column in statement.kinds(rows).items() if name != "Unallocated"}
    columns = (
        Column("Workload", wide=True),
        Column("Team"),
        Column("Model", slim=True),
        Column("Pool", slim=True),
        Column("Hours", figure=True),
        *(Column(kind, figure=True, slim=True) for kind in kinds),
        Column("Total", figure=True),
        Column("Used basis", figure=True, slim=True),
    )
    lines = [
        Line(
            (
                link(row["workload_id"], _why(narrowed, row)) + extra(row["unpriced_seconds"]),
                text(row["team"]),
                beside(row["model"], row["purpose"]),
                beside(row["pool"], row["cluster"]),
                hours(row["device_seconds"], ""),
                *(money(row[name], view.currency) for name in (*kinds.values(), "cost", "used_cost")),
            ),
            "apart" if row["team"] == "unowned" else "",
        )
        for row in rows
    ]
    st.html(
        table("Workloads", columns, lines, "No workload held anything.") + asked(narrowed.parameters, "bill_workloads")
    )
