"""What serving engines counted, by model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.pieces.figures import total
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, beside, table

COUNTS = {"Requests": "requests", "Tokens in": "input_tokens", "Tokens out": "output_tokens"}


def models(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row for each model and engine; what an engine does not count is a dash."""
    columns = (
        Column("Model", wide=True),
        Column("Replicas", figure=True, slim=True),
        *(Column(name, figure=True) for name in COUNTS),
    )
    lines = [Line((beside(row["model"], row["engine"]), format(row["replicas"], ","), *_counts(row))) for row in rows]
    return heading("Served", "What engines counted, on the month's days in UTC; input includes cached tokens.") + table(
        "Served models", columns, lines
    )


def _counts(row: Mapping[str, Any]) -> list[str]:
    return [
        "–"
        if row[name] is None
        else total(f"served_{name}_{row['engine']}_{row['model']}", Decimal(row[name]), format(row[name], ","))
        for name in COUNTS.values()
    ]
