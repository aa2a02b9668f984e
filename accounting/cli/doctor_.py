"""chipledger doctor."""

from __future__ import annotations

import click

from accounting import doctor
from accounting.cli import screen
from accounting.errors import StoreError
from accounting.stores.lake import now_ms


@click.command("doctor")
@click.option("--deep", is_flag=True, help="Read every file and compare its SHA-256.")
@click.pass_context
def command(ctx: click.Context, deep: bool) -> None:
    """Look for what could go wrong here, and say what to do; exit status 1 if anything fails."""
    failed = 0
    for finding in doctor.examine(screen.place(ctx), now_ms(), deep=deep):
        remedy = f"; {finding.remedy}" if finding.remedy else ""
        click.echo(f"{finding.level:4}  {finding.what}: {' '.join(finding.says.split())}{remedy}")
        failed += finding.level == "fail"
    if failed:
        raise StoreError(f"{failed} failed: do what the lines marked fail say")
