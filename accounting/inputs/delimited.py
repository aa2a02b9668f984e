"""Text files with separated columns: CSV and `sacct -P` dumps, plain or compressed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from accounting.errors import InputError
from accounting.inputs import presets, sacct
from accounting.inputs.compressed import check_whole
from accounting.inputs.duck import reading
from accounting.inputs.encodings import as_utf8
from accounting.inputs.mapping import Mapping
from accounting.inputs.scratch import Scratch
from accounting.inputs.staged import REJECTS, ROW, Staged, numbered

_TITLES = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "a quote inside a value",
    "INVALID ENCODING": "not UTF-8",
    "LINE SIZE OVER MAXIMUM": "line too long",
}


_PLACED = ("UNQUOTED VALUE", "INVALID ENCODING", "MISSING COLUMNS")
_REASONS = {
    "a quote inside a value": "a quote inside a value: double it, or put the value in quotes",
    "not UTF-8": "not UTF-8: say `encoding` in the mapping, or correct the text",
    "line too long": "line too long: a quote may be open, or the separator another one",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the columns of a file are separated and named."""

    separator: str
    quote: str
    header: bool
    names: tuple[str, ...]


def read(path: Path, mapping: Mapping, scratch: Scratch) -> Staged:
    """Columns as text; lines with the wrong number of columns, stray quotes or bad bytes are rejected."""
    check_whole(path)
    text = as_utf8(path, mapping.settings.encoding, scratch)
    target = scratch.path(".parquet")
    with reading(path, scratch.path(".spill")) as connection:
        dialect = _dialect(path, _first_line(connection, text), mapping)
        connection.execute(
            f"COPY (SELECT * FROM read_csv($path, {_options(dialect)}, store_rejects = true, rejects_limit = 0,"
            " strict_mode = true, nullstr = $nulls, columns = $columns))"
            " TO $target (FORMAT parquet, ROW_GROUP_SIZE 30720)",
            {
                "path": str(text),
                "nulls": ["", *presets.nulls(mapping)],
                "columns": dict.fromkeys(dialect.names, "VARCHAR"),
                "target": str(target),
            },
        )
        rejects = _rejects(connection, dialect)
    frame = pl.scan_parquet(target, row_index_name=ROW, row_index_offset=1, glob=False)
    rows = frame.select(pl.len()).collect().item()
    _check_quotes(path, rejects, rows + rejects.height)
    _check_end(path, text, rejects)
    return Staged(frame.with_columns(numbered(rejects["row"])), dialect.names, rows, rejects)


def _options(dialect: Dialect) -> str:
    header = "true" if dialect.header else "false"
    return (
        "all_varchar = true, auto_detect = false,"
        f" header = {header}, delim = {_sql(dialect.separator)},"
        f" quote = {_sql(dialect.quote)}, escape = {_sql(dialect.quote)}"
    )


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _first_line(connection: duckdb.DuckDBPyConnection, text: Path) -> str:
    row = connection.execute(
        "SELECT line FROM read_csv($path, all_varchar = true, auto_detect = false, header = false, delim = '\x1f',"
        " quote = '', escape = '', ignore_errors = true, strict_mode = false, columns = {'line': 'VARCHAR'}) LIMIT 1",
        {"path": str(text)},
    ).fetchone()
    return str(row[0] or "").removeprefix("\ufeff") if row else ""


def _dialect(path: Path, line: str, mapping: Mapping) -> Dialect:
    said = mapping.settings
    if mapping.format == "sacct":
        separator = said.separator or "|"
        found = tuple(line.rstrip("\r\n").split(separator))
        names, header = sacct.names(found, said.names, said.header)
        return Dialect(separator, "", header, _matched(path, names, found, mapping))
    separator = said.separator or ","
    header = said.header if said.header is not None else said.names is None
    found = tuple(next(csv.reader([line], delimiter=separator, strict=False), []))
    if not found:
        raise InputError(f"{path}: the first line is empty: export the file again, or remove that line")
    if said.names is None and not header:
        raise InputError(f'{mapping.path}: header = false needs the columns\' names: add `names = ["…", …]`')
    return Dialect(separator, '"', header, _matched(path, said.names or found, found, mapping))


def _matched(path: Path, names: tuple[str, ...], found: tuple[str, ...], mapping: Mapping) -> tuple[str, ...]:
    if len(names) != len(found):
        raise InputError(
            f"{path}: row 1 has {len(found)} columns, the mapping names {len(names)}:"
            f" correct `names` or `separator` in {mapping.path}"
        )
    for position, name in enumerate(names, 1):
        if not name:
            raise InputError(f"{path}: column {position} has no name in the header: give `names` in {mapping.path}")
        if names.index(name) < position - 1:
            raise InputError(
                f"{path}: the header has {name!r} twice (columns {names.index(name) + 1} and {position}):"
                f" give `names` and `header = true` in {mapping.path}"
            )
    return names


def _rejects(connection: duckdb.DuckDBPyConnection, dialect: Dialect) -> pl.DataFrame:
    found: list[tuple[Any, ...]] = connection.execute(
        "SELECT line - $header AS row, arg_min(column_name, column_idx), arg_min(error_type::VARCHAR, column_idx),"
        " arg_min(error_message, column_idx), any_value(csv_line) FROM reject_errors GROUP BY line ORDER BY line",
        {"header": int(dialect.header)},
    ).fetchall()
    rows = [
        (row, name if kind in _PLACED else None, *_told(kind, message, line or "", dialect), (line or "").strip("\r\n"))
        for row, name, kind, message, line in found
    ]
    return pl.DataFrame(rows, schema=REJECTS, orient="row")


def _told(kind: str, message: str, line: str, dialect: Dialect) -> tuple[str, str]:
    """Title and reason, in our words where the reader's kind of error is known."""
    title = _TITLES.get(kind)
    if title is None:
        return kind.lower(), message.splitlines()[0]
    if not title.endswith("columns"):
        return title, _REASONS[title]
    fields = next(
        csv.reader(
            [line.strip("\r\n")],
            delimiter=dialect.separator,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            strict=False,
        ),
        [],
    )
    return title, f"{title}: {len(fields)} where there should be {len(dialect.names)}"


def _check_quotes(path: Path, rejects: pl.DataFrame, rows: int) -> None:
    """A quote that never closes swallows the rest, be it the rest of the last line."""
    for row in rejects.filter(title=_TITLES["UNQUOTED VALUE"]).iter_rows(named=True):
        to_the_end = row["row"] == rows and row["content"].count('"') % 2
        if "\n" in row["content"] or to_the_end:
            raise InputError(
                f"{path}: row {row['row']}: a quote is opened and never closed: the file was cut, or quote it anew"
            )


def _check_end(path: Path, text: Path, rejects: pl.DataFrame) -> None:
    """A last line that is short and has no end was cut."""
    if rejects.is_empty():
        return
    last = rejects.row(-1, named=True)
    if text.suffix in (".gz", ".zst") or last["title"] != _TITLES["MISSING COLUMNS"]:
        return
    tail = last["content"].encode()
    with text.open("rb") as file:
        file.seek(-min(len(tail), text.stat().st_size), 2)
        if file.read() == tail:
            raise InputError(
                f"{path}: row {last['row']}: the file ends in the middle of the row: it was cut; export it again"
            )
