"""chipledger prices: price books that chipledger makes itself."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from accounting.books import Row, import_book
from accounting.cli import import_, pushing, screen
from accounting.core.tco import nano, said
from accounting.errors import InputError
from accounting.owned import Rate, read_rates
from accounting.price_lists import STALE_DAYS, Aged, listed
from accounting.stores.lake import now_ms

_FORMATS = click.Choice(["table", "csv"])


@click.group("prices")
def command() -> None:
    """Make price books: what nodes of your own cost, and list prices of the clouds.

    \b
    Examples:
      chipledger prices tco nodes.toml
      chipledger prices tco nodes.toml --import && chipledger run
      chipledger prices catalog --provider gcp --import
    """


@command.command("tco")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--import", "imported", is_flag=True, help="Import the prices, under the source tco:NAME.")
@click.option("--format", "form", type=_FORMATS, default="table", show_default=True, help="How to print the parts.")
@click.pass_context
def tco(ctx: click.Context, file: Path, imported: bool, form: str) -> None:
    """Reckon what an accelerator of your own costs per hour from the nodes that FILE (TOML) describes.

    It is what the node costs in a year over all hours of it: an idle hour costs as much as a busy one.

    \b
    Examples:
      chipledger prices tco nodes.toml
      chipledger prices tco nodes.toml --format csv > parts.csv
      chipledger prices tco nodes.toml --import && chipledger run
    """
    name, rates = read_rates(file)
    if form == "csv":
        _write([row for rate in rates for row in _parts(rate)])
    else:
        for rate in rates:
            _show(rate)
    if imported:
        _import(ctx, [rate.row for rate in rates], f"tco-{name}", f"tco:{name}")


@command.command("catalog")
@click.option("--provider", "providers", multiple=True, help="Only of this provider; may be given several times.")
@click.option("--region", "regions", multiple=True, help="Only of this region; may be given several times.")
@click.option("--import", "imported", is_flag=True, help="Import what is shown, under the source catalog.")
@click.option("--format", "form", type=_FORMATS, default="table", show_default=True, help="How to print the prices.")
@click.pass_context
def catalog(
    ctx: click.Context, providers: tuple[str, ...], regions: tuple[str, ...], imported: bool, form: str
) -> None:
    """List prices of the clouds that come with chipledger, each with its age and where it is from.

    They are a start where no price list of your own is at hand: check them against your provider's.

    \b
    Examples:
      chipledger prices catalog --provider gcp --region us-central1
      chipledger prices catalog --provider gcp --provider aws --import
    """
    today = datetime.fromtimestamp(now_ms() / 1000, UTC).date()
    found = listed(providers, regions, today)
    if not found:
        raise InputError("prices catalog: no price of these providers in these regions; leave out --region to see all")
    if form == "csv":
        _write([one.listed.row | {"as_of": one.listed.as_of, "source": one.listed.source} for one in found])
    else:
        _show_listed(found)
    if imported:
        _import(ctx, [one.listed.row for one in found], "catalog", "catalog")


def _show_listed(found: Sequence[Aged]) -> None:
    rows = [
        (p.provider, p.region, p.accelerator, p.purchase, f"{p.price_per_hour.normalize():f}", p.currency, p.covers,
         f"{p.as_of}{' (stale)' if one.stale else ''}", p.source)
        for one in found for p in [one.listed]
    ]  # fmt: skip
    columns = ("provider", "region", "accelerator", "purchase", "per hour", "", "covers", "as of", "source")
    screen.table("", columns, rows, right=(4,))
    if stale := sum(one.stale for one in found):
        click.echo(f"\n{stale} of {len(found)} are older than {STALE_DAYS} days: look at the provider's own list")


def _parts(rate: Rate) -> list[dict[str, object]]:
    told = rate.reckoning
    lines = [(part.name, part.how, part.per_year) for part in told.parts]
    return [
        {
            "accelerator": rate.accelerator,
            "region": rate.region,
            "start": rate.start,
            "end": rate.end,
            "part": name,
            "how": how,
            "node_per_year": f"{nano(per_year):f}",
            "accelerator_per_hour": f"{told.hourly(per_year):f}",
            "currency": rate.currency,
        }
        for name, how, per_year in (*lines, ("total", "", told.per_year))
    ]


def _show(rate: Rate) -> None:
    told = rate.reckoning
    place = f" in {rate.region}" if rate.region else ""
    dated = f", from {rate.start or 'ever'} to {rate.end or 'the next'}" if rate.start or rate.end else ""
    rows = [
        (part.name, part.how, said(nano(part.per_year)), f"{told.hourly(part.per_year):f}")
        for part in told.parts
        if part.per_year
    ]
    rows.append(
        (
            "total",
            f"÷ ({told.accelerators} accelerators × 8,760 h)",
            said(nano(told.per_year)),
            f"{rate.price:f}",
        )
    )
    title = f"{rate.accelerator}{place}, {told.accelerators} in a node{dated}, {rate.currency}"
    screen.table(title, ("part", "how", "node and year", "accelerator and hour"), rows, right=(2, 3))


def _write(rows: Sequence[Row]) -> None:
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _import(ctx: click.Context, rows: Sequence[Row], name: str, source: str) -> None:
    project = screen.project(ctx)
    with screen.progress() as tell:
        file, outcome = import_book(project, rows, name, source, now_ms(), tell)
    import_.show(outcome, file.relative_to(project.config.folder))
    pushing.after_commit(project)
