"""JSON lines: one object per line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from accounting.errors import InputError
from accounting.inputs import presets
from accounting.inputs.compressed import check_whole
from accounting.inputs.duck import reading
from accounting.inputs.encodings import as_utf8
from accounting.inputs.mapping import Mapping
from accounting.inputs.scratch import Scratch
from accounting.inputs.staged import LINE, REJECTS, ROW, Staged, numbered

_LINES = (
    "read_csv($path, all_varchar = true, auto_detect = false, header = false, delim = '\x1f', quote = '', escape = '',"
    " store_rejects = true, rejects_limit = 0, strict_mode = true, columns = {'line': 'VARCHAR'})"
)
_OBJECT = "CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END"
_MOST_KEYS = 4_096


def read(path: Path, mapping: Mapping, scratch: Scratch) -> Staged:
    """One text column per key that occurs, nested values as JSON text; lines that are no object are rejected.

    Formats that look inside have the line itself too, in the column LINE.
    """
    check_whole(path)
    whole = mapping.format != "jsonl"
    text = as_utf8(path, mapping.settings.encoding, scratch)
    lines, target = scratch.path(".lines.parquet"), scratch.path(".parquet")
    with reading(path, scratch.path(".spill")) as connection:
        connection.execute(
            f"COPY (SELECT * FROM {_LINES}) TO $lines (FORMAT parquet, ROW_GROUP_SIZE 30720)",
            {"path": str(text), "lines": str(lines)},
        )
        unreadable = _unreadable(connection)
        connection.execute(
            f"CREATE VIEW numbered AS SELECT file_row_number + 1 AS {ROW}, line, {_OBJECT} AS good"
            f" FROM read_parquet('{lines}', file_row_number = true) WHERE trim(line) <> ''"
        )
        columns = _keys(path, connection)
        connection.execute(_extraction(columns, whole), {"nulls": ["", *presets.nulls(mapping)], "target": str(target)})
        others = (
            _no_objects(connection).rename({"row": ROW}).with_columns(numbered(unreadable["row"])).rename({ROW: "row"})
        )
    rejects = pl.concat([unreadable, others]).sort("row")
    _check_end(path, text, rejects)
    frame = pl.scan_parquet(target, glob=False).with_columns(numbered(unreadable["row"]))
    count = frame.select(pl.len()).collect().item()
    return Staged(frame, columns, count, rejects, extra=(LINE,) if whole else ())


def _keys(path: Path, connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT key FROM (SELECT unnest(json_keys(line)) AS key, _row FROM numbered WHERE good)"
        f" GROUP BY key ORDER BY min(_row), key LIMIT {_MOST_KEYS + 1}"
    ).fetchall()
    if len(rows) > _MOST_KEYS:
        raise InputError(
            f"{path}: more than {_MOST_KEYS} different keys: the keys seem to be data; export rows as fixed columns"
        )
    return tuple(str(key) for (key,) in rows)


def _extraction(columns: tuple[str, ...], whole: bool) -> str:
    fields = f", line AS {LINE}" * whole + "".join(f", {_value(key)} AS {_quoted(key)}" for key in columns)
    return f"COPY (SELECT {ROW}{fields} FROM numbered WHERE good) TO $target (FORMAT parquet, ROW_GROUP_SIZE 30720)"


def _value(key: str) -> str:
    pointer = "/" + key.replace("~", "~0").replace("/", "~1")
    value = f"json_extract_string(line, '{pointer.replace(chr(39), chr(39) * 2)}')"
    return f"CASE WHEN good AND NOT list_contains($nulls, {value}) THEN {value} END"


def _quoted(key: str) -> str:
    return '"' + key.replace('"', '""') + '"'


def _unreadable(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    rows = connection.execute(
        "SELECT line, any_value(error_type::VARCHAR), any_value(error_message), any_value(csv_line)"
        " FROM reject_errors GROUP BY line ORDER BY line"
    ).fetchall()
    return _frame(
        [
            (row, None, "not UTF-8", "not UTF-8: say `encoding` in the mapping, or correct the text", line)
            if "ENCODING" in kind
            else (row, None, kind.lower(), why.splitlines()[0], line)
            for row, kind, why, line in rows
        ]
    )


def _no_objects(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    rows = connection.execute(f"SELECT {ROW}, json_valid(line), line FROM numbered WHERE NOT good").fetchall()
    return _frame([(row, None, *_title(valid), line) for row, valid, line in rows])


def _title(valid: bool) -> tuple[str, str]:
    return ("not an object", "the line is JSON, but no object") if valid else ("not JSON", "the line is not JSON")


def _frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=REJECTS, orient="row")


def _check_end(path: Path, text: Path, rejects: pl.DataFrame) -> None:
    if rejects.is_empty() or text.suffix in (".gz", ".zst"):
        return
    last = rejects.row(-1, named=True)
    tail = last["content"].encode()
    with text.open("rb") as file:
        file.seek(-min(len(tail), text.stat().st_size), 2)
        if last["title"] == "not JSON" and file.read() == tail:
            raise InputError(
                f"{path}: row {last['row']}: the file ends in the middle of the line: it was cut; export it again"
            )
