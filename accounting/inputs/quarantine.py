"""Rows that were not taken, each with its reason and what it held."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import Cells
from accounting.inputs.shaping import FAULT, Fault, Shaped
from accounting.inputs.staged import ROW, Staged

_COLUMNS = ("row", "column", "reason", "content")


def rows(rows: pl.LazyFrame, shaped: Shaped, staged: Staged, cells: Cells, beside: pl.DataFrame) -> pl.LazyFrame:
    """Row, column, reason and content of everything that is wrong in the file.

    `beside` (`_row`, reason) is wrong beside other rows.
    """
    faulty = rows.filter(pl.col(FAULT).is_not_null()).group_by(ROW).agg(pl.col(FAULT).first())
    values = cells.frame.join(faulty, on=ROW).unique(ROW, keep="any")
    reasons = values.select(ROW, _column(shaped.faults).alias("column"), _reason(cells, shaped.faults).alias("reason"))
    others = beside.lazy().select(ROW, pl.lit(None, dtype=pl.String).alias("column"), "reason")
    found = staged.frame.join(pl.concat([reasons, others]), on=ROW).unique(ROW, keep="any")
    content = pl.struct(staged.columns).struct.json_encode()
    bad = found.select(pl.col(ROW).alias("row"), "column", "reason", content.alias("content"))
    return pl.concat([staged.rejects.lazy().select(_COLUMNS), bad])


def stamped(bad: pl.LazyFrame, seq: int, kind: str, file: str) -> pl.LazyFrame:
    """The rows of `QUARANTINE`."""
    return bad.select(
        pl.lit(seq, dtype=pl.Int64).alias("import_seq"),
        "row",
        pl.lit(kind).alias("kind"),
        pl.lit(file).alias("file"),
        "column",
        "reason",
        pl.col("content").fill_null(""),
    )


def _column(faults: tuple[Fault, ...]) -> pl.Expr:
    return pl.coalesce(_if(i, pl.lit(f.column)) for i, f in enumerate(faults))


def _reason(cells: Cells, faults: tuple[Fault, ...]) -> pl.Expr:
    return pl.coalesce(_if(i, _words(cells, f)) for i, f in enumerate(faults))


def _words(cells: Cells, fault: Fault) -> pl.Expr:
    if "{}" not in fault.says or fault.says == "{}":
        return pl.lit(fault.title)
    shown = cells.text(fault.column).fill_null("").str.slice(0, 100)
    return pl.format(f"{fault.column}: '{{}}'{fault.says.removeprefix('{}')}", shown)


def _if(number: int, value: pl.Expr) -> pl.Expr:
    return pl.when(pl.col(FAULT) == number).then(value)
