"""Files as they are: a scan of text columns with row numbers, and the rows that cannot be read."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from accounting.errors import InputError
from accounting.inputs import delimited, jsonlines, presets
from accounting.inputs.mapping import Mapping
from accounting.inputs.scratch import Scratch
from accounting.inputs.staged import ROW, Staged, no_rejects


def read(path: Path, mapping: Mapping, scratch: Scratch) -> Staged:
    """The rows of a file; raises `InputError` where the file as a whole is empty, cut or unreadable."""
    check_readable(path)
    form = presets.container(path, mapping)
    if form == "parquet":
        staged = _parquet(path, mapping)
    elif form == "jsonl":
        staged = jsonlines.read(path, mapping, scratch)
    else:
        staged = delimited.read(path, mapping, scratch)
    if ROW in staged.columns:
        raise InputError(f"{path}: a column is named {ROW!r}, which is reserved: rename it")
    if not staged.rows + staged.rejects.height:
        raise InputError(f"{path}: the file has no rows: export it again")
    return staged


def check_readable(path: Path) -> None:
    """Raises `InputError` where there is no file, no permission, or nothing in it."""
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f"{path}: the file is empty: export it again")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: check the path and its permissions") from error


def scan(path: Path) -> pl.LazyFrame:
    """The rows of a Parquet file of our own making."""
    return pl.scan_parquet(path, glob=False)


def _parquet(path: Path, mapping: Mapping) -> Staged:
    try:
        frame = pl.scan_parquet(path, row_index_name=ROW, row_index_offset=1, glob=False)
        schema = frame.collect_schema()
        rows = frame.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(
            f"{path}: no readable Parquet file ({str(error).splitlines()[0]}): it may be cut; export it again"
        ) from error
    columns = tuple(name for name in schema if name != ROW)
    nulls = presets.nulls(mapping)
    texts = [c for c in columns if schema[c] == pl.String]
    cleaned = frame.with_columns(pl.col(ROW).cast(pl.Int64), *(_without(c, ("", *nulls)) for c in texts))
    return Staged(cleaned, columns, rows, no_rejects(), typed=True)


def _without(column: str, nulls: tuple[str, ...]) -> pl.Expr:
    return pl.when(pl.col(column).is_in(nulls).not_()).then(pl.col(column)).alias(column)
