"""chipledger ingest."""

from __future__ import annotations

import time
from pathlib import Path

import click

from accounting import gaps
from accounting.cli import pushing, screen
from accounting.errors import InputError
from accounting.inbox import Inbox, open_inbox
from accounting.ingest import Tally, ingest
from accounting.project import Project
from accounting.stores.lake import now_ms


@click.command("ingest")
@click.option(
    "--inbox", "place", metavar="URL", help="Folder, gs://, s3:// or az:// instead of the one in the settings."
)
@click.option("--watch", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Go on, looking again this often.")
@click.pass_context
def command(ctx: click.Context, place: str | None, watch: float | None) -> None:
    """Take what agents put into the inbox, each batch exactly once.

    What was taken is removed from the inbox, what is damaged goes to its folder quarantine. Ended anywhere and run
    again, it goes on; several at once do not disturb each other.

    \b
    Examples:
      chipledger ingest && chipledger run
      chipledger ingest --inbox gs://my-bucket/chipledger --watch 60
    """
    project = screen.project(ctx)
    inbox = open_inbox(_from_here(place) if place else project.config.inbox, project.config.folder)
    _once(project, inbox)
    while watch is not None:
        time.sleep(watch)
        _once(project, inbox)


def _from_here(place: str) -> str:
    """A folder is the one that this shell means, and has to be there; a URL stays as it is."""
    if "://" in place:
        return place
    folder = Path(place).absolute()
    if not folder.is_dir():
        raise InputError(f"--inbox {place}: there is no folder {folder}")
    return str(folder)


def _once(project: Project, inbox: Inbox) -> None:
    lake = project.lake
    with screen.progress() as tell:
        tally = ingest(lake, inbox, now_ms(), keep=project.config.keep_inbox, progress=tell)
    click.echo(_line(tally, now_ms()))
    for refusal in tally.refused[:10]:
        click.echo(f"  quarantined {refusal.name}: {refusal.reason}")
    for line in gaps.said(lake):
        click.echo(f"  {line}")
    pushing.after_commit(project)


def _line(tally: Tally, now: int) -> str:
    lag = "" if tally.newest_ms is None else f"; the newest record is {screen.age(now - tally.newest_ms)} old"
    return (
        f"{tally.segments:,} segments ingested, {tally.known:,} known, {len(tally.refused):,} quarantined: "
        f"{tally.records:,} records of {len(tally.agents):,} agents{lag}"
    )
