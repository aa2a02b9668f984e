"""A month to report on: its charges, their sums, and how the month stands."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

import sql
from accounting.billed import platform_of
from accounting.errors import InputError
from accounting.periods import Period, checked, period
from accounting.project import LakeReader, Project
from accounting.reports.focus.rows import Issuer


@dataclass(frozen=True, slots=True)
class Month:
    """`charges` are rows of the month, of `team` where that is not None; `summary` their sums, the total last.

    `teams` is what each team's charges cost, of all teams; one of which nothing is priced is not in it.
    """

    period: Period
    team: str | None
    charges: pl.DataFrame
    summary: pl.DataFrame
    issuer: Issuer
    teams: Mapping[str, Decimal]

    @property
    def stem(self) -> str:
        """How names of its files begin."""
        return self.period.month if self.team is None else f"{self.period.month}-{file_name(self.team)}"


@dataclass(frozen=True, slots=True)
class Shelf:
    """Months of a project, all of one state of its lake."""

    project: Project
    reader: LakeReader

    def month(self, month: str, team: str | None) -> Month:
        """Raises `InputError` where `month` is not YYYY-MM or nothing was charged in it to the team."""
        which = {"month": checked(month), "team": team}
        charges = self.reader.query(sql.read("commands/charges_of_month"), which)
        if charges.is_empty():
            raise InputError(_nothing(self._known(), month, team))
        summary = self.reader.query(sql.read("commands/summary_of_month"), which)
        every = summary
        if team is not None:
            every = self.reader.query(sql.read("commands/summary_of_month"), {**which, "team": None})
        stands = period(self.project, month)
        return Month(stands, team, charges, summary, _issuer(self.project, stands, charges), _costs(every))

    def before(self, month: Month) -> Month | None:
        """The month before, of the same team; None where nothing was charged in it."""
        year, number = map(int, month.period.month.split("-"))
        before = f"{year - (number == 1):04d}-{(number + 10) % 12 + 1:02d}"
        teams = self._known().filter(month=before)["team"]
        if teams.is_empty() or (month.team is not None and month.team not in teams):
            return None
        return self.month(before, month.team)

    def _known(self) -> pl.DataFrame:
        return self.reader.query(sql.read("commands/months"))


@contextmanager
def shelf(project: Project) -> Iterator[Shelf]:
    """The months of a project as they are now."""
    with closing(project.lake_reader()) as reader:
        yield Shelf(project, reader)


def _costs(summary: pl.DataFrame) -> dict[str, Decimal]:
    """By team; the last row of a summary is the total."""
    priced = summary.head(-1).filter(pl.col("cost").is_not_null())
    return dict(priced.group_by("team").agg(pl.col("cost").sum()).sort("team").iter_rows())


def _issuer(project: Project, stands: Period, charges: pl.DataFrame) -> Issuer:
    drafts = {team: f"DRAFT-{stands.month}-{team}" for team in charges["team"].unique()}
    issued = {statement.team: number(statement.number) for statement in stands.statements}
    return Issuer(platform_of(project.config, stands.month), issued or drafts, project.config.zones)


def number(statement: int) -> str:
    """A statement's number as it is printed."""
    return f"CL-{statement:06d}"


def file_name(team: str) -> str:
    """The team's name where it is safe in a file name; else a safe part of it and a digest: no two are equal."""
    safe = re.sub(r"[^\w.-]+", "_", team).lstrip(".")[:80]
    return safe if safe == team else f"{safe or 'team'}-{hashlib.sha256(team.encode()).hexdigest()[:8]}"


def _nothing(known: pl.DataFrame, month: str, team: str | None) -> str:
    months = known["month"].unique().sort().to_list()
    if not months:
        return f"there are no charges in {month}: nothing is published; next: chipledger run"
    if month not in months:
        return f"there are no charges in {month}: there are some from {months[0]} to {months[-1]}"
    teams = known.filter(pl.col("month") == month)["team"].to_list()
    near = difflib.get_close_matches(team or "", teams, n=3) or teams[:10]
    return f"team {team!r} bears nothing in {month}; there are {', '.join(near)}"
