"""Around every page: its title first, then the project as it stands, filters, notices, and what failed in one line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.navigation.page import StreamlitPage

from accounting.errors import ChipledgerError, InputError
from app import states
from app.pages import chargeback, explain, idle, overview
from app.source import Look, served
from app.view import Pages, View, view

STYLE = Path(__file__).parent / "style.css"
LOGO = Path(__file__).parent / "logo.svg"
Body = Callable[[View, dict[str, str]], None]
PAGES: dict[str, tuple[str, str, Body]] = {
    "overview": ("Overview", ":material/dashboard:", overview.body),
    "idle": ("Idle waste", ":material/hourglass_empty:", idle.body),
    "chargeback": ("Chargeback", ":material/receipt_long:", chargeback.body),
    "explain": ("Explain", ":material/manage_search:", explain.body),
}


def main(default: str = "overview") -> None:
    """A run of the script: the page that the address names."""
    st.set_page_config(page_title="chipledger", page_icon="◧", layout="wide")
    st.html(STYLE)
    st.logo(LOGO, size="large")
    pages: dict[str, StreamlitPage] = {}
    for name, (title, icon, body) in PAGES.items():
        run = partial(show, title, body, pages)
        pages[name] = st.Page(run, title=title, icon=icon, url_path=name, default=name == default)
    st.navigation(list(pages.values())).run()


def show(title: str, body: Body, pages: Pages) -> None:
    """A page: its title, then what there is, or why there is nothing."""
    asked_for = st.query_params.to_dict()
    st.title(title, anchor=False)
    above = st.container(key="above", gap=None)
    try:
        with served().open() as look:
            _content(look, pages, body, asked_for, above)
    except InputError as error:
        st.html(states.cannot(error))
    except ChipledgerError as error:
        st.html(states.failed(error))


def _content(look: Look, pages: Pages, body: Body, asked_for: dict[str, str], above: DeltaGenerator) -> None:
    book = look.book
    try:
        if not book.rows("published", {}):
            st.html(states.unpublished(book.status()))
            return
        found = view(book, datetime.now(UTC), pages)  # noqa: TID251 - the page says how old its figures are
        body(found, asked_for)
    except ChipledgerError as error:
        st.html(states.failed(error))
        return
    notice = states.stale(look, found)
    if notice:
        above.html(notice)
