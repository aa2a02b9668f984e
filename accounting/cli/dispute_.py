"""chipledger dispute."""

from __future__ import annotations

from decimal import Decimal

import click

from accounting import disputes
from accounting.cli import pushing, screen
from accounting.stores.lake import now_ms


@click.command("dispute")
@click.argument("charge_id")
@click.option("--reason", required=True, help="Why; it stays on record.")
@click.pass_context
def command(ctx: click.Context, charge_id: str, reason: str) -> None:
    """Object to a charge, for the team that bears it. `chipledger resolve` answers; the view `disputes` has both.

    CHARGE_ID is the column charge_id of `charges` and of reports; its first 6 characters or more are enough where no
    other begins with them. Nothing is taken off by this alone, and a month with open disputes can be closed.

    \b
    Examples:
      chipledger dispute 3f2a9c --reason "the node was down since noon"
      chipledger query "SELECT number, team, cost, reason FROM disputes WHERE state = 'open'"
    """
    project = screen.project(ctx)
    line = disputes.dispute(project, charge_id, reason, now_ms())
    cost = screen.money(Decimal(line.cost), line.currency)
    click.echo(f"dispute {line.number}: {line.team} objects to {cost} of {line.month}, charge {line.charge_id}")
    click.echo(f'next: chipledger resolve {line.charge_id[:6]} --reason "…" [--credit AMOUNT]')
    pushing.after_commit(project)
