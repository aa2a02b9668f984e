"""chipledger imports."""

from __future__ import annotations

import click

from accounting.cli import pushing, screen


@click.group("imports", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List what was imported; `imports undo ID` retracts one.

    \b
    Examples:
      chipledger imports
      chipledger imports undo 3 && chipledger run
    """
    if ctx.invoked_subcommand:
        return
    rows = [
        (i.seq, i.kind, i.file, i.source, screen.instant(i.imported_at), f"{i.rows:,}", f"{i.rejected:,}",
         i.state + (f" by {i.replaced_by}" if i.replaced_by else ""))
        for i in screen.project(ctx).lake.imports()
    ]  # fmt: skip
    if not rows:
        click.echo("nothing has been imported yet; see: chipledger import --help")
        return
    screen.table("", ("id", "kind", "file", "source", "imported", "rows", "rejected", "state"), rows, right=(0, 5, 6))


@command.command("undo")
@click.argument("import_id", metavar="ID", type=int)
@click.pass_context
def undo(ctx: click.Context, import_id: int) -> None:
    """Retract import ID: the next run restates the days it touched."""
    project = screen.project(ctx)
    lake = project.lake
    gone = lake.undo_import(import_id)
    click.echo(
        f"import {gone.seq} ({gone.kind}, {gone.file}, {gone.rows:,} rows) no longer counts; now: chipledger run"
    )
    for former in (i for i in lake.imports() if i.replaced_by == gone.seq):
        click.echo(f"{former.file} (import {former.seq}), which it had replaced, does not come back: import it again")
    pushing.after_commit(project)
