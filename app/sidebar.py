"""The filters beside every page, bound to the address."""

from __future__ import annotations

from datetime import date

import streamlit as st

from app.filters import CUSTOM, RECENT, SCOPE, Filter, Scope, period, periods
from app.view import View

_KEPT = "kept"


def days(view: View, team: str) -> Filter:
    """A period and a scope; `team` says what a team is on this page."""
    with st.sidebar:
        options = periods(view.choices["month"])
        _bring_back("period")
        chosen = st.selectbox("Period", options, key="period", bind="query-params", filter_mode=None)
        _keep("period", chosen)
        custom = _custom(view) if chosen == CUSTOM else ()
        first, last = period(chosen, custom, view.last)
        since = max(first, view.first) if chosen in RECENT else first
        return Filter(since, last, scope(view, team))


def month(view: View) -> str:
    """A billing month, the latest unless another is chosen."""
    with st.sidebar:
        _bring_back("month")
        options = sorted(view.choices["month"], reverse=True)
        chosen = st.selectbox("Billing month", options, key="month", bind="query-params", filter_mode=None)
        _keep("month", chosen)
        return chosen


def scope(view: View, team: str) -> Scope:
    """Whose and which accelerators."""
    helps = {"cluster": None, "team": team, "accelerator": None}
    with st.sidebar:
        chosen = {
            name: st.selectbox(
                name.capitalize(),
                view.choices[name],
                index=None,
                placeholder=f"All {name}s",
                key=name,
                bind="query-params",
                help=helps[name],
            )
            for name in SCOPE
        }
    return Scope(**chosen)


def _custom(view: View) -> tuple[date, ...]:
    chosen = st.date_input(
        "Days",
        (max(view.first, view.last.replace(day=1)), view.last),
        min_value=view.first,
        max_value=view.last,
        key="days",
        bind="query-params",
        format="YYYY-MM-DD",
    )
    return tuple(chosen)


def _keep(name: str, value: object) -> None:
    """A page without this filter drops it from the address; it comes back with the next page that has it."""
    st.session_state.setdefault(_KEPT, {})[name] = value


def _bring_back(name: str) -> None:
    kept = st.session_state.get(_KEPT, {})
    if name in kept and name not in st.session_state and name not in st.query_params:
        st.session_state[name] = kept[name]
