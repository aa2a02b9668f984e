"""chipledger status."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from accounting import status
from accounting.cli import screen
from accounting.stores.lake import now_ms


@click.command("status")
@click.pass_context
def command(ctx: click.Context) -> None:
    """What was imported and published, how old it is, what is not known, and what a run would do."""
    project = screen.project(ctx)
    found = status.take(project)
    if found.warehouse:
        click.echo(found.warehouse)
    if not found.imports and found.last_run is None:
        click.echo("nothing has been imported yet; start with: chipledger import jobs FILE --mapping MAP.toml")
        return
    counts = [f"{count} of {kind} ({rows:,} rows)" for kind, (count, rows) in sorted(found.imports.items())]
    click.echo(f"imports: {', '.join(counts) or 'none counts any more'}; {found.quarantined:,} rows in quarantine")
    for line in found.missing:
        click.echo(line)
    if found.last_run is None:
        click.echo(f"nothing has been published yet: {len(found.waiting)} cluster-days wait; next: chipledger run")
        return
    _show_run(found.last_run, found.published, now_ms())
    if found.published:
        _show_clusters(found, now_ms())
    _show_waiting(found)


def _show_run(run: dict[str, Any], published: list[dict[str, Any]], now: int) -> None:
    currency = next((row["currency"] for row in published if row["currency"]), None)
    ended, cost = _ms(run["ended"]), screen.total(run["cost"], currency, run["unpriced_seconds"])
    click.echo(
        f"last run: {screen.instant(ended)} ({screen.age(now - ended)} ago), publication {run['publication']}: "
        f"{run['cluster_days']} cluster-days, {run['from_day']} to {run['to_day']}, "
        f"cost {cost}, {screen.residual(run['residual_seconds'], run['residual_cost'])}"
    )


def _show_clusters(found: status.Status, now: int) -> None:
    rows = [
        (
            row["cluster"], row["first_day"], row["last_day"], row["days"], *_watermark(found, row["cluster"], now),
            screen.age(now - _ms(row["published_at"])), screen.hours(row["device_seconds"]),
            screen.money(row["cost"], row["currency"]),
            *(screen.hours(row[f"{what}_seconds"]) for what in ("unpriced", "unowned", "unobserved")),
        )
        for row in found.published
    ]  # fmt: skip
    columns = (
        "cluster", "first day", "last day", "days", "watermark", "data age", "published", "hours", "cost",
        "unpriced h", "unowned h", "unobserved h",
    )  # fmt: skip
    click.echo()
    screen.table("", columns, rows, right=(3, 7, 8, 9, 10, 11))
    click.echo()


def _watermark(found: status.Status, cluster: str, now: int) -> tuple[str | None, str | None]:
    watermark = found.watermarks.get(cluster)
    return (None, None) if watermark is None else (screen.instant(watermark), screen.age(now - watermark))


def _show_waiting(found: status.Status) -> None:
    if not found.waiting:
        click.echo("up to date: no input has changed since the last run")
        return
    first, last = min(d.day for d in found.waiting), max(d.day for d in found.waiting)
    click.echo(
        f"stale: {len(found.waiting)} cluster-days wait for a run, {first} to {last} "
        f"({found.fresh} were never published, "
        f"{len(found.waiting) - found.fresh} have other inputs than what is published); next: chipledger run"
    )


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
