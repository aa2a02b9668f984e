"""What queues could use, used, and borrowed of their cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.amounts import hours
from app.pieces.figures import total
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, joined, table, two

AMOUNTS = {"quota": "Quota", "used": "Used", "borrowed": "Borrowed", "unused": "Unused"}
HELP = {"borrowed": "used above the nominal quota, at each instant", "unused": "of the nominal quota"}


def quotas(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row for each queue, with its cohort and cluster below."""
    columns = (
        Column("Queue", wide=True),
        *(Column(label, figure=True, slim=name == "quota", help=HELP.get(name, "")) for name, label in AMOUNTS.items()),
    )
    lines = [Line((two(row["queue"], joined(row["cohort"], row["cluster"])), *_amounts(row))) for row in rows]
    said = "Accelerator-hours of the nominal quota, and of it and beyond what was used; the most borrowed first."
    return heading("Queues and quotas", said) + table("Queues and quotas", columns, lines)


def _amounts(row: Mapping[str, Any]) -> list[str]:
    of = f"{row['cluster']}_{row['queue']}"
    seconds = {name: row[f"{name}_seconds"] for name in AMOUNTS}
    return [total(f"queue_{name}_{of}", amount, hours(amount, "")) for name, amount in seconds.items()]
