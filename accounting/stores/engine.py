"""Questions in GoogleSQL over one snapshot of the embedded store, answered by an in-memory DuckDB.

Names: `store.<table>` has the rows of all live files, `input.<kind>` live imported rows, `staged.<table>` those of a
run that is not published yet; `usage`, `charges`, … without a schema are the views of sql/views.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import polars as pl
import sqlglot
from polars import selectors
from sqlglot import exp

import sql as texts
from accounting.errors import InputError, StoreError
from accounting.schema import Column, Table
from accounting.stores import arrow
from accounting.stores.googlesql import columns, to_duckdb
from accounting.stores.lake import Damaged, Snapshot, damage
from accounting.stores.macros import MACROS
from accounting.stores.names import VIEWS
from accounting.stores.subset import DIALECT, one_line
from accounting.tables import PUBLISHED, QUARANTINE, SOURCES, TOLD

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_STORED = (*PUBLISHED, QUARANTINE, *TOLD)

_DECLARE = "-- @month STRING: meaning"
_BIGQUERY_TYPES = {
    pl.String: "STRING",
    pl.Int64: "INT64",
    pl.Date: "DATE",
    pl.Boolean: "BOOL",
    pl.Decimal: "NUMERIC",
}

Schema = dict[str, dict[str, dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Session:
    """An open snapshot; `close` it, or use it in `with`. Threads may share it."""

    connection: duckdb.DuckDBPyConnection
    schema: Schema

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of one GoogleSQL query: NUMERIC as Decimal, TIMESTAMP as Datetime in UTC.

        Raises `InputError` with one line where the query is wrong, `StoreError` where memory or disk do not suffice.
        """
        return self.run(to_duckdb(sql, schema=self.schema), parameters)

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of a query in DuckDB's dialect, such as `to_duckdb` gives; raises as `query` does."""
        with _answers(), self.connection.cursor() as cursor:
            frame = arrow.frame(cursor.sql(sql, params=dict(parameters) if parameters else None))
        return frame.with_columns(selectors.datetime(time_zone="*").dt.convert_time_zone("UTC"))

    def load(self, name: str, frame: pl.DataFrame) -> None:
        """A table `schema.name` with the frame's rows."""
        schema, table = self._place(name)
        self.connection.register("incoming", arrow.Stream(frame))
        self.connection.execute(f'CREATE TABLE {schema}."{table}" AS SELECT * FROM incoming')
        self.connection.unregister("incoming")
        self.schema[schema][table] = {c: _BIGQUERY_TYPES[t.base_type()] for c, t in frame.schema.items()}

    def define(self, name: str, sql: str, *, keep: bool = False) -> None:
        """A view `schema.name` over a query, instead of one of that name; with `keep` a table that holds its rows."""
        schema, table = self._place(name)
        text = to_duckdb(sql, schema=self.schema)
        with _answers():
            self.connection.execute(f'CREATE OR REPLACE {"TABLE" if keep else "VIEW"} {schema}."{table}" AS {text}')
        self.schema[schema][table] = columns(sql, self.schema)

    def _place(self, name: str) -> tuple[str, str]:
        schema, _, table = name.partition(".")
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.schema.setdefault(schema, {})
        return schema, table

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def open_session(
    snapshot: Snapshot,
    *,
    staged: Mapping[str, Sequence[str]] | None = None,
    memory_limit: str = "1GB",
    threads: int | None = None,
    spill: Path | None = None,
) -> Session:
    """A session over the snapshot's files and nothing else on the machine.

    `staged` adds the schema of that name with the result tables over the given absolute paths; a table it does not
    name is empty. `spill` is a folder for what exceeds `memory_limit`; without it such a query fails.
    """
    connection = duckdb.connect(config=_CONFIG)
    connection.execute("SET enable_progress_bar = false")
    for setting, value in {"TimeZone": "UTC", "memory_limit": memory_limit, "temp_directory": str(spill or "")}.items():
        connection.execute(f"SET {setting} = {_text(value)}")
    if threads is not None:
        connection.execute(f"SET threads = {threads:d}")
    for name in ("store", "input", "staged"):
        connection.execute(f"CREATE SCHEMA {name}")
    for macro in MACROS:
        connection.execute(macro)
    with _answers():
        _fill(connection, snapshot, staged or {})
        for name, text in _known()[1].items():
            connection.execute(f'CREATE VIEW "{name}" AS {text}')
    _close_doors(connection, [*snapshot.files.values(), *(staged or {}).values()])
    return Session(connection, {name: dict(tables) for name, tables in _known()[0].items()})


