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
    "from": date(2026, 10, 31),
    "to": date(2026, 11, 2),
    "month": "2026-10",
    "today": date(2026, 11, 4),
    "hours": Decimal(1),
}
NOBODY: dict[str, str | None] = dict.fromkeys(("cluster", "team", "accelerator", "model", "workload"))
BILLED = "SELECT provider, day, accelerator, sku FROM reconciliation ORDER BY billed_cost DESC LIMIT 1"
CORRECTED = """
SELECT corrects AS charge_id, SUBSTR(corrects, 1, 2) AS prefix, price_id, publication, day, cluster
FROM charges WHERE corrects IS NOT NULL ORDER BY cost LIMIT 1
"""
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


def named(lake: Reader) -> dict[str, Any]:
    """What pages and commands ask one by one: a line of the bill, a charge that was corrected."""
    (billed,), (corrected,) = (lake.query(text).to_dicts() for text in (BILLED, CORRECTED))
    return {**corrected, **billed}


def questions(known: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any] | None]]:
    """Every view with all its columns, and every text that reads views only, with what pages ask; `known` is more."""
    for name in sql.names("views"):
        view = name.rpartition("/")[2]
        yield name, f"SELECT * FROM {view}", None
    for name in (name for folder in FOLDERS for name in sql.names(folder)):
        text = sql.read(name)
        if re.search(r"\b(staged|run)\.\w", text):
            continue  # of a run that is not published: among the laws
        asked = parameters_of(text)
        for scope in SCOPES if asked else (NOBODY,):
            values = {key: {**known, **DAYS, **scope}[key] for key in asked}
            said = " ".join(str(value) for key, value in values.items() if key in scope and value)
            yield f"{name} {said}".strip(), text, values or None


def parity(fleet: Fleet) -> Iterator[Compared]:
    """Every text of sql/, asked of both."""
    with closing(fleet.project.reader()) as lake, closing(fleet.asking().reader()) as warehouse:
        for name, text, values in questions(named(lake)):
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
