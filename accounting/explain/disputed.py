"""What a team objected to, and the answer: of the charge itself, and of the lines that a credit made."""

from __future__ import annotations

from collections.abc import Sequence

from accounting.core.credited import RULE
from accounting.explain.scene import Charge
from accounting.explain.trace import Grid, Section
from accounting.stores.disputes import Entry

_COLUMNS = ("number", "action", "team", "cost", "credit", "payer", "booked", "who", "reason")


def of_charge(charge: Charge, entries: Sequence[Entry]) -> list[Section]:
    """Nothing, or the disputes of the charge; of a line that a credit made, the dispute that was credited."""
    number = credited(charge)
    mine = [one for one in entries if one.charge_id == charge["charge_id"] or one.number == number]
    if not mine:
        return []
    said = [f"the credit of dispute {number}, of charge {mine[0].charge_id}"] if number else []
    rows = [tuple(getattr(one, name) for name in _COLUMNS) for one in mine]
    return [Section("disputes", "Disputes", said, {}, [Grid("disputes", "disputes", _COLUMNS, rows)])]


def credited(charge: Charge) -> int | None:
    """The number of the dispute whose credit this line is."""
    rule, _, number = (charge["borne_by_rule"] or "").partition(":")
    return int(number) if rule == RULE else None
