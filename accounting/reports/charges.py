"""A month's charges as files: every charge, and the sums by team."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

import sql
from accounting.errors import InputError, StoreError
from accounting.periods import checked
from accounting.project import Project
from accounting.reports.rows import write_rows
from accounting.stores.engine import open_session

FORMATS = ("csv",)


@dataclass(frozen=True, slots=True)
class Written:
    """A month's report: `cost` None means that nothing is priced."""

    files: list[tuple[Path, int]]
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


def write(project: Project, month: str, team: str | None, out: Path) -> Written:
    """Writes MONTH[-TEAM]-charges.csv and MONTH[-TEAM]-summary.csv into `out`, made where missing.

    Raises `InputError` where `month` is not YYYY-MM or nothing was charged in it to the team.
    """
    charges, summary = _read(project, checked(month), team)
    stem = month if team is None else f"{month}-{file_name(team)}"
    files = [(out / f"{stem}-charges.csv", charges), (out / f"{stem}-summary.csv", summary)]
    for path, frame in files:
        _write(path, frame)
    total = summary.row(-1, named=True)
    return Written(
        [(path, frame.height) for path, frame in files], total["cost"], total["currency"], total["unpriced_hours"]
    )


def file_name(team: str) -> str:
    """The team's name where it is safe in a file name; else a safe part of it and a digest: no two are equal."""
    safe = re.sub(r"[^\w.-]+", "_", team).lstrip(".")[:80]
    return safe if safe == team else f"{safe or 'team'}-{hashlib.sha256(team.encode()).hexdigest()[:8]}"


def _read(project: Project, month: str, team: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    lake = project.lake
    with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
        which = {"month": month, "team": team}
        charges = session.query(sql.read("commands/charges_of_month"), which)
        if charges.is_empty():
            raise InputError(_nothing(session.query(sql.read("commands/months")), month, team))
        return charges, session.query(sql.read("commands/summary_of_month"), which)


def _nothing(known: pl.DataFrame, month: str, team: str | None) -> str:
    months = known["month"].unique().sort().to_list()
    if not months:
        return f"there are no charges in {month}: nothing is published; next: chipledger run"
    if month not in months:
        return f"there are no charges in {month}: there are some from {months[0]} to {months[-1]}"
    teams = known.filter(pl.col("month") == month)["team"].to_list()
    near = difflib.get_close_matches(team or "", teams, n=3) or teams[:10]
    return f"team {team!r} bears nothing in {month}; there are {', '.join(near)}"


def _write(path: Path, frame: pl.DataFrame) -> None:
    """Whole or not at all: the file takes its name when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            write_rows(frame, "csv", file)
        partial.replace(path)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise InputError(f"{path.parent}: {error.strerror}: choose another folder with --out") from error
    except (OSError, pl.exceptions.PolarsError) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{path}: cannot be written ({str(error).splitlines()[0]}): make room and report again"
        ) from error
