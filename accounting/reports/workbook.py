"""A month as a workbook: what is paid, a row for each charge, and how to read both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

import polars as pl

from accounting.reports.month import Month, number
from accounting.reports.statement.figures import amount_of, amounts
from accounting.reports.statement.texts import month_name

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

ROWS = 1_048_575
"""Of one sheet, below its header; what is more goes on in another sheet."""
EXACT = ("cost", "used_cost", "list_cost", "unit_price")
WIDTHS = {"charge_id": 34, "workload_id": 30, "model": 18, "accelerator": 18, "publication": 24, "corrects": 34}
HOW = """Lines has one row for each charge: the columns of the view charges, which the data dictionary explains.
A cell that is empty is not known: a charge without a price has no cost, which is not 0.
Spreadsheets keep 15 digits of a number. Columns that end in _exact are the same amounts as text, with all their digits.
hours is device_seconds / 3600, rounded to nine decimals.
To be paid are whole cents by largest remainder: what teams pay adds up to the rounded sum of all charges of the month.
Texts are never formulas, whatever they begin with."""
Cells = dict[str, "Format"]


def write_workbook(month: Month, at: datetime, out: BinaryIO) -> None:
    """Writes the sheets Summary, Lines and How, as made `at`: the same bytes for the same month and instant."""
    import xlsxwriter

    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True})
    book.set_properties({"title": f"Statement {month.stem}", "created": at.replace(tzinfo=None)})
    cells = {
        "head": book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"}),
        "title": book.add_format({"bold": True, "font_size": 14}),
        "bold": book.add_format({"bold": True}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "total": book.add_format({"num_format": "#,##0.00", "bold": True, "top": 1}),
        "exact": book.add_format({"num_format": "#,##0.000000000"}),
        "hours": book.add_format({"num_format": "#,##0.000"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
    }
    _summary(book.add_worksheet("Summary"), month, cells)
    lines = _lines(month.charges)
    for part in range(max(1, -(-lines.height // ROWS))):
        sheet = book.add_worksheet("Lines" if part == 0 else f"Lines {part + 1}")
        _table(sheet, lines.slice(part * ROWS, ROWS), cells)
    _how(book.add_worksheet("How"), cells)
    book.close()
    out.write(file.getbuffer())


def _summary(sheet: Worksheet, month: Month, cells: Cells) -> None:
    """Row by row, as a workbook of constant memory wants it."""
    sheet.set_column(0, 2, 24)
    sheet.set_column(3, 7, 17)
    currency = next(iter(month.charges["currency"].drop_nulls()), "")
    sheet.write_string(0, 0, f"Statement {month_name(month.period.month)}, {month.team or 'all teams'}", cells["title"])
    state = (
        f"Closed {month.period.closed_at:%Y-%m-%d}, SHA-256 {month.period.sha256}" if month.period.sha256 else "Draft"
    )
    sheet.write_string(1, 0, state)
    _row(sheet, 3, ("statement", "team", f"to be paid, {currency}"), cells["head"])
    row = 4
    for row, (name, team, share) in enumerate(_paid(month), 4):
        _row(sheet, row, (name, team), None)
        sheet.write_number(row, 2, share, cells["money"])
    total = amount_of(month)
    _row(sheet, row + 1, ("total",), cells["bold"])
    if total is not None:
        sheet.write_number(row + 1, 2, total, cells["total"])
    _row(sheet, row + 3, month.summary.columns, cells["head"])
    for below, values in enumerate(month.summary.iter_rows(), row + 4):
        _cells(sheet, below, zip(month.summary.columns, values, strict=True), cells)


def _paid(month: Month) -> Iterator[tuple[str, str, Decimal]]:
    """Number of the statement, team, what it pays."""
    numbers = {one.team: number(one.number) for one in month.period.statements}
    for team, share in sorted(amounts(month.teams, month).items()):
        if month.team in (None, team):
            yield numbers.get(team, "draft"), team, share


def _lines(charges: pl.DataFrame) -> pl.DataFrame:
    """The charges with hours, and the exact text of amounts behind all other columns."""
    hours = (pl.col("device_seconds") / 3600).cast(pl.Decimal(38, 9)).alias("hours")
    exact = [pl.col(name).cast(pl.String).alias(f"{name}_exact") for name in EXACT]
    return charges.with_columns(hours, *exact)


def _table(sheet: Worksheet, frame: pl.DataFrame, cells: Cells) -> None:
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(frame.height, 1), frame.width - 1)
    for column, name in enumerate(frame.columns):
        sheet.set_column(column, column, WIDTHS.get(name, 14))
    _row(sheet, 0, frame.columns, cells["head"])
    for row, values in enumerate(frame.iter_rows(), 1):
        _cells(sheet, row, zip(frame.columns, values, strict=True), cells)


def _cells(sheet: Worksheet, row: int, values: Iterable[tuple[str, object]], cells: Cells) -> None:
    for column, (name, value) in enumerate(values):
        if isinstance(value, str):
            sheet.write_string(row, column, value)
        elif isinstance(value, Decimal | int):
            kind = "hours" if name.endswith(("hours", "seconds")) else "exact"
            sheet.write_number(row, column, value, cells[kind])
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, cells["date"])


def _row(sheet: Worksheet, row: int, texts: Sequence[str], format: Format | None) -> None:
    for column, text in enumerate(texts):
        sheet.write_string(row, column, text, format)


def _how(sheet: Worksheet, cells: Cells) -> None:
    sheet.set_column(0, 0, 110)
    for row, text in enumerate(HOW.splitlines()):
        sheet.write_string(row, 0, text, cells["wrap"])
