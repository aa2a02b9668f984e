"""The laws of sql/checks, and the capacity that sql/rebuilt makes for them, on the lake's engine and on BigQuery.

The run's own tables, which only the lake's engine has, are put into datasets beside ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import polars as pl
from google.cloud import bigquery
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

import sql
from accounting import checks, pipeline
from accounting.bill_tables import RECONCILIATION
from accounting.plan import EMPTY
from accounting.stores.bigquery import places
from accounting.stores.bigquery.client import Warehouse
from accounting.stores.bigquery.session import ask
from accounting.stores.closing import MONTHS
from accounting.stores.engine import Session, open_session
from accounting.stores.subset import DIALECT, parse
from accounting.tables import ADJUSTMENTS, RESULTS
from tests.stores.bigquery.fleet import Fleet

LIVE = """JOIN live_publications AS live
  ON live.publication = published.publication AND live.cluster = published.cluster AND live.day = published.day"""
LIVE_MONTH = """JOIN live_months AS live
  ON live.publication = published.publication AND live.month = published.month"""
BESIDE = ("run", "staged", "rebuilt")
Answered = tuple[str, str, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Both(Session):
    """A session that does on BigQuery too whatever it does, and keeps both answers."""

    warehouse: Warehouse
    found: list[Answered] = field(default_factory=list)

    def load(self, name: str, frame: pl.DataFrame) -> None:
        Session.load(self, name, frame)
        out = BytesIO()
        frame.write_parquet(out)
        out.seek(0)
        config = bigquery.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_TRUNCATE")
        self.warehouse.client.load_table_from_file(out, self._beside(name), job_config=config).result()

    def define(self, name: str, sql: str, *, keep: bool = False) -> None:
        Session.define(self, name, sql, keep=keep)
        config = bigquery.QueryJobConfig(destination=self._beside(name), write_disposition="WRITE_TRUNCATE")
        self.warehouse.client.query(self._text(sql), job_config=config).result()
        if keep:
            self.query(f"SELECT * FROM {name}")

    def query(self, sql: str, parameters: object = None) -> pl.DataFrame:
        assert parameters is None
        mine = Session.query(self, sql)
        theirs = ask(self.warehouse, self._text(sql))[0].cast(mine.schema)
        self.found.append((_name(sql), sql, mine, theirs))
        return mine

    def _beside(self, name: str) -> str:
        schema, _, table = name.partition(".")
        return f"{places.dataset(self.warehouse.settings)}_{schema}.{table}"

    def _text(self, sql: str) -> str:
        tree = parse(sql)
        for scope in traverse_scope(tree):
            for table in scope.sources.values():
                if isinstance(table, exp.Table) and not table.catalog:
                    self._located(table)
        return tree.sql(dialect=DIALECT, comments=False)

    def _located(self, table: exp.Table) -> None:
        if table.db in BESIDE:
            place = self._beside(f"{table.db}.{table.name}")
        else:
            place = places.table(self.warehouse.settings, table.db, table.name)
        for key, part in zip(("catalog", "db", "this"), place.split("."), strict=True):
            table.set(key, exp.to_identifier(part, quoted=True))


def _name(text: str) -> str:
    """The file that has the text."""
    known = {sql.read(name): name for folder in ("checks", "run") for name in sql.names(folder)}
    return known.get(text, text.rpartition(" ")[2])


def laws(fleet: Fleet) -> Iterator[Answered]:
    """Every query of a check of all that is published, with both answers."""
    lake, warehouse = fleet.project.lake, fleet.warehouse
    for schema in BESIDE:
        warehouse.client.create_dataset(f"{places.dataset(fleet.settings)}_{schema}", exists_ok=True)
    inventory, spans, _, _ = pipeline.pending(fleet.project.config)
    with open_session(lake.snapshot()) as session:
        both = Both(session.connection, session.schema, warehouse)
        for table in (*RESULTS, ADJUSTMENTS, RECONCILIATION):
            columns = ", ".join(f"published.{name}" for name in table.names)
            live = LIVE if table in RESULTS else LIVE_MONTH
            both.define(f"staged.{table.name}", f"SELECT {columns} FROM store.{table.name} AS published {live}")
        days = sorted((x.cluster, x.day) for x in lake.live() if x.fingerprint != EMPTY and x.cluster != MONTHS)
        verdict = checks._check(both, inventory, spans, fleet.project.config.policies, days)
    assert not verdict.failures
    yield from both.found
