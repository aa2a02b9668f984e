"""What disputes take off a team's charges and put on another's: lines of a month that add up to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from accounting.core.adjustment import identity, table

RULE = "dispute"
"""How `borne_by_rule` begins; the number of the dispute follows."""


@dataclass(frozen=True, slots=True)
class Credited:
    """A dispute that was settled with a credit of `amount`, which `payer` bears in `month` instead of `team`."""

    number: int
    month: str
    team: str
    payer: str
    amount: Decimal
    currency: str


def lines(credited: Sequence[Credited]) -> pl.DataFrame:
    """Two rows of `ADJUSTMENTS` for each, without `publication`."""
    return table(
        row for one in credited for row in (_line(one, one.team, -one.amount), _line(one, one.payer, one.amount))
    )


def _line(one: Credited, team: str, cost: Decimal) -> dict[str, object]:
    return {
        "charge_id": identity(RULE, one.number, team),
        "day": date.fromisoformat(f"{one.month}-01"),
        "month": one.month,
        "team": team,
        "charge_kind": "credit",
        "borne_by_rule": f"{RULE}:{one.number}",
        "cost": cost,
        "currency": one.currency,
    }
