"""What teams objected to, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app import amounts
from app.amounts import money
from app.filters import address
from app.pieces.figures import total
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, link, table, text, two

NAME = "Disputes"
_COLUMNS = (
    Column("Charge"),
    Column("Team"),
    Column("Reason", wide=True),
    Column("Charged", figure=True),
    Column("Credited", figure=True, help="borne by the platform team instead"),
    Column("State"),
)


def disputes(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row for each dispute: the charge leads to its explanation, the answer is below the reason."""
    said = "What teams objected to; a credit is charged to the platform team, so that the month's total stays."
    return heading(NAME, said) + table(NAME, _COLUMNS, [Line(_cells(row)) for row in rows])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    charge = link(row["charge_id"][:8], address("explain", {"month": row["month"], "charge": row["charge_id"]}))
    credit = money(row["credit"], row["currency"])
    return (
        charge,
        text(row["team"]),
        two(row["reason"], row["answer"]),
        money(row["cost"], row["currency"]),
        total(f"dispute_{row['number']}", row["credit"], credit) if row["credit"] is not None else text(None),
        two(row["state"], f"in {amounts.month(row['booked'])}" if row["booked"] else None),
    )
