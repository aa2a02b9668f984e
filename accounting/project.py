"""A project: a folder with chipledger.toml and a lake; the public Python API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from accounting.config import Config, load_config
from accounting.stores.engine import open_session
from accounting.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Project:
    """An open project; every query sees one published state of all tables."""

    config: Config

    @property
    def lake(self) -> Lake:
        """Raises `InputError` where there is no lake, `StoreError` where it is newer or damaged."""
        return Lake.open(self.config.lake)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of one GoogleSQL query over the views; read-only. Raises `InputError` with one line."""
        lake = self.lake
        with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
            return session.query(sql, parameters)


def open_project(path: Path | None = None) -> Project:
    """The project at `path` (a folder or a chipledger.toml; None: the current folder)."""
    return Project(load_config(path))
