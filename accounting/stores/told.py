"""What the catalog itself tells, as frames of the tables that say what it is."""

from __future__ import annotations

import json
import sqlite3

import polars as pl

from accounting.schema import Table
from accounting.tables import RUNS

_ORDER = {RUNS.name: ("started", "publication")}
_RAW: dict[str, pl.DataType] = {"int64": pl.Int64(), "timestamp": pl.Int64()}


def told_rows(connection: sqlite3.Connection, table: Table) -> pl.DataFrame:
    """All rows of one of the catalog's own tables, in order of its grain."""
    order = ", ".join(_ORDER.get(table.name, table.grain))
    return typed_frame(connection.execute(f"SELECT * FROM {table.name} ORDER BY {order}"), table)


def typed_frame(cursor: sqlite3.Cursor, table: Table) -> pl.DataFrame:
    """Rows of the catalog as the table has them."""
    rows = []
    for row in cursor:
        values = dict(row)
        rows.append({**values, **json.loads(values.pop("summary", "{}"))})
    raw = pl.DataFrame(rows, schema={c.name: _RAW.get(c.kind, pl.String()) for c in table.columns}, strict=False)
    return raw.select(_typed(c.name, c.kind, c.dtype) for c in table.columns)


def _typed(name: str, kind: str, dtype: pl.DataType) -> pl.Expr:
    if kind == "date":
        return pl.col(name).str.to_date()
    if kind == "timestamp":
        return pl.col(name).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    return pl.col(name).cast(dtype)
