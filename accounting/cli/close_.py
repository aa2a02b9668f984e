"""chipledger close."""

from __future__ import annotations

from decimal import Decimal

import click

from accounting import close
from accounting.cli import pushing, screen
from accounting.periods import checked
from accounting.stores.lake import now_ms


@click.command("close")
@click.argument("month")
@click.pass_context
def command(ctx: click.Context, month: str) -> None:
    """Close MONTH (YYYY-MM): its charges never change again, and each team has a statement with a number.

    The month has to be over, accounted and priced in whole, and the months before it closed. What comes to be known of
    it later is charged in the open month, as corrections that say what they correct.

    \b
    Example:
      chipledger close 2025-01
    """
    project = screen.project(ctx)
    with screen.progress() as tell:
        closed = close.close(project, checked(month), now_ms(), tell)
    line = closed.line
    click.echo(
        f"{month} is closed: {line.rows:,} charges, {screen.money(Decimal(line.cost or 0), line.currency)},"
        f" statements {closed.first} to {closed.last}"
    )
    click.echo(f"{line.publication}, SHA-256 {line.sha256}")
    pushing.after_commit(project)
