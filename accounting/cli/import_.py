"""chipledger import."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from accounting.cli import pushing, screen
from accounting.errors import InputError
from accounting.inputs.capacity import added_to
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import load_mapping
from accounting.stores.lake import Lake, now_ms
from accounting.tables import INPUTS


@click.command("import")
@click.argument("kind", type=click.Choice(list(INPUTS)))
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mapping", required=True, type=click.Path(path_type=Path), help="How the file's columns become ours (TOML)."
)
@click.option("--source", help="A name; the file becomes the new version of what was imported under it.")
@click.option("--strict", is_flag=True, help="Take nothing if any row is bad.")
@click.option("--accept-suspicious", "trusting", is_flag=True, help="Take prices that are hardly right, too.")
@click.pass_context
def command(
    ctx: click.Context, kind: str, file: Path, mapping: Path, source: str | None, strict: bool, trusting: bool
) -> None:
    """Import FILE (csv, csv.gz, csv.zst, parquet, json lines, sacct -P) as KIND through a mapping file.

    The same file with the same mapping changes nothing. Bad rows go to quarantine with a reason; the good ones count.

    \b
    Examples:
      chipledger import jobs pods.csv.gz --mapping pods.toml
      chipledger import jobs sacct.txt --mapping sacct.toml
      chipledger import prices prices.csv --mapping prices.toml --source list-prices
    """
    if trusting and kind != "prices":
        raise InputError(f"import {kind}: --accept-suspicious is of prices: leave it out")
    project = screen.project(ctx)
    with screen.progress() as tell:
        outcome = import_file(
            project.lake,
            kind,
            file,
            dataclasses.replace(load_mapping(mapping), trusting=trusting),
            now=now_ms(),
            source=source,
            aliases=project.config.aliases,
            strict=strict,
            progress=tell,
        )
    show(outcome, file)
    if kind == "capacity" and not outcome.unchanged:
        _show_added(project.lake, outcome.record.seq)
    pushing.after_commit(project)


def _show_added(lake: Lake, seq: int) -> None:
    others = added_to(lake, seq)
    if others:
        named = ", ".join(map(str, others))
        click.echo(
            f"  adds to what import {named} states of the same pools; if it replaces that, undo it, and use --source"
        )


def show(outcome: Outcome, file: Path) -> None:
    """Prints what an import did."""
    record = outcome.record
    if outcome.named:
        click.echo(
            f"{file}: import {record.seq} already ({record.rows:,} {record.kind}), now the version of {record.source}"
        )
        return
    if outcome.unchanged:
        click.echo(f"{file}: nothing to do, it is import {record.seq} already ({record.rows:,} {record.kind})")
        return
    click.echo(f"{file}: {record.rows:,} {record.kind} imported as import {record.seq}, {record.rejected:,} rejected")
    for note, count in sorted(outcome.notes.items()):
        click.echo(f"  {note.replace('_', ' ')}: {count:,}")
    for reason, count in outcome.reasons[:10]:
        click.echo(f"  rejected {count:,}: {reason}")
    if record.rejected:
        click.echo(f'  see them: chipledger query "SELECT * FROM quarantine WHERE import_seq = {record.seq}"')
