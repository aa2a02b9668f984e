"""chipledger init."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from accounting.cli import screen, warehouse
from accounting.config import FILE, BigQueryTable, load_config, write_project
from accounting.errors import InputError
from accounting.reader import list_price
from accounting.stores.lake import Lake

if TYPE_CHECKING:
    from accounting.stores.bigquery.cost import ViewCost


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--store",
    type=click.Choice(["lake", "bigquery"]),
    default="lake",
    show_default=True,
    help="Where people read: the folder of files beside chipledger.toml, or BigQuery, with --project and --dataset.",
)
@warehouse.options
def command(folder: Path, store: str, **asked: str | None) -> None:
    """Make a project: chipledger.toml, policies/ and an empty lake in FOLDER; with --store bigquery its datasets too.

    \b
    Examples:
      chipledger init mycluster && cd mycluster
      chipledger init mycluster --store bigquery --project my-project --dataset chipledger
    """
    bigquery = _warehouse(store, asked)
    if (folder / FILE).exists():
        raise InputError(f"{folder / FILE}: exists already; choose another folder")
    found = bigquery is not None and _define(bigquery)
    file = write_project(folder, bigquery)
    Lake.create(load_config(file).lake)
    click.echo(f"{folder}: project made; settings in {file}")
    step = "copy --from bigquery" if found else "import jobs FILE --mapping MAP.toml"
    click.echo(f"next: cd {folder} && chipledger {step}")


def _warehouse(store: str, asked: dict[str, str | None]) -> BigQueryTable | None:
    found = warehouse.settings(asked)
    if store == "lake" and found:
        raise InputError("init: --project, --dataset and the like are of --store bigquery: write that, or leave them")
    if store == "bigquery" and not found:
        raise InputError("init: --store bigquery needs --project P and --dataset D")
    return found


def _define(settings: BigQueryTable) -> bool:
    """Whether all of it was there, so that it may have rows."""
    from accounting.stores.bigquery.client import connect
    from accounting.stores.bigquery.cost import costs
    from accounting.stores.bigquery.define import define

    there = connect(settings)
    with screen.progress() as tell:
        done = define(there, tell)
    place = f"BigQuery {settings.project}.{settings.dataset}"
    if not done.made and not done.changed:
        click.echo(f"{place}: all datasets, tables and views were there")
        _show(costs(there))
        return True
    click.echo(f"{place}: {len(done.made)} datasets, tables and views made, {len(done.changed)} brought up to date")
    return False


def _show(found: list[ViewCost]) -> None:
    rows = [
        (
            one.view,
            screen.size(one.all_bytes),
            str(list_price(one.all_bytes)),
            "" if one.month_bytes is None else screen.size(one.month_bytes),
        )
        for one in found
    ]
    columns = ("view", "all of it scans", "USD", "the last month scans")
    screen.table("What a view costs to ask", columns, rows, right=(1, 2, 3))
