"""chipledger report."""

from __future__ import annotations

from pathlib import Path

import click

from accounting.cli import screen
from accounting.reports import charges


@click.command("report")
@click.argument("month")
@click.option("--team", help="Only what this team bears.")
@click.option(
    "--format", "form", default="csv", show_default=True, help=f"A comma list of: {', '.join(charges.FORMATS)}."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the files.")
@click.pass_context
def command(ctx: click.Context, month: str, team: str | None, form: str, out: Path) -> None:
    """Write the charges of MONTH (YYYY-MM): one file with every charge, one with the sums.

    \b
    Example:
      chipledger report 2025-01 --team nlp --format csv --out reports
    """
    charges.formats(form)
    written = charges.write(screen.project(ctx), month, team, out)
    for path, rows in written.files:
        click.echo(f"{path}: {rows:,} rows")
    click.echo(f"total {screen.money(written.cost, written.currency)} + {written.unpriced_hours:,.3f} unpriced hours")
