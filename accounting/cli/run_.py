"""chipledger run."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import Any

import click
import polars as pl

import sql
from accounting import pipeline, unpriced
from accounting.cli import pushing, screen
from accounting.errors import InputError
from accounting.pipeline import Report
from accounting.project import Project

UNPRICED = 3


@click.command("run")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day (UTC), inclusive.")
@click.option(
    "--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC), inclusive; open rows run to its end."
)
@click.pass_context
def command(ctx: click.Context, first: datetime | None, last: datetime | None) -> None:
    """Account every day whose inputs changed, check, and publish all tables at once.

    Exit status 3: published, but some time of all that is published has no price.

    \b
    Examples:
      chipledger run
      chipledger run --from 2025-01-01 --to 2025-01-31
    """
    if first and last and first > last:
        raise InputError(f"--from {first:%Y-%m-%d} is after --to {last:%Y-%m-%d}: exchange them")
    project = screen.project(ctx)
    with screen.progress() as tell:
        report = pipeline.run(project.config, first.date() if first else None, last.date() if last else None, tell)
    pushing.after_commit(project)  # before anything is asked: what people read has to have it
    _show(report, project)
    if _show_all(report, project):
        sys.exit(UNPRICED)


def _show(report: Report, project: Project) -> None:
    for cluster, watermark in report.watermarks.items():
        known = "none: nothing there has ended yet, and `run --to DAY` accounts it to the end of that day"
        click.echo(f"watermark {cluster}: {known if watermark is None else screen.instant(watermark)}")
    if report.publication is None and not report.watermarks:
        click.echo("nothing to do: no job, sample or dated capacity is imported; see: chipledger import --help")
        return
    if report.publication is None:
        click.echo(f"nothing to do: {report.up_to_date} cluster-days are up to date")
        return
    totals, currency = report.totals, report.totals["currency"]
    click.echo(
        f"published {report.days} cluster-days, {report.first} to {report.last} ({report.up_to_date} were up to date), "
        f"as {report.publication}: {report.rows.get('usage', 0):,} usage rows, "
        f"{report.rows.get('charges', 0):,} charges"
    )
    click.echo(
        f"accelerator-hours {screen.hours(totals['device_seconds'])}, "
        f"allocated {screen.hours(totals['allocated_seconds'])}, "
        f"busy {screen.hours(totals['busy_seconds'])}, idle {screen.hours(totals['idle_seconds'])}"
    )
    click.echo(f"cost {screen.total(totals['cost'], currency, totals['unpriced_seconds'])}")
    click.echo(screen.residual(report.residual_seconds, report.residual_cost))
    _show_reconciled(report)
    for one in report.corrections:
        cost = screen.money(one["cost"], one["currency"])
        click.echo(f"corrections of closed months: {one['lines']:,} lines, {cost}, charged in {one['month']}")
    _show_unknown(report)
    _show_faults(report)
    _show_unpriced(report, project)


def _show_all(report: Report, project: Project) -> Decimal:
    """What is published in all, where a run did only a part of it; returns the seconds of it that have no price."""
    with closing(project.lake_reader()) as reader:
        rows = reader.query(sql.read("commands/published")).to_dicts()
    seconds: Decimal = sum((row["unpriced_seconds"] or Decimal(0) for row in rows), Decimal(0))
    costs = [row["cost"] for row in rows if row["cost"] is not None]
    a_part = report.up_to_date > 0 and report.publication is not None
    if rows and (a_part or (seconds and not report.unpriced)):
        currency = next((row["currency"] for row in rows if row["currency"]), None)
        days, cost = sum(row["days"] for row in rows), sum(costs, Decimal(0)) if costs else None
        click.echo(f"in all: {days:,} cluster-days, cost {screen.total(cost, currency, seconds)}")
    return seconds


def _show_reconciled(report: Report) -> None:
    if not report.reconciled:
        return
    amounts = ("computed_cost", "billed_cost", "unused_cost", "difference")
    rows = [
        (
            one["month"],
            one["provider"],
            one["status"],
            one["lines"],
            *(screen.money(one[a], one["currency"]) for a in amounts),
        )
        for one in report.reconciled
    ]
    click.echo()
    columns = ("month", "provider", "status", "rows", "computed", "billed", "unused commitment", "difference")
    screen.table("bills against charges", columns, rows, right=(3, 4, 5, 6, 7))


def _show_unknown(report: Report) -> None:
    totals = report.totals
    for what, seconds in (
        ("held but unobserved", totals["unobserved_seconds"]),
        ("without a team", totals["unowned_seconds"]),
        ("without a price", totals["unpriced_seconds"]),
    ):
        if seconds:
            click.echo(f"not known: {screen.hours(seconds)} accelerator-hours {what}")
    if report.strangers:
        first, count = report.strangers[0], sum(one["samples"] for one in report.strangers)
        click.echo(
            f"not known: what {count:,} samples are of: no job and no capacity names {first['name']} of cluster "
            f"{first['cluster']}" + (f" and {len(report.strangers) - 1:,} more" if len(report.strangers) > 1 else "")
        )


def _show_faults(report: Report) -> None:
    if not report.faults:
        return
    rows = [
        (f["fault"], f["cluster"], f["pool"], f["accelerator"], f["days"], f["workloads"],
         screen.hours(f["device_seconds"]), _cost(f, report.totals["currency"]))
        for f in report.faults[:20]
    ]  # fmt: skip
    click.echo()
    columns = ("fault", "cluster", "pool", "accelerator", "days", "count", "hours", "cost")
    screen.table(f"faults ({len(report.faults)})", columns, rows, right=(4, 5, 6, 7))


def _cost(fault: dict[str, Any], currency: str | None) -> str:
    """A fault that costs nothing of its own has no cost on any day; one that is priced on some days says so."""
    return screen.total(fault["cost"], currency, None if fault["cost"] is None else fault["unpriced_seconds"])


def _show_unpriced(report: Report, project: Project) -> None:
    prices = unpriced.price_book(project) if report.unpriced else pl.DataFrame()
    for sku in report.unpriced[:20]:
        name = " ".join(str(sku[k]) for k in ("accelerator", "provider", "region", "purchase") if sku[k])
        click.echo(
            f"no price: {name}, {screen.hours(sku['device_seconds'])} hours "
            f"from {sku['first_day']} to {sku['last_day']}; {unpriced.why(sku, prices)}",
            err=True,
        )
