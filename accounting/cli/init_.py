"""chipledger init."""

from __future__ import annotations

from pathlib import Path

import click

from accounting.config import load_config, write_project
from accounting.stores.lake import Lake


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make a project: chipledger.toml, policies/ and an empty lake in FOLDER.

    \b
    Example:
      chipledger init mycluster && cd mycluster
    """
    file = write_project(folder)
    Lake.create(load_config(file).lake)
    click.echo(f"{folder}: project made; settings in {file}")
    click.echo(f"next: cd {folder} && chipledger import jobs FILE --mapping MAP.toml")
