"""Questions in GoogleSQL to BigQuery, with the refusals and the result types of the embedded store.

Each is translated for DuckDB and run there over no rows first: what is wrong with it is said before anything is billed,
in the same words, and the columns of the answer get the types that they would have there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import TimeoutError as TookTooLong
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl
from sqlglot import exp

from accounting.config import BigQueryTable
from accounting.errors import InputError, StoreError
from accounting.reader import Answer, Scan
from accounting.stores import arrow
from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import SWITCH
from accounting.stores.bigquery.client import Warehouse, answered, connect, reason, said
from accounting.stores.bigquery.parameters import parameters
from accounting.stores.engine import Session, open_session
from accounting.stores.googlesql import name_columns, to_duckdb
from accounting.stores.lake import Snapshot
from accounting.stores.names import VIEWS
from accounting.stores.subset import DIALECT, parse
from accounting.tables import TOLD

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud.bigquery import QueryJobConfig

PATIENCE_SECONDS = 600
"""How long a query may run; it is canceled then."""
ANSWER_SECONDS = 30
"""How long a request is repeated that is not answered."""
LABELS = {"application": "chipledger"}
"""Of every query job, to find them in the project's job list and bill."""


class _Texts(NamedTuple):
    duckdb: str
    bigquery: str


@dataclass(frozen=True, slots=True)
class WarehouseReader:
    """A `Reader` of what BigQuery holds at the time of each query."""

    warehouse: Warehouse
    rehearsal: Session
    _texts: dict[str, _Texts] = field(default_factory=dict)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        return self._ask(sql, parameters)[0]

    def answer(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        from google.cloud import bigquery

        rows, job_id = self._ask(sql, parameters)
        with answered("a query"):
            job = self.warehouse.client.get_job(job_id, retry=_retry())  # bytes billed are not told with its rows
        assert isinstance(job, bigquery.QueryJob)
        return Answer(rows, Scan(job.total_bytes_processed or 0, job.total_bytes_billed or 0, bool(job.cache_hit)))

    def estimate(self, sql: str, parameters: Mapping[str, Any] | None = None) -> int:
        texts = self._translated(sql)
        self.rehearsal.run(texts.duckdb, parameters)
        return estimate(self.warehouse, texts.bigquery, parameters)

    def prepare(self, sql: str) -> None:
        self._translated(sql)

    def close(self) -> None:
        self.rehearsal.close()

    def _translated(self, sql: str) -> _Texts:
        if sql not in self._texts:
            schema = {name: tables for name, tables in self.rehearsal.schema.items() if name != "staged"}
            self._texts[sql] = _Texts(to_duckdb(sql, schema=schema), to_bigquery(sql, self.warehouse.settings))
        return self._texts[sql]

    def _ask(self, sql: str, values: Mapping[str, Any] | None) -> tuple[pl.DataFrame, str]:
        texts = self._translated(sql)
        shape = self.rehearsal.run(texts.duckdb, values).schema
        rows, job_id = ask(self.warehouse, texts.bigquery, values)
        return rows.cast({name: shape[name] for name in rows.columns if name in shape}), job_id


def open_reader(settings: BigQueryTable) -> WarehouseReader:
    """Raises `InputError` where the extra or credentials are missing; nothing is asked yet."""
    nothing = Snapshot(files={}, told={table.name: table.empty() for table in TOLD}, generation=0)
    return WarehouseReader(_connected(settings), open_session(nothing, threads=1))


def version(settings: BigQueryTable) -> int:
    """When something was pushed last, in ms since the epoch; costs one request and no query.

    Raises as `open_reader`, and `StoreError` where BigQuery does not answer.
    """
    return changed(_connected(settings))


def changed(warehouse: Warehouse) -> int:
    """As `version`, by clients that are there; who may read the views may ask it."""
    from google.api_core.exceptions import NotFound

    place = places.stored(warehouse.settings, SWITCH.name)
    try:
        with answered(f"reading {place}"):
            modified = warehouse.client.get_table(place, retry=_retry()).modified
    except StoreError as error:
        if isinstance(error.__cause__, NotFound):
            remedy = "look at `project` and `dataset`, or fill it with `chipledger copy --to bigquery`"
            raise InputError(f"BigQuery: there is no {place}: {remedy}") from error
        raise
    return int(modified.timestamp() * 1000) if modified else 0


def to_bigquery(sql: str, settings: BigQueryTable) -> str:
    """The query with the whole place of each table; raises `InputError` as `subset.parse` does."""
    tree = parse(sql)
    name_columns(tree)
    for table in tree.find_all(exp.Table):
        table.set("this", exp.to_identifier(table.name.lower(), quoted=True))  # BigQuery tells Usage from usage
        table.set("db", None if table.db == VIEWS else table.args.get("db"))
    places.locate(tree, settings)
    return tree.sql(dialect=DIALECT, comments=False)


def ask(warehouse: Warehouse, text: str, values: Mapping[str, Any] | None = None) -> tuple[pl.DataFrame, str]:
    """The rows of a query in BigQuery's names, as BigQuery types them, and its job's id; raises as `Reader.query` does.

    Rows come with the first answer where they are all, else by the Storage API where there is one, else page by page.
    """
    from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY

    config, again = _config(warehouse.settings, values), DEFAULT_JOB_RETRY.with_timeout(ANSWER_SECONDS)
    with _answers(warehouse.settings):
        try:
            found = warehouse.client.query_and_wait(
                text, job_config=config, wait_timeout=PATIENCE_SECONDS, retry=_retry(), job_retry=again
            )
        except TookTooLong as error:
            minutes = PATIENCE_SECONDS // 60
            raise StoreError(f"BigQuery, a query: no answer in {minutes} minutes, canceled: filter on day") from error
        rows = found.to_arrow(bqstorage_client=warehouse.reader, create_bqstorage_client=False)
        return arrow.frame(rows), found.job_id or ""


def estimate(warehouse: Warehouse, text: str, values: Mapping[str, Any] | None = None) -> int:
    """How many bytes a query in BigQuery's names would read, by a dry run, which is free."""
    config = _config(warehouse.settings, values)
    config.dry_run, config.maximum_bytes_billed = True, None
    with _answers(warehouse.settings):
        return warehouse.client.query(text, job_config=config, retry=_retry()).total_bytes_processed or 0


@lru_cache(maxsize=4)
def _connected(settings: BigQueryTable) -> Warehouse:
    """One set of clients for all readers of a process: their connections stay open."""
    return connect(settings)


def _config(settings: BigQueryTable, values: Mapping[str, Any] | None) -> QueryJobConfig:
    from google.cloud.bigquery import QueryJobConfig

    return QueryJobConfig(
        labels=LABELS,
        maximum_bytes_billed=settings.maximum_bytes_billed,
        query_parameters=parameters(values or {}),
        use_legacy_sql=False,
    )


def _retry() -> Retry:
    from google.cloud.bigquery import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(ANSWER_SECONDS)


@contextmanager
def _answers(settings: BigQueryTable) -> Iterator[None]:
    """What is wrong with the query itself is the user's."""
    from google.api_core.exceptions import BadRequest, GoogleAPICallError

    try:
        with answered("a query"):
            yield
    except StoreError as error:
        cause = error.__cause__
        if isinstance(cause, GoogleAPICallError) and "bytesBilledLimitExceeded" in reason(cause):
            cap = f"maximum_bytes_billed = {settings.maximum_bytes_billed}"
            raise InputError(f"query: it would scan more than {cap}: filter on day, or raise it") from cause
        if isinstance(cause, BadRequest):
            # where in the text is of the text that was sent, not of the user's
            where = re.compile(r" at \[[0-9]+:[0-9]+\]")
            raise InputError(f"query: {where.sub('', said(cause))}") from cause
        raise
