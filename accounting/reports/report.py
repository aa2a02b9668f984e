"""A month as files: rows and sums, FOCUS, the journal; each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import polars as pl

from accounting.errors import InputError, StoreError
from accounting.inputs.importing import Progress, silent
from accounting.project import Project
from accounting.reports.focus.bundle import bundle
from accounting.reports.journal import journal
from accounting.reports.month import Month, Shelf, shelf
from accounting.reports.rows import write_rows
from accounting.reports.statement.pdf import statement
from accounting.reports.workbook import write_workbook

Write = Callable[[BinaryIO], object]


@dataclass(frozen=True, slots=True)
class File:
    """A file of a report: its name below the folder, what fills it, and what is said of it."""

    name: str
    write: Write
    said: str


@dataclass(frozen=True, slots=True)
class Written:
    """A month's report: `cost` None means that nothing is priced."""

    files: list[tuple[Path, str]]
    cost: Decimal | None
    currency: str | None
    unpriced_hours: Decimal


def formats(text: str) -> list[str]:
    """The formats of a comma list, each once; raises `InputError` naming the known ones."""
    wanted = list(dict.fromkeys(part.strip() for part in text.split(",")))
    for one in wanted:
        if one not in FORMATS:
            raise InputError(f"--format {text}: no format {one!r}; known: {', '.join(FORMATS)}")
    return wanted


def write(
    project: Project,
    month: str,
    team: str | None,
    wanted: Collection[str],
    out: Path,
    now: int,
    *,
    each: bool = False,
    progress: Progress = silent,
) -> Written:
    """Writes the month's files of the `wanted` formats into `out`, made where missing; raises as `Shelf.month` does.

    With `each`, also those of each team; what is returned besides the files is the total of all.
    """
    at = datetime.fromtimestamp(now / 1000, UTC)
    with shelf(project) as months:
        found = months.month(month, team)
        files = _fill(months, found, wanted, out, at)
        teams = sorted(found.charges["team"].unique()) if each and team is None else []
        for done, one in enumerate(teams):
            progress(f"writing the files of {one}", done / len(teams))
            files += _fill(months, months.month(month, one), wanted, out, at)
    total = found.summary.row(-1, named=True)
    return Written(files, total["cost"], total["currency"], total["unpriced_hours"])


def _fill(months: Shelf, month: Month, wanted: Collection[str], out: Path, at: datetime) -> list[tuple[Path, str]]:
    made = [file for one in wanted for file in FORMATS[one](months, month, at)]
    for file in made:
        _write(out / file.name, file.write)
    return [(out / file.name, file.said) for file in made]


def _csv(months: Shelf, month: Month, at: datetime) -> Iterator[File]:
    yield _rows(f"{month.stem}-charges.csv", month.charges)
    yield _rows(f"{month.stem}-summary.csv", month.summary)


def _pdf(months: Shelf, month: Month, at: datetime) -> Iterator[File]:
    made = statement(month, months.before(month))
    said = "a draft, the month is open" if month.period.open else "as it was closed"
    yield File(f"{month.stem}-statement.pdf", lambda out: out.write(made), said)


def _xlsx(months: Shelf, month: Month, at: datetime) -> Iterator[File]:
    said = f"{month.charges.height:,} rows"
    yield File(
        f"{month.stem}-statement.xlsx", lambda out: write_workbook(month, month.period.closed_at or at, out), said
    )


def _gl(months: Shelf, month: Month, at: datetime) -> Iterator[File]:
    made = journal(month, months.project.config.gl)
    yield _rows(f"{month.stem}-gl.csv", made)


def _focus(months: Shelf, month: Month, at: datetime) -> Iterator[File]:
    """Both versions, and a folder with all datasets of 1.4 under the names that FOCUS gives them."""
    made = bundle(month.charges, month.period, month.issuer, at)
    if made.left_out:
        raise InputError(
            f"{month.period.month}: {made.left_out:,} charges have no price, and FOCUS has no way to say so: import"
            " prices and run; nothing is exported at 0"
        )
    for version, rows in made.cost_and_usage.items():
        yield _rows(f"{month.stem}-focus-{version}.csv", rows)
    for name, rows in made.datasets.items():
        yield _rows(f"{month.stem}-focus-1.4/{name}.csv", rows)


FORMATS: dict[str, Callable[[Shelf, Month, datetime], Iterator[File]]] = {
    "csv": _csv,
    "pdf": _pdf,
    "xlsx": _xlsx,
    "focus": _focus,
    "gl": _gl,
}

PRICED = ("focus", "gl")
"""Formats that have no way to say that a cost is not known, and refuse a month that has such."""


def _rows(name: str, frame: pl.DataFrame) -> File:
    return File(name, lambda out: write_rows(frame, "csv", out), f"{frame.height:,} rows")


def _write(path: Path, fill: Write) -> None:
    """Whole or not at all: the file takes its name when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            fill(file)
        partial.replace(path)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{path.parent}: {error.strerror}: choose another folder with --out") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: cannot be written ({str(error).splitlines()[0]}): make room and report again"
        ) from error
