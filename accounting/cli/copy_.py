"""chipledger copy."""

from __future__ import annotations

import click

from accounting.cli import pushing, screen, warehouse
from accounting.config import BigQueryTable
from accounting.errors import InputError
from accounting.project import Project

STORES = click.Choice(["bigquery"])


@click.command("copy")
@click.option("--to", "target", type=STORES, help="Bring this store to the state of the lake.")
@click.option("--from", "source", type=STORES, help="Make the lake anew from this store.")
@warehouse.options
@click.pass_context
def command(ctx: click.Context, /, target: str | None, source: str | None, **asked: str | None) -> None:
    """Copy a project's data between its lake and BigQuery: imports, publications and all rows.

    Each row comes in once, and what is copied counts all at once. Ended anywhere and run again, it goes on. With
    [bigquery] in chipledger.toml the commands that write copy by themselves.

    \b
    Examples:
      chipledger copy --to bigquery --project my-project --dataset chipledger
      chipledger copy --from bigquery
    """
    if bool(target) == bool(source):
        raise InputError("copy: write --to bigquery or --from bigquery")
    project = screen.project(ctx)
    settings = warehouse.chosen(asked, project.config.bigquery)
    if target:
        pushing.push(project.lake, settings)
    else:
        _pull(project, settings)


def _pull(project: Project, settings: BigQueryTable) -> None:
    from accounting.stores.bigquery.client import connect
    from accounting.stores.bigquery.pull import pull

    with screen.progress() as tell:
        done = pull(project.config.lake, connect(settings), lambda text, part: tell(f"BigQuery: {text}", part))
    click.echo(
        f"{project.config.lake}: made from BigQuery {settings.project}.{settings.dataset}: {done.tables} tables,"
        f" {done.rows:,} rows; generation {done.generation}"
    )
