"""chipledger import."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from accounting.cli import pushing, screen
from accounting.errors import InputError
from accounting.exports import DEFAULT, SCHEME, Source, import_export
from accounting.inputs.capacity import added_to
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import Mapping, load_mapping
from accounting.stores.lake import Lake, now_ms
from accounting.tables import INPUTS


@click.command("import")
@click.argument("kind", type=click.Choice(list(INPUTS)))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--mapping", type=click.Path(path_type=Path), help="How the file's columns become ours (TOML).")
@click.option("--source", help="A name; the file becomes the new version of what was imported under it.")
@click.option("--strict", is_flag=True, help="Take nothing if any row is bad.")
@click.option("--accept-suspicious", "trusting", is_flag=True, help="Take prices that are hardly right, too.")
@click.option("--since", help="Of a table of BigQuery: the first invoice month, such as 2026-10.")
@click.option("--project", "payer", help="Of a table of BigQuery: the project that pays for the query.")
@click.pass_context
def command(
    ctx: click.Context,
    kind: str,
    file: Path,
    mapping: Path | None,
    source: str | None,
    strict: bool,
    trusting: bool,
    since: str | None,
    payer: str | None,
) -> None:
    """Import FILE (csv, csv.gz, csv.zst, parquet, json lines, sacct -P) as KIND through a mapping file.

    The same file with the same mapping changes nothing. Bad rows go to quarantine with a reason; the good ones count.
    An invoice may be a table of Google's billing export: each time, what is new there is imported.

    \b
    Examples:
      chipledger import jobs pods.csv.gz --mapping pods.toml
      chipledger import jobs sacct.txt --mapping sacct.toml
      chipledger import prices prices.csv --mapping prices.toml --source list-prices
      chipledger import invoice bigquery:acme.billing.gcp_billing_export_resource_v1_0 --since 2026-10
    """
    if trusting and kind != "prices":
        raise InputError(f"import {kind}: --accept-suspicious is of prices: leave it out")
    project = screen.project(ctx)
    told = load_mapping(mapping) if mapping is not None else None
    with screen.progress() as tell:
        if str(file).startswith(SCHEME):
            _check_table(kind, source)
            table = Source(str(file), since, payer)
            outcome = import_export(
                project.lake, project.config, table, told or DEFAULT, now_ms(), strict=strict, progress=tell
            )
        else:
            outcome = import_file(
                project.lake,
                kind,
                file,
                dataclasses.replace(_needed(told, since, payer), trusting=trusting),
                now=now_ms(),
                source=source,
                aliases=project.config.aliases,
                strict=strict,
                progress=tell,
            )
    if outcome is None:
        click.echo(f"{file}: nothing to do, all of it is imported")
        return
    show(outcome, file)
    if kind == "capacity" and not outcome.unchanged:
        _show_added(project.lake, outcome.record.seq)
    pushing.after_commit(project)


def _check_table(kind: str, source: str | None) -> None:
    if kind != "invoice":
        raise InputError(f"import: tables of BigQuery are imported as invoice, not as {kind}")
    if source is not None:
        raise InputError("import: --source is of files: what a table had before stays, and its new rows are added")


def _needed(mapping: Mapping | None, since: str | None, payer: str | None) -> Mapping:
    if mapping is None:
        raise InputError("import: --mapping is missing: write how the file's columns become ours into a file")
    if since is not None or payer is not None:
        raise InputError(f"import: --since and --project are of tables: write {SCHEME}PROJECT.DATASET.TABLE")
    return mapping


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
