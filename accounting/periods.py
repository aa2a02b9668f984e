"""Months of the ledger: open until they are closed, with the statements that were issued then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from accounting.errors import InputError
from accounting.project import Project
from accounting.stores import closing


@dataclass(frozen=True, slots=True)
class Statement:
    """What a team was told to pay: `amount` in whole cents, `number` without gaps over all that were issued."""

    number: int
    team: str
    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Period:
    """A month. Where it is closed: the number of its close, when, and the SHA-256 that chains it to the one before."""

    month: str
    close: int | None = None
    closed_at: datetime | None = None
    sha256: str | None = None
    statements: tuple[Statement, ...] = ()

    @property
    def open(self) -> bool:
        return self.close is None


def checked(month: str) -> str:
    """The month, if it is one; raises `InputError`."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month, re.ASCII):
        raise InputError(f"MONTH {month!r}: write it as YYYY-MM, for example 2025-01")
    return month


def period(project: Project, month: str) -> Period:
    """How a month of a project stands."""
    line = closing.standing(closing.closes(project.lake)).get(month)
    if line is None:
        return Period(month)
    issued = closing.statements(project.lake).filter(publication=line.publication).sort("number")
    told = tuple(
        Statement(row["number"], row["team"], row["amount"], row["currency"]) for row in issued.iter_rows(named=True)
    )
    return Period(month, line.seq, datetime.fromtimestamp(line.made_at / 1000, UTC), line.sha256, told)
