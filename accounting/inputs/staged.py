"""What reading a file gives."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

ROW = "_row"
LINE = "_line"
"""The whole line, of JSON lines whose nested values are read."""
REJECTS = pl.Schema(
    {"row": pl.Int64(), "column": pl.String(), "title": pl.String(), "reason": pl.String(), "content": pl.String()}
)


@dataclass(frozen=True, slots=True)
class Staged:
    """`frame` has the file's columns and `_row`, the data row counted from 1; `rejects` are rows that cannot be read.

    `typed` files (Parquet) keep their types; `extra` columns are ours, not the file's.
    """

    frame: pl.LazyFrame
    columns: tuple[str, ...]
    rows: int
    rejects: pl.DataFrame
    typed: bool = False
    extra: tuple[str, ...] = ()


def no_rejects() -> pl.DataFrame:
    """An empty frame of rejected rows."""
    return pl.DataFrame(schema=REJECTS)


def numbered(unread: pl.Series) -> pl.Expr:
    """`_row` of the rows that were read, counted again with the `unread` row numbers (sorted) in between."""
    row = pl.col(ROW).cast(pl.Int64)
    if not len(unread):
        return row
    before = unread - pl.Series(range(1, len(unread) + 1))

    def shifted(positions: pl.Series) -> pl.Series:
        return positions + before.search_sorted(positions, side="left").cast(pl.Int64)

    return row.map_batches(shifted, return_dtype=pl.Int64(), is_elementwise=True)