def _fill(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, staged: Mapping[str, Sequence[str]]) -> None:
    for table in (*PUBLISHED, QUARANTINE):
        _over_files(connection, "store", table.name, table, snapshot.files.get(table.name, ()))
    for kind, table in SOURCES.items():
        _over_files(connection, "input", kind, table, snapshot.files.get(table.name, ()))
    for table in PUBLISHED:
        _over_files(connection, "staged", table.name, table, staged.get(table.name, ()))
    for table in TOLD:
        _insert(connection, table, snapshot.told[table.name])


def _over_files(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, table: Table, paths: Sequence[str]
) -> None:
    source = f"SELECT {', '.join(_nothing(c) for c in table.columns)} WHERE false"
    if paths:
        listed, wanted = ", ".join(map(_text, paths)), ", ".join(f'"{n}"' for n in table.names)
        # By name, with nothing before: files of an older version lack columns.
        rows = f"{source} UNION ALL BY NAME SELECT * FROM read_parquet([{listed}], union_by_name = true)"
        source = f"SELECT {wanted} FROM ({rows})"
    connection.execute(f'CREATE VIEW {schema}."{name}" AS {source}')


def _nothing(column: Column) -> str:
    return f'CAST(NULL AS {column.duckdb}) AS "{column.name}"'


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, frame: pl.DataFrame) -> None:
    connection.execute(table.create_duckdb())
    connection.register("incoming", arrow.Stream(frame.select(table.names)))
    connection.execute(f'INSERT INTO store."{table.name}" SELECT * FROM incoming')
    connection.unregister("incoming")


def _close_doors(connection: duckdb.DuckDBPyConnection, files: Sequence[Sequence[str]]) -> None:
    """From here on only the snapshot's own files can be read, and no setting can change that."""
    allowed = ", ".join(_text(path) for paths in files for path in paths)
    connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def views() -> dict[str, dict[str, str]]:
    """The names of the views of sql/views, each with its columns and their GoogleSQL types."""
    return _known()[0][VIEWS]


def view_texts() -> dict[str, str]:
    """The text of every view of sql/views, after those that it reads."""
    found = {name.rpartition("/")[2]: texts.read(name) for name in texts.names("views")}
    order = TopologicalSorter(
        {name: sorted(_reads(text) & found.keys()) for name, text in found.items()}
    ).static_order()
    return {name: found[name] for name in order}


@lru_cache(maxsize=1)
def _known() -> tuple[Schema, dict[str, str]]:
    """The columns of every table and view, and each view's DuckDB text, a view after those it reads."""
    schema: Schema = {
        "store": {t.name: _types(t) for t in _STORED},
        "input": {kind: _types(t) for kind, t in SOURCES.items()},
        "staged": {t.name: _types(t) for t in PUBLISHED},
        VIEWS: {},
    }
    views: dict[str, str] = {}
    for name, text in view_texts().items():
        views[name] = to_duckdb(text, schema=schema)
        schema[VIEWS][name] = columns(text, schema)
    return schema, views


def _reads(text: str) -> set[str]:
    """Names without a schema that the view reads."""
    return {t.name for t in sqlglot.parse_one(text, read=DIALECT).find_all(exp.Table) if not t.db}


def _types(table: Table) -> dict[str, str]:
    return {c.name: c.bigquery for c in table.columns}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def _answers() -> Iterator[None]:
    """DuckDB's errors as one line, without the quoted query."""
    try:
        yield
    except duckdb.Error as error:
        said = one_line(Exception(str(error).split("\n\nLINE ")[0].split(". Use TRY(")[0]))
        if damaged := _damage(error, said):
            raise damaged from error
        if isinstance(error, (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.InternalException)):
            raise StoreError(f"query could not be answered: {said}") from error
        raise InputError(f"query: {_asked_for_more(said) or said.partition(' Error: ')[2] or said}") from error


def _asked_for_more(said: str) -> str | None:
    """A parameter without a value, in our words."""
    _, found, names = said.partition("Values were not provided for the following parameters: ")
    return f"no value is given for @{names}: write the value itself, or declare it, `{_DECLARE}`" if found else None


def _damage(error: duckdb.Error, said: str) -> Damaged | None:
    """What is wrong with a file of the lake, where that is the error: it names the file, or has no kind at all."""
    named = re.search(r"""["'](/[^"']*\.parquet)["']""", said)
    if named:
        why = re.sub(rf"( of)? file {re.escape(named[0])}|: *$", "", said.partition(" Error: ")[2], flags=re.IGNORECASE)
        return damage(Path(named[1]), f"cannot be read ({why})")
    return damage(None, f"cannot be read ({said})") if type(error) is duckdb.Error else None
