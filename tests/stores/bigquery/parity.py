"""The same questions to a lake and to the warehouse it was pushed to: `python -m tests.stores.bigquery.parity`.

Makes a small simulated company and a BigQuery on loopback, and prints a line for each text of sql/.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from polars import selectors
from polars.testing import assert_frame_equal

import sql
from accounting.cli import screen
from accounting.errors import ChipledgerError
from accounting.reader import Reader
from accounting.stores.subset import parse
from app.literal import parameters_of
from tests.fakes.bigquery.serving import serve
from tests.stores.bigquery.fleet import Fleet, bring
from tests.stores.bigquery.laws import laws

FOLDERS = ("queries", "commands", "app", "run", "simulate")
DAYS = {
    "from": date(2026, 11, 21),
    "to": date(2026, 11, 23),
    "month": "2026-11",
    "today": date(2026, 11, 25),
    "hours": Decimal(1),
}
NOBODY: dict[str, str | None] = dict.fromkeys(("cluster", "team", "accelerator", "model"))
SCOPES = (NOBODY, {**NOBODY, "team": "vision"}, {**NOBODY, "cluster": "train", "accelerator": "H100-80GB"})


@dataclass(frozen=True)
class Compared:
    """One question: rows of the lake, the sum of its first NUMERIC column, and what differs (empty: nothing)."""

    name: str
    rows: int
    column: str | None
    total: Decimal | None
    differs: str


def compared(name: str, text: str, mine: pl.DataFrame, theirs: pl.DataFrame) -> Compared:
    """Types and values of all columns; the order of rows too where the text says one."""
    column = next(iter(mine.select(selectors.decimal()).columns), None)
    total = None if column is None else Decimal(str(mine[column].sum()))
    differs = ""
    try:
        ordered = bool(parse(text).args.get("order"))
        assert_frame_equal(mine, theirs, check_row_order=ordered, check_exact=True)
    except AssertionError as error:
        differs = " ".join(str(error).split())
    return Compared(name, mine.height, column, total, differs)


def questions() -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    """Every view with all its columns, and every text that reads views only, with the parameters that pages give."""
    for name in sql.names("views"):
        view = name.rpartition("/")[2]
        yield name, f"SELECT * FROM {view}", None
    for name in (name for folder in FOLDERS for name in sql.names(folder)):
        text = sql.read(name)
        if re.search(r"\b(staged|run)\.\w", text):
            continue  # of a run that is not published: among the laws
        asked = parameters_of(text)
        for scope in SCOPES if asked else (NOBODY,):
            values = {key: {**DAYS, **scope}[key] for key in asked}
            said = " ".join(str(value) for key, value in values.items() if key in scope and value)
            yield f"{name} {said}".strip(), text, values or None


def parity(fleet: Fleet) -> Iterator[Compared]:
    """Every text of sql/, asked of both."""
    with closing(fleet.project.reader()) as lake, closing(fleet.asking().reader()) as warehouse:
        for name, text, values in questions():
            yield compared(name, text, _rows(lake, text, values), _rows(warehouse, text, values))
    for name, text, mine, theirs in laws(fleet):
        yield compared(name, text, mine, theirs)


def _rows(reader: Reader, text: str, values: Mapping[str, Any] | None) -> pl.DataFrame:
    try:
        return reader.query(text, values)
    except ChipledgerError as error:
        return pl.DataFrame({"error": [str(error)]})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, serve() as loopback:
        found = list(parity(bring(Path(folder) / "fleet", loopback)))
    rows = [(c.name, f"{c.rows:,}", c.column, c.total, c.differs[:60] or "equal") for c in found]
    screen.table("The lake and BigQuery (on loopback)", ("asked", "rows", "sum of", "is", ""), rows, right=(1, 3))
    sys.exit(any(c.differs for c in found))


if __name__ == "__main__":
    main()
