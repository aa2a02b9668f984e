"""Months of the ledger: open until they are closed, with the statements that were issued then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from accounting.project import Project


@dataclass(frozen=True, slots=True)
class Statement:
    """What a team was told to pay: `amount` in cents of the currency, `number` without gaps over all that were issued."""

    number: str
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


def period(project: Project, month: str) -> Period:
    """How a month of a project stands."""
    return Period(month)
