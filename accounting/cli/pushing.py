"""What commands that write do where BigQuery is the store that people read: push, and say it in one line."""

from __future__ import annotations

import click

from accounting.cli import screen
from accounting.config import BigQueryTable
from accounting.errors import StoreError
from accounting.project import Project
from accounting.stores.lake import Lake


def after_commit(project: Project) -> None:
    """Nothing where the project has no `[bigquery]`; raises `StoreError` where the push fails, the commit stays."""
    if project.config.bigquery is None:
        return
    from accounting.stores.bigquery.difference import Foreign

    try:
        push(project.lake, project.config.bigquery)
    except Foreign:
        raise
    except StoreError as error:
        raise StoreError(
            f"{error}; it is in the lake and counts there: the next command that writes brings it to BigQuery, or"
            " `chipledger copy --to bigquery`"
        ) from error


def push(lake: Lake, settings: BigQueryTable) -> None:
    """Brings BigQuery to the lake's state and says what that was."""
    from accounting.stores.bigquery.client import connect
    from accounting.stores.bigquery.push import push as bring

    with screen.progress() as tell:
        done = bring(lake, connect(settings), lambda text, part: tell(f"BigQuery: {text}", part))
    what = f"{done.loads:,} loads, {done.rows:,} rows, {done.bytes:,} bytes" if done.loads else "no rows to load"
    click.echo(f"BigQuery {settings.project}.{settings.dataset}: {what}; generation {done.generation}")
