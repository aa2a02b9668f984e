"""chipledger verify."""

from __future__ import annotations

import click

from accounting import verify
from accounting.cli import screen
from accounting.errors import Refused
from accounting.stores import closing


@click.command("verify")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Compute the ledger's chain of SHA-256 anew: whether any closed charge, statement or close was tampered with.

    Note the last SHA-256 outside of this host, and whoever changes the ledger cannot make it come out again.
    """
    project = screen.project(ctx)
    wrong = verify.verified(project.lake)
    for said in wrong:
        click.echo(f"FAIL  {said}")
    lines = closing.closes(project.lake)
    for month, line in closing.standing(lines).items():
        click.echo(f"{month}: {line.rows:,} charges, {line.publication}")
    if wrong:
        raise Refused(f"{len(wrong)} findings: the ledger is not what was closed; restore it from a backup")
    last = f", the last SHA-256 {lines[-1].sha256}" if lines else ""
    click.echo(f"{len(lines)} lines of the ledger verified{last}")
