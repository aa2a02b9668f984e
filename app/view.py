"""What a page stands on: an open book, what there is to choose from, and which days are published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from streamlit.navigation.page import StreamlitPage

from app import amounts
from app.filters import Filter
from app.literal import written
from app.pieces import notices
from app.source import Book, Row, Rows, question

Pages = Mapping[str, StreamlitPage]


@dataclass(frozen=True, slots=True)
class View:
    """`published` has a row for each cluster; `now` is the instant of the look."""

    book: Book
    published: Rows
    choices: dict[str, list[str]]
    currency: str | None
    now: datetime
    pages: Pages

    @property
    def first(self) -> date:
        days: list[date] = [row["first_day"] for row in self.published]
        return min(days)

    @property
    def last(self) -> date:
        days: list[date] = [row["last_day"] for row in self.published]
        return max(days)

    @property
    def zones(self) -> str:
        """In which zones providers bill, where it is not UTC for all."""
        return ", ".join(f"{provider} in {zone}" for provider, zone in sorted(self.book.project.config.zones.items()))

    @property
    def published_at(self) -> datetime:
        instants: list[datetime] = [row["published_at"] for row in self.published]
        return max(instants)

    def ahead(self, parameters: dict[str, Any], *names: str) -> None:
        """Says what the page will ask, so that it is asked at once."""
        self.book.ahead(names, parameters)

    def rows(self, name: str, parameters: dict[str, Any]) -> Rows:
        return self.book.rows(name, parameters)

    def row(self, name: str, parameters: dict[str, Any]) -> Row:
        return self.book.row(name, parameters)


def view(book: Book, now: datetime, pages: Pages) -> View:
    """What can be looked at in a book."""
    book.ahead(("choices", "currency"), {})
    choices: dict[str, list[str]] = {"month": [], "cluster": [], "team": [], "accelerator": []}
    for row in book.rows("choices", {}):
        choices[row["kind"]].append(row["value"])
    return View(book, book.rows("published", {}), choices, book.row("currency", {})["currency"], now, pages)


def asked(parameters: dict[str, Any], *names: str) -> str:
    """The queries behind a block, folded, as they can be pasted."""
    return notices.asked({name: written(question(name), parameters) for name in names})


def basis(view: View, period: str, scope: str) -> str:
    """The line under a title: period, scope, currency, when published and how long ago."""
    currency = f"amounts in {view.currency}" if view.currency else "nothing has a price"
    at = f"published {amounts.instant(view.published_at)} ({amounts.age(view.now, view.published_at)})"
    return notices.basis([period, scope, currency, at])


def days_said(chosen: Filter) -> str:
    """The days of a filter and how many they are."""
    return f"{amounts.days(chosen.first, chosen.last)} ({chosen.length} day{'s' * (chosen.length != 1)}, UTC)"
