"""Closes in the lake's catalog: what was frozen, in a chain, and the statements that were issued with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import polars as pl

from accounting.errors import InputError
from accounting.ledger_tables import CLOSES, STATEMENTS
from accounting.stores import catalog
from accounting.stores.lake import Conflict, Lake, StagedFile, insert_files
from accounting.stores.told import told_rows
from accounting.tables import LEDGER

MONTHS = ""
"""The cluster under which lines of months are published, on the first day of each."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A statement without its number: amounts as text, exact."""

    team: str
    cost: str
    amount: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of `CLOSES`, as `accounting.tables` says; `made_at` in ms, `cost` as text."""

    seq: int
    month: str
    action: str
    publication: str
    made_at: int
    who: str
    reason: str
    rows: int
    cost: str | None
    currency: str | None
    known: int
    versions: str
    previous: str
    rows_sha256: str
    sha256: str


def closes(lake: Lake) -> list[Line]:
    """All lines in order."""
    with lake.catalog() as connection:
        return [Line(**dict(row)) for row in connection.execute("SELECT * FROM closes ORDER BY seq")]


def standing(lines: Sequence[Line]) -> dict[str, Line]:
    """The close of each month that is closed now, in order of months."""
    last = {line.month: line for line in lines}
    return {month: line for month, line in sorted(last.items()) if line.action == "close"}


def statements(lake: Lake) -> pl.DataFrame:
    """All that were ever issued: rows of `STATEMENTS`."""
    with lake.catalog() as connection:
        return told_rows(connection, STATEMENTS)


def charges(lake: Lake) -> pl.LazyFrame:
    """Rows of `LEDGER` of every close that was ever made."""
    return lake.scan(LEDGER, [file.path for file in lake.known_files() if file.table == LEDGER.name])


def write(
    lake: Lake, line: Line, files: Sequence[StagedFile], issued: Sequence[Issued] = (), credits: int = 0
) -> list[int]:
    """One transaction: the line, the files of its charges and its statements, whose numbers are returned.

    Raises `Conflict` where a close knew fewer publications or `credits` than there are, and `InputError` where the
    catalog refuses: the month is closed already, or another process was faster.
    """
    with lake.catalog() as connection, refusals(), catalog.transaction(connection):
        (seq,) = connection.execute("SELECT coalesce(max(seq), 0) FROM publications").fetchone()
        if line.action == "close" and seq != line.known:
            raise Conflict(f"{line.month}: a run published meanwhile: close it again")
        (given,) = connection.execute("SELECT count(credit) FROM disputes").fetchone()
        if line.action == "close" and given != credits:
            raise Conflict(f"{line.month}: a dispute was credited meanwhile: run, and close it again")
        insert_files(connection, files, publication=line.publication)
        values = [getattr(line, name) for name in CLOSES.names]
        connection.execute(f"INSERT INTO closes VALUES ({', '.join('?' * len(values))})", values)
        (number,) = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM statements").fetchone()
        rows = [
            (n, line.month, one.team, line.publication, one.cost, one.amount, line.currency, line.made_at)
            for n, one in enumerate(issued, number)
        ]
        connection.executemany("INSERT INTO statements VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return [row[0] for row in rows]


@contextmanager
def refusals() -> Iterator[None]:
    """What the catalog's guards say."""
    try:
        yield
    except sqlite3.IntegrityError as error:
        if not str(error).startswith(catalog.REFUSED):
            raise
        raise InputError(str(error).removeprefix(catalog.REFUSED) + ": `chipledger query \"SELECT * FROM periods\"`"
                         " says how months stand") from error  # fmt: skip


def first_day(month: str) -> date:
    """The day under which lines of a month are published."""
    return date.fromisoformat(f"{month}-01")


def following(month: str) -> str:
    """The month after it."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
