"""chipledger reopen."""

from __future__ import annotations

import click

from accounting import close
from accounting.cli import pushing, screen
from accounting.periods import checked
from accounting.stores.lake import now_ms


@click.command("reopen")
@click.argument("month")
@click.option("--reason", required=True, help="Why; it stays on record.")
@click.pass_context
def command(ctx: click.Context, month: str, reason: str) -> None:
    """Open MONTH again, if it is the last closed one. Its statements are void; the next close issues new numbers.

    \b
    Example:
      chipledger reopen 2025-01 --reason "the invoice was of another account"
    """
    project = screen.project(ctx)
    line = close.reopen(project, checked(month), reason, now_ms())
    click.echo(f"{month} is open again; its statements are void; on record as line {line.seq}: {line.reason}")
    click.echo("next: chipledger run")
    pushing.after_commit(project)
