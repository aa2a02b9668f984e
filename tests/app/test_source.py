"""The source: one reader for each published state, shared by threads, closed when nobody reads it any more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from accounting.errors import InputError
from accounting.project import open_project
from accounting.reader import Reader
from accounting.stores.lake import Lake
from app.filters import Bill
from app.source import KEPT, Book, Source
from tests.app.conftest import KINDS, run

MARCH = Bill("2026-03").parameters
TEAMS = KINDS.index("teams") + 1
"""Number of the import that brought the rules of the teams."""


def test_answers_are_kept(company: Path) -> None:
    source = Source(company)
    with source.open() as one:
        rows = one.book.rows("bill_teams", MARCH)
    with source.open() as two:
        assert two.book is one.book
        assert two.book.rows("bill_teams", dict(MARCH)) is rows
        assert two.book.rows("bill_teams", Bill("2026-02").parameters) == ()


def test_no_more_answers_are_kept_than_fit(company: Path) -> None:
    with Source(company).open() as look:
        first = look.book.rows("bill_teams", MARCH)
        for number in range(KEPT):
            look.book.rows("bill_teams", Bill(str(number)).parameters)
        assert look.book.rows("bill_teams", MARCH) is not first


def test_a_publication_turns_the_page(own: Path) -> None:
    source = Source(own)
    with source.open() as before:
        cost = before.book.row("bill_total", MARCH)["cost"]
        Lake.open(own / "lake").undo_import(TEAMS)
        run(own)
        with source.open() as after:
            assert after.book is not before.book
            assert {row["team"] for row in after.book.rows("bill_teams", MARCH)} == {"language", "platform", "unowned"}
        assert before.book.rows("bill_models", MARCH)
        assert before.book.row("bill_total", MARCH)["cost"] == cost
    with pytest.raises(InputError, match="closed"):
        before.book.reader.query("SELECT 1")
    assert after.book.rows("bill_models", MARCH)


def test_the_last_good_book_stays_open(own: Path) -> None:
    source = Source(own)
    with source.open() as look:
        assert look.problem is None
    (own / "chipledger.toml").write_text("[lake\n")
    with source.open() as look:
        assert look.problem is not None
        assert "chipledger.toml" in look.problem
        assert look.book.rows("bill_teams", MARCH)


def test_without_a_good_book_the_error_is_raised(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chipledger init"), Source(tmp_path).open():
        pass


def test_threads_share_a_book(company: Path) -> None:
    source = Source(company)

    def ask(number: int) -> int:
        with source.open() as look:
            return len(look.book.rows("bill_lines", Bill("2026-03", model=str(number % 7)).parameters))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(64)))) == 1


def test_waiting_is_found_out_once(company: Path) -> None:
    with Source(company).open() as look:
        assert look.book.status() is look.book.status()


def test_files_are_exact(company: Path) -> None:
    with Source(company).open() as look:
        lines = look.book.csv("bill_lines", MARCH).decode().splitlines()
        total = look.book.row("bill_total", MARCH)

    assert len(lines) == total["lines"] + 1
    assert lines[0].startswith("charge_id,day,month,team")


@dataclass
class Patient:
    """Answers when three ask at the same time, and counts."""

    reader: Reader
    asked: list[str] = field(default_factory=list)
    together: threading.Barrier = field(default_factory=lambda: threading.Barrier(3, timeout=20))

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        self.asked.append(sql)
        self.together.wait()
        return self.reader.query(sql, parameters)


def test_what_a_page_says_ahead_is_asked_once_and_at_the_same_time(company: Path) -> None:
    project = open_project(company)
    reader = Patient(project.reader())
    book = Book(project, project.version, cast(Reader, reader))
    names = ("bill_teams", "bill_models", "bill_total")

    book.ahead(names, MARCH)

    for name in names:
        assert book.rows(name, MARCH)
    assert len(reader.asked) == 3


def test_a_question_that_failed_is_asked_again(company: Path) -> None:
    project = open_project(company)
    reader = project.reader()
    reader.close()
    book = Book(project, project.version, reader)
    for _ in range(2):
        with pytest.raises(InputError, match="closed"):
            book.rows("bill_teams", MARCH)
    book.reader = project.reader()
    assert book.rows("bill_teams", MARCH)
