"""Rows of the warehouse's tables as frames, as the lake has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from accounting.schema import Table
from accounting.stores import arrow
from accounting.stores.bigquery import places
from accounting.stores.bigquery.client import Warehouse, answered

if TYPE_CHECKING:
    from google.cloud import bigquery

BATCH_ROWS = 250_000
FEW_ROWS = 10_000
"""A page or two of REST come sooner than a stream is opened."""


def batches(warehouse: Warehouse, table: Table) -> Iterator[pl.DataFrame]:
    """All rows of a table, also those that do not count, in batches that fit memory; no query, so nothing is billed."""
    with answered(f"reading {table.name}"):
        place = warehouse.client.get_table(places.stored(warehouse.settings, table.name))
        read = _listed if warehouse.reader is None or (place.num_rows or 0) < FEW_ROWS else _streamed
        gathered: list[pl.DataFrame] = []
        for batch in read(warehouse, table, place):
            gathered.append(_frame(batch, table))
            if sum(frame.height for frame in gathered) >= BATCH_ROWS:
                yield pl.concat(gathered)
                gathered = []
        yield pl.concat([table.empty(), *gathered])


def _listed(warehouse: Warehouse, table: Table, place: bigquery.Table) -> Iterator[arrow.ArrowStream]:
    """By REST, in pages."""
    fields = [column for column in place.schema if column.name in table.names]
    yield from warehouse.client.list_rows(place, selected_fields=fields).to_arrow_iterable(bqstorage_client=None)


def _streamed(warehouse: Warehouse, table: Table, place: bigquery.Table) -> Iterator[arrow.ArrowStream]:
    """By the Storage Read API, as of one instant; a stream that breaks off goes on where it was."""
    import pyarrow
    from google.cloud.bigquery_storage_v1 import types

    assert warehouse.reader is not None
    options = types.ReadSession.TableReadOptions(
        selected_fields=table.names,
        # All days of a table that wants to be told which.
        row_restriction=f"{table.partition_by} > {-(1 << 62)}" if table.raw else "",
    )
    session = warehouse.reader.create_read_session(
        parent=f"projects/{warehouse.settings.project}",
        read_session=types.ReadSession(
            table=place.to_bqstorage(), data_format=types.DataFormat.ARROW, read_options=options
        ),
        max_stream_count=1,
    )
    schema = pyarrow.ipc.read_schema(pyarrow.py_buffer(session.arrow_schema.serialized_schema))
    for stream in session.streams:
        for part in warehouse.reader.read_rows(stream.name):  # type: ignore[no-untyped-call]
            batch = part.arrow_record_batch.serialized_record_batch
            yield pyarrow.ipc.read_record_batch(pyarrow.py_buffer(batch), schema)


def _frame(batch: arrow.ArrowStream, table: Table) -> pl.DataFrame:
    """BigQuery's NUMERIC has 9 digits and its TIMESTAMP microseconds, whatever was loaded."""
    return arrow.frame(batch).select(pl.col(c.name).cast(c.dtype) for c in table.columns)


def whole(warehouse: Warehouse, table: Table) -> pl.DataFrame:
    """All rows of a small table."""
    return pl.concat([table.empty(), *batches(warehouse, table)])
