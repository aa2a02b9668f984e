"""A charge by the beginning of its id."""

from __future__ import annotations

from typing import Any

import sql
from accounting.errors import InputError
from accounting.reader import Reader

SHORTEST = 6
LISTED = 20


def find(reader: Reader, prefix: str) -> dict[str, Any]:
    """The row of `charges` whose id begins with `prefix`; raises `InputError` where there is none, or several."""
    if len(prefix) < SHORTEST:
        raise InputError(f"CHARGE_ID {prefix!r}: give at least {SHORTEST} characters of it; {how()}")
    rows = reader.query(sql.read("commands/charges_by_id"), {"prefix": prefix.lower()}).to_dicts()
    if not rows:
        raise InputError(f"no charge of what is published has an id that begins with {prefix!r}; {how()}")
    if len(rows) > 1:
        named = "; ".join(_named(row) for row in rows[:LISTED])
        more = "; and more" if len(rows) > LISTED else ""
        raise InputError(f"several charges begin with {prefix!r}, give more of the id: {named}{more}")
    return rows[0]


def how() -> str:
    """How to find ids."""
    return (
        'ids are in the column charge_id of `chipledger query "SELECT charge_id, day, team, cost FROM charges'
        " WHERE month = 'YYYY-MM' ORDER BY cost DESC LIMIT 20\"` and of every report"
    )


def _named(row: dict[str, Any]) -> str:
    cost = "unpriced" if row["cost"] is None else f"{row['cost']:.2f} {row['currency']}"
    return f"{row['charge_id']} ({row['day']}, {row['team']}, {row['charge_kind']}, {cost})"
