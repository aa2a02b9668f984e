"""A project: a folder with chipledger.toml and a lake; the public Python API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from accounting.config import Config, load_config
from accounting.stores.engine import Session, open_session
from accounting.stores.googlesql import to_duckdb
from accounting.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Reader:
    """One published state of all tables, for many queries of many threads; `close` it.

    `version` is the project's at the time: while they are equal, another reader would give the same answers.
    """

    version: int
    session: Session
    translated: dict[str, str] = field(default_factory=dict)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """As `Project.query`; a text is translated once."""
        self.prepare(sql)
        return self.session.run(self.translated[sql], parameters)

    def prepare(self, sql: str) -> None:
        """Translates a query, so that its first answer comes sooner. Raises `InputError` with one line."""
        if sql not in self.translated:
            self.translated[sql] = to_duckdb(sql, schema=self.session.schema)

    def close(self) -> None:
        self.session.close()


@dataclass(frozen=True, slots=True)
class Project:
    """An open project; every query sees one published state of all tables."""

    config: Config

    @property
    def lake(self) -> Lake:
        """Raises `InputError` where there is no lake, `StoreError` where it is newer or damaged."""
        return Lake.open(self.config.lake)

    @property
    def version(self) -> int:
        """Grows with every import, undo and publication, in under a millisecond; raises as `lake` does."""
        return self.lake.generation()

    def reader(self) -> Reader:
        """What is published now, kept open; raises as `lake` does."""
        lake = self.lake
        snapshot = lake.snapshot()
        return Reader(snapshot.generation, open_session(snapshot, spill=lake.folder / "tmp"))

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of one GoogleSQL query over the views; read-only. Raises `InputError` with one line."""
        lake = self.lake
        with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
            return session.query(sql, parameters)


def open_project(path: Path | None = None) -> Project:
    """The project at `path` (a folder or a chipledger.toml; None: the current folder)."""
    return Project(load_config(path))
