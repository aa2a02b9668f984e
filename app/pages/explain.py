"""Explain: a charge traced back to its price, its owner, and the rows and samples that it was made of."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

import streamlit as st

from accounting.errors import InputError
from app import amounts, sidebar, states
from app.amounts import hours, money
from app.filters import Bill, address
from app.pieces import trace
from app.pieces.figures import Card, cards
from app.pieces.notices import heading, notice, state
from app.pieces.tables import Column, Line, beside, link, table, text
from app.source import Row
from app.view import View, asked, basis

TEAM = "Who bears the cost."


def body(view: View, asked_for: dict[str, str]) -> None:
    """The page below its title."""
    bill = Bill(sidebar.month(view), sidebar.scope(view, TEAM))
    field = partial(st.text_input, type="search", bind="query-params")
    left, right = st.columns([1, 1])
    with left:
        charge = field("Charge", key="charge", placeholder="charge_id, or its first 6 characters or more")
    with right:
        workload = field("Workload", key="workload", placeholder="All workloads")
    if charge and charge.strip():
        _trace(view, charge.strip())
    else:
        _choose(view, Bill(bill.month, bill.scope, workload=(workload or "").strip() or None), asked_for)


def _trace(view: View, charge: str) -> None:
    if view.book.project.remote:
        why = "Rows of files and samples are with the lake, on the host that imports; here is only what is published."
        st.html(state("no-lake", "The host that imports can explain", why, (f"chipledger explain {charge}",)))
        return
    try:
        with st.spinner("Accounting the day anew …"):
            found = view.book.trace(charge)
    except InputError as error:
        st.html(state("no-charge", "No such charge", str(error)))
        return
    row = found.charge
    st.html(
        basis(view, f"charge {row['charge_id']}", f"{row['day']}, billed in {amounts.month(row['month'])}")
        + (notice("inputs-changed", found.notice, tone="warn") if found.notice else "")
        + cards(trace.cards(found, money(row["cost"], row["currency"]), hours(row["device_seconds"])))
    )
    with st.container(border=True, key="trace"):
        st.html(trace.sections(found))


def _choose(view: View, bill: Bill, asked_for: dict[str, str]) -> None:
    total, rows = (view.rows(name, bill.parameters) for name in ("bill_charges_total", "bill_charges"))
    now = total[0]
    workload = f"workload {bill.workload}" if bill.workload else ""
    said = " · ".join(part for part in (bill.scope.said, workload) if part)
    unpriced = amounts.unpriced(now["unpriced_seconds"])
    found = [
        Card("explain_total", "Total", now["cost"], money(now["cost"], view.currency), extra=unpriced),
        Card("explain_hours", "Hours", now["device_seconds"], hours(now["device_seconds"], "")),
        Card("explain_charges", "Charges", Decimal(now["charges"]), f"{now['charges']:,}"),
    ]
    head = basis(view, f"{amounts.month(bill.month)}, billing month", said) + states.refusals(view, asked_for)
    if not rows:
        st.html(head + states.no_rows(f"{amounts.month(bill.month)}{f', {workload}' * bool(workload)}", view))
        return
    st.html(head + cards(found))
    with st.container(border=True, key="charges"):
        st.html(
            heading("Charges", "The 50 that cost the most; choose one, or paste an id from a report.")
            + _table(view, bill, rows)
            + asked(bill.parameters, "bill_charges", "bill_charges_total")
        )


def _table(view: View, bill: Bill, rows: tuple[Row, ...]) -> str:
    columns = (
        Column("Charge", wide=True),
        Column("Day", slim=True),
        Column("Team"),
        Column("Workload", slim=True),
        Column("State", slim=True),
        Column("Pool", slim=True),
        Column("Hours", figure=True, slim=True),
        Column("Cost", figure=True),
    )
    lines = [
        Line(
            (
                link(row["charge_id"][:12], _href(bill, row["charge_id"])),
                amounts.day(row["day"]),
                text(row["team"]),
                text(row["workload_id"]),
                text(row["state"] or row["charge_kind"]),
                beside(row["pool"], row["cluster"]),
                hours(row["device_seconds"], ""),
                money(row["cost"], view.currency),
            )
        )
        for row in rows
    ]
    return table("Charges", columns, lines)


def _href(bill: Bill, charge: str) -> str:
    return address("explain", {"month": bill.month, **bill.scope.parameters, "charge": charge})
