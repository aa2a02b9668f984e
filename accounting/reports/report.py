"""A month as files: rows and sums, FOCUS, the journal; each whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import polars as pl

from accounting.errors import InputError, StoreError
from accounting.project import Project
from accounting.reports.focus.bundle import bundle
from accounting.reports.month import Month, read
from accounting.reports.rows import write_rows

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


def write(project: Project, month: str, team: str | None, wanted: Iterable[str], out: Path, now: int) -> Written:
    """Writes the month's files of the `wanted` formats into `out`, made where missing; raises as `month.read` does."""
    found = read(project, month, team)
    at = datetime.fromtimestamp(now / 1000, UTC)
    files = []
    for one in wanted:
        for file in FORMATS[one](found, at):
            _write(out / file.name, file.write)
            files.append((out / file.name, file.said))
    total = found.summary.row(-1, named=True)
    return Written(files, total["cost"], total["currency"], total["unpriced_hours"])


def _csv(month: Month, at: datetime) -> Iterator[File]:
    yield _rows(f"{month.stem}-charges.csv", month.charges)
    yield _rows(f"{month.stem}-summary.csv", month.summary)


def _focus(month: Month, at: datetime) -> Iterator[File]:
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


FORMATS: dict[str, Callable[[Month, datetime], Iterator[File]]] = {"csv": _csv, "focus": _focus}


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
