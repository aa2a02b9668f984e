"""An empty lake's catalog, filled with what another one said."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from accounting.ledger_tables import CLOSES, DISPUTES, STATEMENTS
from accounting.stores import catalog
from accounting.stores.bigquery.catalog import IMPORTS, SEGMENTS
from accounting.stores.bigquery.ledger import Ledger
from accounting.stores.lake import Lake, StagedFile, insert_files
from accounting.tables import PUBLICATIONS, RUNS

_OF_A_RUN = ("publication", "started", "ended")


def restore(lake: Lake, ledger: Ledger, segments: pl.DataFrame, files: Mapping[str, Sequence[StagedFile]]) -> None:
    """Everything counts that counted there, in one transaction; `files` are those of each import and publication."""
    summaries = [_summary(row) for row in ledger.runs.iter_rows(named=True)]
    runs = ledger.runs.select(_OF_A_RUN).with_columns(summary=pl.Series(summaries, dtype=pl.String))
    live = segments.with_columns(live=pl.lit(1))
    with lake.catalog() as connection, catalog.transaction(connection):
        _insert(connection, "imports", ledger.imports.select(IMPORTS.names))
        _insert(connection, "runs", runs)
        _insert(connection, "publications", ledger.publications.select(PUBLICATIONS.names))
        _insert(connection, "segments", live.select(*SEGMENTS.names, "live"))
        for unit, some in files.items():
            owner = {"import_seq": int(unit)} if unit.isdecimal() else {"publication": unit}
            insert_files(connection, some, **owner)
        _insert(connection, DISPUTES.name, ledger.disputes.select(DISPUTES.names))
        # last: the catalog takes no charges and no credits of a month that is closed
        _insert(connection, CLOSES.name, ledger.closes.select(CLOSES.names))
        _insert(connection, STATEMENTS.name, ledger.statements.select(STATEMENTS.names))


def _insert(connection: sqlite3.Connection, table: str, frame: pl.DataFrame) -> None:
    names, marks = ", ".join(f'"{name}"' for name in frame.columns), ", ".join("?" * frame.width)
    text = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    connection.executemany(text, (tuple(map(_told, row)) for row in frame.iter_rows()))


def _told(value: Any) -> Any:  # noqa: ANN401 - a cell of any column
    """As the catalog writes it: instants in ms, days and amounts as text."""
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, (date, Decimal)):
        return str(value)
    return value


def _summary(run: dict[str, Any]) -> str:
    return json.dumps({c.name: _told(run[c.name]) for c in RUNS.columns if c.name not in _OF_A_RUN})
