"""Rows for people and programs: a table to read, CSV, JSON, Parquet. Decimals keep every digit."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import BinaryIO, Literal

import polars as pl
from polars import selectors
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from accounting.errors import InputError

Format = Literal["table", "csv", "json", "parquet"]


def write_rows(frame: pl.DataFrame, format: Format, out: BinaryIO) -> None:
    """Writes the frame to `out` in UTF-8 (`sys.stdout.buffer`, or a file opened in binary).

    - table: numbers to the right, NULL as NULL; all columns at full width unless `out` is a terminal, where cells fold
    - csv: a header, exact decimals, NULL empty, times in ISO 8601 ending in Z
    - json: an array of objects, decimals as numerals with all digits, NULL and what JSON cannot say (NaN) as null,
      bytes in base64
    - parquet: the frame as it is

    Raises `InputError` for a list or struct in csv.
    """
    _WRITERS[format](frame, out)


def _write_table(frame: pl.DataFrame, out: BinaryIO) -> None:
    table = Table(box=SIMPLE_HEAD, show_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(Text(name), justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in _times_as_text(frame).iter_rows():
        table.add_row(*(Text("NULL", style="dim") if value is None else Text(_plain(value)) for value in row))
    terminal = out.isatty()
    text = StringIO()
    console = Console(file=text, force_terminal=terminal, width=shutil.get_terminal_size().columns)
    if not terminal:
        console.width = max(
            console.width, console.measure(table, options=console.options.update(width=1_000_000)).maximum
        )
    console.print(table)
    out.write(text.getvalue().encode())


def _write_csv(frame: pl.DataFrame, out: BinaryIO) -> None:
    nested = frame.select(selectors.nested()).columns
    if nested:
        raise InputError(f"column {nested[0]!r} is a list or a struct, which csv cannot hold: choose json or parquet")
    _times_as_text(frame).write_csv(out)


def _write_json(frame: pl.DataFrame, out: BinaryIO) -> None:
    keys = [json.dumps(name, ensure_ascii=False) for name in frame.columns]
    separator = "[\n"
    for row in _times_as_text(frame).iter_rows():
        members = ", ".join(f"{key}: {_json(value)}" for key, value in zip(keys, row, strict=True))
        out.write(f"{separator}{{{members}}}".encode())
        separator = ",\n"
    out.write(b"[]\n" if frame.is_empty() else b"\n]\n")


def _write_parquet(frame: pl.DataFrame, out: BinaryIO) -> None:
    buffer = BytesIO()
    frame.write_parquet(buffer)
    out.write(buffer.getbuffer())


_WRITERS: dict[Format, Callable[[pl.DataFrame, BinaryIO], None]] = {
    "table": _write_table,
    "csv": _write_csv,
    "json": _write_json,
    "parquet": _write_parquet,
}


def _times_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        selectors.datetime(time_zone="*").dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ"),
        selectors.datetime(time_zone=None).dt.to_string("%Y-%m-%dT%H:%M:%S%.f"),
        selectors.date().dt.to_string("%Y-%m-%d"),
    )


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _json(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case float() if value - value != 0:
            return "null"
        case datetime() | date():
            return json.dumps(value.isoformat().replace("+00:00", "Z"))
        case list():
            return f"[{', '.join(map(_json, value))}]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {_json(v)}" for k, v in value.items()) + "}"
        case _:
            return json.dumps(value, ensure_ascii=False, default=_base64)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
