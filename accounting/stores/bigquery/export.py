"""Rows of a provider's export table in BigQuery, into a file; the table is somebody else's and only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from accounting.errors import InputError, StoreError
from accounting.stores.bigquery.client import Warehouse, answered, reason
from accounting.stores.bigquery.parameters import parameters
from accounting.stores.bigquery.session import LABELS

if TYPE_CHECKING:
    from google.cloud import bigquery

PATIENCE_SECONDS = 1_800


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows of invoice months from `since` on (YYYYMM) that were written at `watermark` (ms) or later.

    Of months before `earliest` all rows.
    """

    since: str
    earliest: str
    watermark: int


def written(warehouse: Warehouse, place: str, columns: Sequence[str], wanted: Wanted, target: Path) -> int:
    """Writes the wanted rows as Parquet, those of `columns` that the table has; how many: 0, and no file.

    Raises `InputError` where there is no such table, it is no export, or the query would scan more than is allowed.
    """
    table = _table(warehouse, place)
    names = [field.name for field in table.schema if field.name in columns]
    if not {"export_time", "invoice"} <= set(names):
        raise InputError(f"BigQuery: {place} is no billing export: it has no export_time and invoice")
    return _streamed(warehouse, table, _text(place, names), wanted, target)


def _table(warehouse: Warehouse, place: str) -> bigquery.Table:
    from google.api_core.exceptions import BadRequest, NotFound

    try:
        with answered(f"looking at {place}"):
            return warehouse.client.get_table(place)
    except StoreError as error:
        if isinstance(error.__cause__, NotFound | BadRequest):
            raise InputError(f"BigQuery: there is no table {place}: write bigquery:PROJECT.DATASET.TABLE") from error
        raise


def _text(place: str, names: Sequence[str]) -> str:
    told = ", ".join(f"exported.`{name}`" for name in names)
    return (
        f"SELECT {told}\nFROM `{place}` AS exported\n"
        "WHERE exported.invoice.month >= @since"
        " AND (exported.export_time >= @watermark OR exported.invoice.month < @earliest)"
    )


def _streamed(warehouse: Warehouse, table: bigquery.Table, text: str, wanted: Wanted, target: Path) -> int:
    import pyarrow.parquet
    from google.api_core.exceptions import GoogleAPICallError

    writer = None
    count = 0
    try:
        with answered(f"reading {table.reference}"):
            rows = warehouse.client.query_and_wait(
                text, job_config=_config(warehouse, wanted), location=table.location, wait_timeout=PATIENCE_SECONDS
            )
            for batch in rows.to_arrow_iterable(bqstorage_client=warehouse.reader):
                if batch.num_rows:
                    writer = writer or pyarrow.parquet.ParquetWriter(target, batch.schema, compression="zstd")
                    writer.write_batch(batch)
                    count += batch.num_rows
    except StoreError as error:
        if isinstance(error.__cause__, GoogleAPICallError) and "bytesBilledLimitExceeded" in reason(error.__cause__):
            raise InputError(
                f"BigQuery: {table.reference}: more than maximum_bytes_billed of [bigquery] would be scanned: raise it"
            ) from error
        raise
    finally:
        if writer is not None:
            writer.close()
    return count


def _config(warehouse: Warehouse, wanted: Wanted) -> bigquery.QueryJobConfig:
    from google.cloud import bigquery

    return bigquery.QueryJobConfig(
        labels=LABELS,
        maximum_bytes_billed=warehouse.settings.maximum_bytes_billed,
        use_legacy_sql=False,
        query_parameters=parameters(
            {
                "since": wanted.since,
                "earliest": wanted.earliest,
                "watermark": datetime.fromtimestamp(wanted.watermark / 1000, UTC),
            }
        ),
    )
