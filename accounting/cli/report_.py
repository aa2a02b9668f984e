"""chipledger report."""

from __future__ import annotations

from pathlib import Path

import click

from accounting.cli import screen
from accounting.errors import InputError
from accounting.reports import report
from accounting.stores.lake import now_ms


@click.command("report")
@click.argument("month")
@click.option("--team", help="Only what this team bears.")
@click.option(
    "--format", "form", default="csv", show_default=True, help=f"A comma list of: {', '.join(report.FORMATS)}."
)
@click.option("--each", is_flag=True, help="Also the files of each team.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the files.")
@click.pass_context
def command(ctx: click.Context, month: str, team: str | None, form: str, each: bool, out: Path) -> None:
    """Write the charges of MONTH (YYYY-MM) as files, drafts while the month is open.

    \b
    csv    every charge, and the sums
    pdf    the statement: one page to read, and the tables behind it
    xlsx   the statement as a workbook, a row for each charge
    focus  FOCUS 1.2 and 1.4, and a folder with all datasets of 1.4
    gl     a journal for the general ledger, debits and credits in cents

    \b
    Examples:
      chipledger report 2025-01 --format csv,focus --out reports
      chipledger report 2025-01 --team nlp --format pdf --out reports
      chipledger report 2025-01 --each --format pdf,xlsx --out reports
    """
    wanted = report.formats(form)
    if each and team is not None:
        raise InputError("--each and --team: choose one; --each writes the files of every team")
    with screen.progress() as tell:
        written = report.write(screen.project(ctx), month, team, wanted, out, now_ms(), each=each, progress=tell)
    for path, said in written.files:
        click.echo(f"{path}: {said}")
    click.echo(f"total {screen.money(written.cost, written.currency)} + {written.unpriced_hours:,.3f} unpriced hours")
