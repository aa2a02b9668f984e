"""chipledger query."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from typing import Any, get_args

import click

from accounting import questions
from accounting.cli import screen
from accounting.errors import InputError
from accounting.reader import USD_PER_TIB, Reader, Scan, list_price
from accounting.reports.rows import Format, write_rows


@click.command("query")
@click.argument("sql", required=False)
@click.option("--question", metavar="NAME", help="Ask one of our questions instead.")
@click.option("--set", "given", metavar="NAME=VALUE", multiple=True, help="The value of a parameter; repeatable.")
@click.option("--list", "listed", is_flag=True, help="List our questions, and the parameters of each.")
@click.option("--format", "form", type=click.Choice(get_args(Format)), default="table", show_default=True)
@click.option("--dry-run", is_flag=True, help="Say what it would scan and cost, and do not ask.")
@click.pass_context
def command(
    ctx: click.Context,
    sql: str | None,
    question: str | None,
    given: tuple[str, ...],
    listed: bool,
    form: Format,
    dry_run: bool,
) -> None:
    """Ask in GoogleSQL, read-only; SQL is the query, or - to read it from standard input.

    Views: usage, charges, capacity, workloads, prices, faults, serving, quotas, periods, statements, closes,
    publications, runs, quarantine. Comment lines such as `-- @month STRING: meaning` declare parameters, for --set.

    \b
    Examples:
      chipledger query "SELECT team, SUM(cost) AS cost FROM charges GROUP BY team ORDER BY cost DESC"
      chipledger query "SELECT state, SUM(device_seconds) / 3600 AS hours FROM usage GROUP BY state" --format csv
      chipledger query --question idle_owners --set month=2025-01
    """
    if listed:
        _list()
        return
    text = _text(sql, question)
    values = questions.values(text, given)
    with closing(screen.project(ctx).reader()) as reader:
        if dry_run:
            _estimate(reader, text, values)
            return
        answer = reader.answer(text, values)
    if answer.scan is not None:
        click.echo(_said(answer.scan), err=True)
    write_rows(answer.rows, form, sys.stdout.buffer)


def _estimate(reader: Reader, text: str, values: Mapping[str, Any]) -> None:
    scanned = reader.estimate(text, values)
    if scanned is None:
        click.echo("the lake answers this: nothing is billed")
        return
    cost = f"{list_price(scanned)} USD at the list price of {USD_PER_TIB} USD per TiB"
    click.echo(f"BigQuery would scan {screen.size(scanned)}: {cost}; billed are at least 10 MB of each table")


def _said(scan: Scan) -> str:
    if scan.cached:
        return "BigQuery: an earlier answer, nothing is billed"
    return f"BigQuery: {screen.size(scan.processed)} scanned, {screen.size(scan.billed)} billed"


def _text(sql: str | None, question: str | None) -> str:
    if (sql is None) == (question is None):
        raise InputError("give a query, - or --question NAME, one of them; --list has the questions")
    return questions.read(question) if question else sys.stdin.read() if sql == "-" else sql or ""


def _list() -> None:
    for name in questions.names():
        text = questions.read(name)
        click.echo(f"{name}: {questions.asked(text)}")
        for one in questions.parameters(text):
            default = f", {one.default} if not set" if one.default else ""
            click.echo(f"    --set {one.name}=… ({one.type}{default}): {one.meaning}")
