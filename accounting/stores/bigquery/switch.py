"""The switch: one transaction on the warehouse's catalog, which only one writer of a generation can make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from accounting.errors import StoreError
from accounting.schema import Table
from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import IMPORTS, STORED, SWITCH
from accounting.stores.bigquery.client import Warehouse, answered
from accounting.stores.bigquery.jobs import done, named

if TYPE_CHECKING:
    from google.cloud import bigquery
    from google.cloud.bigquery import QueryJob

_MOVED = "chipledger: another writer was faster"
_ABORTED = ("concurrent update", "concurrent transaction", _MOVED)


class Moved(StoreError):
    """Another writer was faster: what is there has to be looked at again."""


def switch(warehouse: Warehouse, base: int, rows: Mapping[str, pl.DataFrame]) -> int:
    """Writes rows of the catalog's tables, by their names, on top of generation `base`; returns the next one.

    A row of `imports` takes the place of the one with its number. Raises `Moved`, and nothing is written, where the
    warehouse is in another generation.
    """
    from google.api_core.exceptions import GoogleAPICallError

    filled = {name: frame for name, frame in rows.items() if frame.height}
    content = repr([(name, frame.rows()) for name, frame in filled.items()])
    place = places.stored(warehouse.settings, SWITCH.name)
    with answered("switching to what was loaded"):
        name = named(warehouse.client.get_table(place), f"{SWITCH.name}-{base}", content)
        try:
            done(warehouse, name, lambda job_id: _start(warehouse, base, filled, job_id))
        except GoogleAPICallError as error:
            if any(said in str(error) for said in _ABORTED):
                raise Moved("BigQuery: another writer was faster each time: run it again") from error
            raise
    return base + 1


def _start(warehouse: Warehouse, base: int, rows: Mapping[str, pl.DataFrame], job_id: str) -> QueryJob:
    from google.cloud import bigquery

    parameters = [
        bigquery.ScalarQueryParameter("base", "INT64", base),
        *(_parameter(STORED[name], frame) for name, frame in rows.items()),
    ]
    config = bigquery.QueryJobConfig(query_parameters=parameters)
    text = _text(warehouse, rows)
    return warehouse.client.query(text, job_config=config, job_id=job_id, job_retry=None)


def _text(warehouse: Warehouse, rows: Mapping[str, pl.DataFrame]) -> str:
    place = places.stored(warehouse.settings, SWITCH.name)
    lines = [
        "BEGIN TRANSACTION",
        f"UPDATE `{place}` SET generation = @base + 1 WHERE generation = @base",
        f"ASSERT @@row_count = 1 AS '{_MOVED}'",
    ]
    for name in rows:
        place = places.stored(warehouse.settings, name)
        if name == IMPORTS.name:
            lines.append(f"DELETE FROM `{place}` WHERE seq IN (SELECT told.seq FROM UNNEST(@{name}) AS told)")
        names = [f"`{column}`" for column in STORED[name].names]
        told = ", ".join(f"told.{column}" for column in names)
        lines.append(f"INSERT INTO `{place}` ({', '.join(names)}) SELECT {told} FROM UNNEST(@{name}) AS told")
    return ";\n".join([*lines, "COMMIT TRANSACTION"]) + ";"


def _parameter(table: Table, frame: pl.DataFrame) -> bigquery.ArrayQueryParameter:
    """The rows as an array of structs."""
    from google.cloud import bigquery

    structs = [
        bigquery.StructQueryParameter(
            None,
            *(
                bigquery.ScalarQueryParameter(column.name, column.bigquery, row[column.name])
                for column in table.columns
            ),
        )
        for row in frame.select(table.names).iter_rows(named=True)
    ]
    return bigquery.ArrayQueryParameter(table.name, "STRUCT", structs)
