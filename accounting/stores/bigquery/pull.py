"""Pull: a lake made anew from the warehouse, with the same imports, publications and rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from accounting.errors import InputError, StoreError
from accounting.schema import Table
from accounting.stores import catalog
from accounting.stores.bigquery import rows
from accounting.stores.bigquery.catalog import IMPORTED, SEGMENTS, STORED
from accounting.stores.bigquery.client import Warehouse
from accounting.stores.bigquery.define import Progress, format_of
from accounting.stores.bigquery.difference import strange_close, strange_dispute
from accounting.stores.bigquery.ledger import Ledger, There, here, there
from accounting.stores.bigquery.places import dataset
from accounting.stores.bigquery.restore import restore
from accounting.stores.lake import Lake, StagedFile, disk


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came in: tables that have rows, their rows, and the warehouse's generation."""

    tables: int
    rows: int
    generation: int


def pull(folder: Path, warehouse: Warehouse, progress: Progress) -> Pulled:
    """Makes the lake in `folder`, whole or not at all; it takes the place of one that has nothing of its own.

    Raises `InputError` where the lake there has what the warehouse has not, `StoreError` where the warehouse is not
    defined, does not answer, or changes meanwhile.
    """
    if format_of(warehouse) is None:
        raise InputError(
            f"BigQuery: dataset {dataset(warehouse.settings)} has no chipledger in it: look at `project` and `dataset`,"
            " or fill it from a lake with `chipledger copy --to bigquery`"
        )
    progress("reading the catalog", None)
    known = there(warehouse)
    if (folder / catalog.NAME).exists():
        _check_contained(Lake.open(folder), known)
    made = folder.with_name(f".{folder.name}.pulled")
    with disk(folder):
        shutil.rmtree(made, ignore_errors=True)
        lake = Lake.create(made)
        brought = _fill(lake, warehouse, known, progress)
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return brought


def _check_contained(lake: Lake, known: There) -> None:
    """A lake that is only behind can go; one with anything of its own stays."""
    said = _own(here(lake).ledger, known.ledger)
    if said:
        raise InputError(
            f"{lake.folder}: has what BigQuery has not ({said}): `chipledger copy --to bigquery`, or move the folder"
            " away and do again what only it has"
        )


def _own(mine: Ledger, theirs: Ledger) -> str:
    """What only the lake has, the first of it; '': nothing."""
    finished = mine.imports.filter(pl.col("state") != "staging")
    imports = finished.join(theirs.imports, on=("seq", "file_sha256", "imported_at"), how="anti")
    if imports.height:
        return f"import {imports['seq'][0]}, {imports['file'][0]}"
    ended = finished.filter(pl.col("state") != "live").join(theirs.imports, on=("seq", "state"), how="anti")
    if ended.height:
        return f"import {ended['seq'][0]}, {ended['file'][0]}, is {ended['state'][0]} here"
    days = mine.publications.join(theirs.publications, on=("seq", "publication"), how="anti")
    if days.height:
        return f"publication {days['publication'][0]}"
    return strange_close(theirs, mine) or strange_dispute(theirs, mine)


def _fill(lake: Lake, warehouse: Warehouse, known: There, progress: Progress) -> Pulled:
    live = set(known.ledger.where("live")["seq"].cast(pl.String))
    wanted = known.loads.filter(pl.col("table").is_in(list(IMPORTED)).not_() | pl.col("unit").is_in(live))
    files: dict[str, list[StagedFile]] = {}
    segments = SEGMENTS.empty()
    tables = sorted(set(wanted["table"]))
    for number, name in enumerate(tables):
        progress(f"reading {name}", number / len(tables))
        counts = dict(wanted.filter(table=name).select("unit", "rows").iter_rows())
        if name == SEGMENTS.name:
            segments = _wanted(rows.whole(warehouse, SEGMENTS), SEGMENTS, counts)
            continue
        for unit, file in _staged(lake, warehouse, STORED[name], counts):
            files.setdefault(unit, []).append(file)
    progress("writing the catalog", None)
    restore(lake, known.ledger, segments, files)
    return Pulled(len(tables), int(wanted["rows"].sum()), known.generation)


def _staged(lake: Lake, warehouse: Warehouse, table: Table, counts: dict[str, int]) -> Iterator[tuple[str, StagedFile]]:
    """The files of each unit; raises `StoreError` where it has not the rows that were loaded."""
    scratch = lake.scratch()
    scratch.mkdir(parents=True)
    try:
        for number, batch in enumerate(rows.batches(warehouse, table)):
            part = _wanted(batch, table, counts).with_columns(_unit(table))
            part.lazy().sink_parquet(pl.PartitionBy(scratch / f"{number}", key="_unit", include_key=False))
        for unit, count in sorted(counts.items()):
            parts = sorted(scratch.glob(f"*/_unit={unit}/*"), key=lambda p: int(p.parts[-3]))
            frame = pl.scan_parquet(parts, schema=table.schema) if parts else table.empty().lazy()
            file = lake.stage(table, frame.sort(_order(table)) if parts else frame)
            if file.rows != count:
                raise StoreError(
                    f"BigQuery, {table.name}: {file.rows:,} rows of {unit}, where {count:,} were loaded: if another"
                    " host writes just now, run it again; else see docs/bigquery.md, When something is wrong"
                )
            yield unit, file
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _wanted(frame: pl.DataFrame, table: Table, counts: dict[str, int]) -> pl.DataFrame:
    return frame.filter(_unit(table).is_in(list(counts)))


def _unit(table: Table) -> pl.Expr:
    key = "import_seq" if table.name in IMPORTED else "publication"
    return pl.col(key).cast(pl.String).alias("_unit")


def _order(table: Table) -> list[str]:
    """As an import or a run wrote them, as far as anything depends on it."""
    return ["row"] if "row" in table.names else [c for c in table.grain if c != "publication"]
