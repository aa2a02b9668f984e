"""A charge's trace: each step folded under its first sentence, with its tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from html import escape

from accounting.explain.trace import Grid, Section, Trace
from app.pieces.figures import Card
from app.pieces.tables import Column, Line, table, text

SHOWN = 50
"""Rows of a table that a page shows."""
UNFOLDED = 24
"""Rows of a table that is not folded: the hours of a day."""


def cards(found: Trace, cost: str, hours: str) -> list[Card]:
    """The charge's cost and time, its price, and what the steps come to."""
    charge = found.charge
    facts = next((s.facts for s in found.sections if s.name == "arithmetic"), {})
    price = "no time of its own" if charge["device_seconds"] is None else _price(found)
    agreed = "the steps below add up to it, to the nano-unit" if found.agrees else "the steps below do not come to it"
    kind = f"{charge['charge_kind']}, {charge['state']}" if charge["state"] else str(charge["charge_kind"])
    rule = charge["borne_by_rule"] or "no policy moves it"
    whole = facts.get("device_seconds")
    of = f"of {whole} s in all" if charge["device_seconds"] not in (None, whole) else f"{charge['day']}, UTC"
    return [
        Card("explain_cost", "Cost", charge["cost"], cost, agreed),
        Card("explain_hours", "Accelerator time", charge["device_seconds"], hours, of),
        Card("explain_price", "Price per hour", charge["unit_price"], price, charge["accelerator"] or "no accelerator"),
        Card("explain_team", "Borne by", None, charge["team"], f"{kind}; {rule}"),
    ]


def sections(found: Trace) -> str:
    """The steps; the first with figures is open."""
    charge, *steps = found.sections
    head = "".join(f"<li>{escape(line)}</li>" for line in charge.said)
    folded = "".join(_folded(section, opened=number == 0) for number, section in enumerate(steps))
    return f'<ul class="cl-said">{head}</ul>{folded}'


def _price(found: Trace) -> str:
    price: Decimal | None = found.charge["unit_price"]
    return "unpriced" if price is None else f"{price.normalize():f} {found.charge['currency']}"


def _folded(section: Section, *, opened: bool) -> str:
    said = "".join(f"<li>{escape(line)}</li>" for line in section.said)
    first = escape(section.said[0]) if section.said else ""
    grids = "".join(_grid(grid) for grid in section.grids)
    return (
        f'<details class="cl-team cl-step" data-step="{escape(section.name)}"{" open" * opened}>'
        f"<summary><span>{escape(section.title)}</span><em>{first}</em></summary>"
        f'<ul class="cl-said">{said}</ul>{grids}</details>'
    )


def _grid(grid: Grid) -> str:
    used = [i for i in range(len(grid.columns)) if any(row[i] is not None for row in grid.rows)]
    numbers = {i for i in used if all(isinstance(row[i], int | Decimal | None) for row in grid.rows)}
    columns = [Column(grid.columns[i].replace("_", " "), figure=i in numbers) for i in used]
    lines = [Line([_cell(row[i]) for i in used]) for row in grid.rows[:SHOWN]]
    if len(grid.rows) > SHOWN:
        more = f"{len(grid.rows) - SHOWN:,} more: chipledger explain … --all"
        lines.append(Line([text(None, more), *[""] * (len(used) - 1)]))
    if grid.total:
        lines.append(Line([_total(grid.total, i) for i in used], "total"))
    inside = table(grid.title, columns, lines)
    if len(grid.rows) > UNFOLDED:
        said = f"{grid.title} ({len(grid.rows):,} rows)"
        return f'<details class="cl-sql cl-long"><summary>{escape(said)}</summary>{inside}</details>'
    return f'<p class="cl-under">{escape(grid.title)}</p>{inside}'


def _total(total: Sequence[object], column: int) -> str:
    return "" if total[column] is None else _cell(total[column])


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return escape(f"{value:%Y-%m-%d %H:%M:%S}")
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return text(None if value is None else value.isoformat() if isinstance(value, date) else str(value))
