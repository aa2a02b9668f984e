"""A month as entries of a general ledger: each team's cost centers are debited, the platform's recovery is credited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from accounting.core.cents import in_cents

ZERO = Decimal(0)
Part = tuple[str, str, str]
"""Team, cost center ('': none), kind of charge."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of a chart: of what teams pay, by kind where `by_kind` says so, and of what the platform gets back."""

    expense: str
    recovery: str
    cost_center: str
    by_kind: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a journal; one of `debit` and `credit` is an amount above 0 in whole cents, the other one is 0."""

    account: str
    cost_center: str
    debit: Decimal
    credit: Decimal
    description: str


def entries(costs: Mapping[Part, Decimal], amounts: Mapping[str, Decimal], accounts: Accounts) -> list[Entry]:
    """Debits of `costs` and a credit for each kind; debits and credits are equal.

    A team's lines add up to its `amounts` (whole cents). What is below zero is on the other side; nothing is left out
    but lines of no cent.
    """
    shares: dict[Part, Decimal] = {}
    for team, amount in amounts.items():
        mine = {part: cost for part, cost in costs.items() if part[0] == team}
        shares |= in_cents(mine, amount)
    debits = [
        _entry(accounts.by_kind.get(kind, accounts.expense), center, share, f"{team}: {kind}")
        for (team, center, kind), share in sorted(shares.items())
    ]
    kinds = sorted({kind for _, _, kind in shares})
    sums = {kind: sum((share for part, share in shares.items() if part[2] == kind), ZERO) for kind in kinds}
    credits = [_entry(accounts.recovery, accounts.cost_center, -sums[kind], f"recovered: {kind}") for kind in kinds]
    return [entry for entry in (*debits, *credits) if entry.debit or entry.credit]


def _entry(account: str, cost_center: str, amount: Decimal, description: str) -> Entry:
    return Entry(account, cost_center, max(amount, ZERO), max(-amount, ZERO), description)
