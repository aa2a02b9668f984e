"""What a catalog says at one instant: the lake's own, and the warehouse's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from accounting.errors import StoreError
from accounting.ledger_tables import CLOSES, DISPUTES, STATEMENTS
from accounting.stores.bigquery import rows
from accounting.stores.bigquery.catalog import IMPORTS, LOADS, SEGMENTS, SWITCH
from accounting.stores.bigquery.client import Warehouse
from accounting.stores.lake import Lake, StagedFile
from accounting.stores.told import told_rows, typed_frame
from accounting.tables import PUBLICATIONS, RUNS

_LOOKS = 5


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that a catalog tells, in order of numbers, as frames of those tables."""

    imports: pl.DataFrame
    runs: pl.DataFrame
    publications: pl.DataFrame
    closes: pl.DataFrame
    statements: pl.DataFrame
    disputes: pl.DataFrame

    def where(self, state: str) -> pl.DataFrame:
        """The imports in that state."""
        return self.imports.filter(pl.col("state") == state)


@dataclass(frozen=True, slots=True)
class Here:
    """The lake's ledger, and its files by the import or the publication that they belong to."""

    ledger: Ledger
    files: dict[str, list[StagedFile]]


@dataclass(frozen=True, slots=True)
class There:
    """The warehouse's ledger, which rows it has, and the generation in which it said so."""

    ledger: Ledger
    loads: pl.DataFrame
    generation: int


def here(lake: Lake) -> Here:
    """The lake's, in one transaction."""
    files: dict[str, list[StagedFile]] = {}
    with lake.catalog() as connection:
        connection.execute("BEGIN")
        ledger = Ledger(
            typed_frame(connection.execute("SELECT * FROM imports ORDER BY seq"), IMPORTS),
            *(told_rows(connection, table) for table in (RUNS, PUBLICATIONS, CLOSES, STATEMENTS, DISPUTES)),
        )
        for row in connection.execute("SELECT * FROM files ORDER BY path"):
            file: dict[str, Any] = dict(row)
            unit = str(file.pop("import_seq") or file["publication"])
            del file["publication"]
            files.setdefault(unit, []).append(StagedFile(table=file.pop("tbl"), **file))
        connection.execute("COMMIT")
    return Here(ledger, files)


def segments(lake: Lake, seq: int) -> pl.DataFrame:
    """The segments that an import brought."""
    with lake.catalog() as connection:
        text = "SELECT * FROM segments WHERE import_seq = ? ORDER BY agent, stream, first"
        return typed_frame(connection.execute(text, (seq,)), SEGMENTS)


def there(warehouse: Warehouse) -> There:
    """The warehouse's, of one generation; raises `StoreError` where others move it on all the time."""
    before = generation(warehouse)
    for _ in range(_LOOKS):
        ledger = Ledger(
            rows.whole(warehouse, IMPORTS).sort("seq"),
            rows.whole(warehouse, RUNS).sort("started", "publication"),
            rows.whole(warehouse, PUBLICATIONS).sort("seq", "cluster", "day"),
            rows.whole(warehouse, CLOSES).sort("seq"),
            rows.whole(warehouse, STATEMENTS).sort("number"),
            rows.whole(warehouse, DISPUTES).sort("seq"),
        )
        loads = rows.whole(warehouse, LOADS)
        after = generation(warehouse)
        if before == after:
            return There(ledger, loads, after)
        before = after
    raise StoreError("BigQuery: others write to it all the time: try again")


def generation(warehouse: Warehouse) -> int:
    """The number of transactions so far; equal: nothing has changed."""
    found = rows.whole(warehouse, SWITCH)["generation"].to_list()
    if len(found) != 1:
        raise StoreError(
            f"BigQuery: {SWITCH.name} has {len(found)} rows instead of one: restore the table as it was"
            " (see docs/bigquery.md, When something is wrong)"
        )
    return int(found[0])
