"""chipledger report."""

from __future__ import annotations

from pathlib import Path

import click

from accounting.cli import screen
from accounting.reports import report
from accounting.stores.lake import now_ms


@click.command("report")
@click.argument("month")
@click.option("--team", help="Only what this team bears.")
@click.option(
    "--format", "form", default="csv", show_default=True, help=f"A comma list of: {', '.join(report.FORMATS)}."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the files.")
@click.pass_context
def command(ctx: click.Context, month: str, team: str | None, form: str, out: Path) -> None:
    """Write the charges of MONTH (YYYY-MM) as files, drafts while the month is open.

    csv: every charge, and the sums. focus: FOCUS 1.2 and 1.4, and a folder with all datasets of 1.4.

    \b
    Examples:
      chipledger report 2025-01 --format csv,focus --out reports
      chipledger report 2025-01 --team nlp --out reports
    """
    wanted = report.formats(form)
    written = report.write(screen.project(ctx), month, team, wanted, out, now_ms())
    for path, said in written.files:
        click.echo(f"{path}: {said}")
    click.echo(f"total {screen.money(written.cost, written.currency)} + {written.unpriced_hours:,.3f} unpriced hours")
