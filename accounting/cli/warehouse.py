"""Options that name a warehouse of BigQuery."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from accounting.config import BigQueryTable, decode
from accounting.errors import InputError

Command = Callable[..., Any]

_OPTIONS = {
    "project": "Google Cloud project.",
    "dataset": "Dataset of the views; DATASET_store and DATASET_input lie beside it.",
    "location": "Where the datasets are.  [default: US]",
    "endpoint": "Another address in Google's place (URL), asked without credentials.",
    "storage_endpoint": "Its Storage API (host:port); none: rows are read without it.",
}


def options(command: Command) -> Command:
    """Adds them to a command, which takes them by these names."""
    for name, told in reversed(_OPTIONS.items()):
        command = click.option(f"--{name.replace('_', '-')}", help=told)(command)
    return command


def settings(asked: dict[str, str | None]) -> BigQueryTable | None:
    """What the options say, checked as chipledger.toml is; None: nothing."""
    told = {name: value for name, value in asked.items() if value is not None}
    if not told:
        return None
    missing = [f"--{name} {name[0].upper()}" for name in ("project", "dataset") if name not in told]
    if missing:
        raise InputError(f"the options name no warehouse: add {' and '.join(missing)}")
    return decode(BigQueryTable, told, "options")


def chosen(asked: dict[str, str | None], configured: BigQueryTable | None) -> BigQueryTable:
    """The project's warehouse, or the one that the options name; raises `InputError` where there is none, or two."""
    told = settings(asked)
    if told is not None and configured is not None:
        names = ", ".join(f"--{name}" for name, value in asked.items() if value is not None)
        raise InputError(f"chipledger.toml has [bigquery]: leave {names} away, or name another project with --config")
    found = told or configured
    if found is None:
        raise InputError("no warehouse: write [bigquery] into chipledger.toml, or --project P --dataset D")
    return found
