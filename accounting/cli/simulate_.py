"""chipledger simulate."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from accounting.cli import screen
from accounting.simulate import answer
from accounting.simulate.demo import INBOXES, INPUTS, Plan, checked, day_before, simulate
from accounting.stores.lake import now_ms


@click.command("simulate")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--devices", type=int, default=96, show_default=True, help="At least so many accelerators.")
@click.option("--days", type=int, default=35, show_default=True, help="Days of history.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day (UTC).  [default: yesterday]")
@click.option("--seed", type=int, default=7, show_default=True, help="Another number, another company.")
@click.option("--interval", type=int, default=10, show_default=True, help="Seconds of one sample.")
@click.option(
    "--grain",
    type=click.Choice(["samples", "usage"]),
    default="samples",
    show_default=True,
    help="samples: the files a real fleet writes; usage: only the true hourly usage, for very large fleets.",
)
def command(
    folder: Path, devices: int, days: int, until: datetime | None, seed: int, interval: int, grain: str
) -> None:
    """Write a simulated company's files and its truth into FOLDER: inputs/ and truth/. Equal options, equal files.

    \b
    Examples:
      chipledger simulate fleet --devices 1000 --days 30 --interval 60
      chipledger simulate large --devices 10000 --days 30 --grain usage
    """
    last = until.date() if until else day_before(now_ms())
    plan = checked(Plan(devices, days, last, seed, interval))
    with screen.progress() as tell:
        imports = simulate(plan, folder, tell, inputs=grain == "samples")
    right = answer.load(folder)
    click.echo(
        f"{folder}/{answer.FOLDER}: {right.facts.devices:,} accelerators, {plan.first} to {plan.until}, "
        f"{right.usage.height:,} rows of true hourly usage"
    )
    if imports:
        click.echo(f"{folder}/{INPUTS}: {len(imports)} files; import them in this order into a project, and run:")
    place = folder / INPUTS
    for item in imports:
        source = f" --source {item.source}" if item.source else ""
        click.echo(f"  chipledger import {item.kind} {place / item.file} --mapping {place / item.mapping}{source}")
    if imports:
        for inbox in INBOXES:
            click.echo(f"  chipledger ingest --inbox {(place / inbox).absolute()}")
