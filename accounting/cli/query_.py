"""chipledger query."""

from __future__ import annotations

import sys
from typing import get_args

import click

from accounting.cli import screen
from accounting.reports.rows import Format, write_rows


@click.command("query")
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="table", show_default=True)
@click.pass_context
def command(ctx: click.Context, sql: str, form: Format) -> None:
    """Ask in GoogleSQL, read-only; SQL is the query, or - to read it from standard input.

    Views: usage, charges, capacity, workloads, prices, faults, publications, live_publications, runs,
    quarantine.

    \b
    Examples:
      chipledger query "SELECT team, SUM(cost) AS cost FROM charges GROUP BY team ORDER BY cost DESC"
      chipledger query "SELECT state, SUM(device_seconds) / 3600 AS hours FROM usage GROUP BY state" --format csv
    """
    text = sys.stdin.read() if sql == "-" else sql
    write_rows(screen.project(ctx).query(text), form, sys.stdout.buffer)
