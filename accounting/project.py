"""A project: a folder with chipledger.toml, and a lake or a warehouse; the public Python API."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from accounting.config import Config, load_config
from accounting.errors import InputError
from accounting.reader import Answer, Reader
from accounting.stores.engine import Session, open_session
from accounting.stores.googlesql import to_duckdb
from accounting.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class LakeReader:
    """A `Reader` of one published state of a lake, whatever is published meanwhile."""

    session: Session
    translated: dict[str, str] = field(default_factory=dict)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        self.prepare(sql)
        return self.session.run(self.translated[sql], parameters)

    def answer(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        return Answer(self.query(sql, parameters))

    def estimate(self, sql: str, parameters: Mapping[str, Any] | None = None) -> None:
        self.prepare(sql)

    def prepare(self, sql: str) -> None:
        if sql not in self.translated:
            self.translated[sql] = to_duckdb(sql, schema=self.session.schema)

    def close(self) -> None:
        self.session.close()


@dataclass(frozen=True, slots=True)
class Project:
    """An open project. BigQuery answers queries where it is configured, else the lake."""

    config: Config

    @property
    def lake(self) -> Lake:
        """Raises `InputError` where there is no lake, `StoreError` where it is newer or damaged."""
        if self.remote:
            raise InputError(
                f"no lake in {self.config.lake}, only [bigquery]: ask this on the host that imports, or make this one"
                " that host with `chipledger copy --from bigquery`"
            )
        return Lake.open(self.config.lake)

    @property
    def remote(self) -> bool:
        """Whether the lake is on another host: BigQuery answers queries, and nothing can be imported or run here."""
        return self.config.bigquery is not None and not self.config.lake.exists()

    @property
    def version(self) -> int:
        """Another number after every import, undo and publication; costs no query.

        Raises `InputError` where nothing is there to read, `StoreError` where it cannot be read.
        """
        if self.config.bigquery is not None:
            from accounting.stores.bigquery.session import version

            return version(self.config.bigquery)
        return self.lake.generation()

    def reader(self) -> Reader:
        """What is published now, kept open; raises as `version` does."""
        if self.config.bigquery is not None:
            from accounting.stores.bigquery.session import open_reader

            return open_reader(self.config.bigquery)
        return self.lake_reader()

    def lake_reader(self) -> LakeReader:
        """What this host's lake holds, for those who compare it with its inputs; raises as `lake` does."""
        lake = self.lake
        return LakeReader(open_session(lake.snapshot(), spill=lake.folder / "tmp"))

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """The rows of one GoogleSQL query over the views; read-only. Raises `InputError` with one line."""
        with closing(self.reader()) as reader:
            return reader.query(sql, parameters)


def open_project(path: Path | None = None) -> Project:
    """The project at `path` (a folder or a chipledger.toml; None: the current folder)."""
    return Project(load_config(path))
