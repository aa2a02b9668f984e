"""Loads: the rows of one import or publication into one table, exactly once, by one job. They do not count yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from accounting.errors import StoreError
from accounting.schema import Table
from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import SEGMENTS, STORED
from accounting.stores.bigquery.client import Warehouse, answered
from accounting.stores.bigquery.jobs import done, named
from accounting.stores.bigquery.ledger import segments
from accounting.stores.lake import Lake, StagedFile, damage, disk

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.bigquery import LoadJob


@dataclass(frozen=True, slots=True)
class Load:
    """Rows of `unit` (number of an import, or publication) for `table`: those of the lake's `files`, or `frame`."""

    table: Table
    unit: str
    rows: int
    bytes: int
    sha256: str
    files: tuple[StagedFile, ...] = ()
    frame: pl.DataFrame | None = None


def loads(lake: Lake, unit: str, files: Sequence[StagedFile]) -> Iterator[Load]:
    """One load for each table of a unit."""
    tables = sorted({file.table for file in files})
    for name in tables:
        parts = tuple(file for file in files if file.table == name)
        sha256 = _digest(file.sha256 for file in parts)
        yield Load(STORED[name], unit, sum(f.rows for f in parts), sum(f.bytes for f in parts), sha256, parts)
    if unit.isdecimal():
        frame = segments(lake, int(unit))
        if frame.height:
            sha256 = _digest(map(repr, frame.iter_rows()))
            yield Load(SEGMENTS, unit, frame.height, int(frame.estimated_size()), sha256, frame=frame)


def _digest(parts: Iterator[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def perform(lake: Lake, warehouse: Warehouse, load: Load) -> None:
    """The rows are in the table, once; raises `StoreError` where BigQuery refuses or does not answer."""
    with _parquet(lake, load) as path, answered(f"loading {load.rows:,} rows into {load.table.name}"):
        table = warehouse.client.get_table(places.stored(warehouse.settings, load.table.name))
        name = named(table, f"{load.table.name}-{load.unit}", load.sha256)
        job = done(warehouse, name, lambda job_id: _start(warehouse, table, path, job_id))
    written = getattr(job, "output_rows", None)
    if written is not None and written != load.rows:
        raise StoreError(f"BigQuery, {load.table.name}: {written:,} of {load.rows:,} rows came in by {job.job_id}")


def _start(warehouse: Warehouse, table: bigquery.Table, path: Path, job_id: str) -> LoadJob:
    from google.cloud import bigquery

    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
        create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        # Polars marks no column as required: without the table's own schema BigQuery would refuse the file.
        schema=table.schema,
    )
    with path.open("rb") as file:
        size = path.stat().st_size
        return warehouse.client.load_table_from_file(file, table.reference, size=size, job_id=job_id, job_config=config)


@contextmanager
def _parquet(lake: Lake, load: Load) -> Iterator[Path]:
    """One file with the rows: the lake's own, or a temporary one of several."""
    paths = [lake.folder / file.path for file in load.files]
    gone = next((path for path in paths if not path.exists()), None)
    if gone is not None:
        raise damage(gone, "is gone")
    if len(paths) == 1 and set(pl.read_parquet_schema(paths[0])) == set(load.table.names):
        yield paths[0]
        return
    source = load.frame.lazy() if load.frame is not None else _scan(paths, load.table)
    with disk(lake.folder):
        path = lake.scratch()
        try:
            source.sink_parquet(path, compression="zstd", compression_level=1)
            yield path
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


def _scan(paths: list[Path], table: Table) -> pl.LazyFrame:
    return pl.scan_parquet(paths, schema=table.schema, missing_columns="insert")
