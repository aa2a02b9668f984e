"""What disputes take off a team's charges and put on another's: lines of a month that add up to nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from accounting.tables import ADJUSTMENTS

RULE = "dispute"
"""How `borne_by_rule` begins; the number of the dispute follows."""
_NAMES = [name for name in ADJUSTMENTS.names if name != "publication"]


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
    rows = [row for one in credited for row in (_line(one, one.team, -one.amount), _line(one, one.payer, one.amount))]
    schema = {name: ADJUSTMENTS.schema[name] for name in _NAMES}
    return pl.DataFrame([[row.get(name) for name in _NAMES] for row in rows], schema=schema, orient="row")


def _line(one: Credited, team: str, cost: Decimal) -> dict[str, object]:
    said = "\x1f".join((RULE, str(one.number), team))
    return {
        "charge_id": hashlib.sha256(said.encode()).hexdigest()[:32],
        "day": date.fromisoformat(f"{one.month}-01"),
        "month": one.month,
        "team": team,
        "charge_kind": "credit",
        "borne_by_rule": f"{RULE}:{one.number}",
        "price_status": "priced",
        "cost": cost,
        "currency": one.currency,
    }
