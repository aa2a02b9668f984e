"""chipledger query."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import get_args

import click

from accounting.cli import screen
from accounting.reader import USD_PER_TIB, Reader, Scan, list_price
from accounting.reports.rows import Format, write_rows


@click.command("query")
@click.argument("sql")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="table", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what it would scan and cost, and do not ask.")
@click.pass_context
def command(ctx: click.Context, sql: str, form: Format, dry_run: bool) -> None:
    """Ask in GoogleSQL, read-only; SQL is the query, or - to read it from standard input.

    Views: usage, charges, capacity, workloads, prices, faults, publications, live_publications, runs,
    quarantine.

    \b
    Examples:
      chipledger query "SELECT team, SUM(cost) AS cost FROM charges GROUP BY team ORDER BY cost DESC"
      chipledger query "SELECT state, SUM(device_seconds) / 3600 AS hours FROM usage GROUP BY state" --format csv
    """
    text = sys.stdin.read() if sql == "-" else sql
    with closing(screen.project(ctx).reader()) as reader:
        if dry_run:
            _estimate(reader, text)
            return
        answer = reader.answer(text)
    if answer.scan is not None:
        click.echo(_said(answer.scan), err=True)
    write_rows(answer.rows, form, sys.stdout.buffer)


def _estimate(reader: Reader, text: str) -> None:
    scanned = reader.estimate(text)
    if scanned is None:
        click.echo("the lake answers this: nothing is billed")
        return
    cost = f"{list_price(scanned)} USD at the list price of {USD_PER_TIB} USD per TiB"
    click.echo(f"BigQuery would scan {screen.size(scanned)}: {cost}; billed are at least 10 MB of each table")


def _said(scan: Scan) -> str:
    if scan.cached:
        return "BigQuery: an earlier answer, nothing is billed"
    return f"BigQuery: {screen.size(scan.processed)} scanned, {screen.size(scan.billed)} billed"
