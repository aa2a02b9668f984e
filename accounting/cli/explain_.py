"""chipledger explain."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import click

from accounting.cli import screen
from accounting.errors import Refused
from accounting.explain.explained import explained
from accounting.explain.trace import Grid, Section, Trace

SHOWN = 24
"""Rows of a table that people are shown; programs get all."""


@click.command("explain")
@click.argument("charge_id")
@click.option("--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("--all", "every", is_flag=True, help=f"Show all rows of tables, not the first {SHOWN}.")
@click.pass_context
def command(ctx: click.Context, charge_id: str, form: str, every: bool) -> None:
    """Trace a charge back to its price, its owner, and the rows of files and the samples that it was made of.

    CHARGE_ID is the column charge_id of `charges` and of reports; its first 6 characters or more are enough where no
    other begins with them. The steps add up to the charge to the nano-unit, and it says where they do not.

    \b
    Examples:
      chipledger query "SELECT charge_id, day, team, cost FROM charges ORDER BY cost DESC LIMIT 5"
      chipledger explain 3f2a9c
      chipledger explain 3f2a9c41d7 --format json
    """
    with screen.progress() as tell:
        found = explained(screen.project(ctx), charge_id, tell)
    if form == "json":
        click.echo(json.dumps(_record(found), indent=2, ensure_ascii=False, default=_plain))
    else:
        _show(found, every=every)
    if found.broken:
        raise Refused(found.notice)


def _record(found: Trace) -> dict[str, Any]:
    """Amounts are texts, exact."""
    return {
        "charge": dict(found.charge),
        "agrees": found.agrees,
        "notice": found.notice,
        "sections": {section.name: _section(section) for section in found.sections},
    }


def _section(section: Section) -> dict[str, Any]:
    tables = {grid.name: grid.records for grid in section.grids}
    return {"title": section.title, "said": list(section.said), "facts": dict(section.facts), "tables": tables}


def _show(found: Trace, *, every: bool) -> None:
    if found.notice:
        click.echo(f"{found.notice}\n")
    for number, section in enumerate(found.sections):
        click.echo(f"{chr(10) * (number > 0)}{section.title.upper()}")
        for line in section.said:
            click.echo(f"  {line}")
        if section.name == "charge":
            click.echo(f"  charge_id {found.charge['charge_id']}")
        for grid in section.grids:
            _grid(grid, len(grid.rows) if every else SHOWN)


def _grid(grid: Grid, shown: int) -> None:
    used = [i for i in range(len(grid.columns)) if any(row[i] is not None for row in grid.rows)]
    numbers = [n for n, i in enumerate(used) if all(isinstance(row[i], int | Decimal | None) for row in grid.rows)]
    left_out = len(grid.rows) - shown
    rows = [[_cell(row[i]) for i in used] for row in grid.rows[:shown]]
    if left_out > 0:
        rows.append([f"({left_out:,} more)", *[""] * (len(used) - 1)])
    if grid.total:
        rows.append([_cell(grid.total[i]) for i in used])
    click.echo()
    screen.table(grid.title, [grid.columns[i] for i in used], rows, right=numbers)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}{f'.{value.microsecond // 1000:03d}' * bool(value.microsecond)}Z"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _plain(value: object) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value.isoformat() if isinstance(value, date) else str(value)
