"""Rows of the warehouse's tables as frames, as the lake has them."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from accounting.schema import Table
from accounting.stores import arrow
from accounting.stores.bigquery import places
from accounting.stores.bigquery.client import Warehouse, answered

BATCH_ROWS = 250_000


def batches(warehouse: Warehouse, table: Table) -> Iterator[pl.DataFrame]:
    """All rows of a table, also those that do not count, in batches that fit memory; no query, so nothing is billed."""
    with answered(f"reading {table.name}"):
        place = warehouse.client.get_table(places.stored(warehouse.settings, table.name))
        fields = [column for column in place.schema if column.name in table.names]
        rows = warehouse.client.list_rows(place, selected_fields=fields)
        gathered: list[pl.DataFrame] = []
        for batch in rows.to_arrow_iterable(bqstorage_client=warehouse.reader):
            gathered.append(_frame(batch, table))
            if sum(frame.height for frame in gathered) >= BATCH_ROWS:
                yield pl.concat(gathered)
                gathered = []
        yield pl.concat([table.empty(), *gathered])


def _frame(batch: arrow.ArrowStream, table: Table) -> pl.DataFrame:
    """BigQuery's NUMERIC has 9 digits and its TIMESTAMP microseconds, whatever was loaded."""
    return arrow.frame(batch).select(pl.col(c.name).cast(c.dtype) for c in table.columns)


def whole(warehouse: Warehouse, table: Table) -> pl.DataFrame:
    """All rows of a small table."""
    return pl.concat([table.empty(), *batches(warehouse, table)])
