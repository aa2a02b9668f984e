"""What a table is: columns with engine-neutral types, from which Polars, DuckDB and BigQuery take theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["string", "int64", "seconds", "money", "timestamp", "date"]

MONEY = pl.Decimal(38, 9)
SECONDS = pl.Decimal(18, 3)
INSTANT = pl.Datetime("ms", "UTC")

_POLARS: dict[Kind, pl.DataType] = {
    "string": pl.String(),
    "int64": pl.Int64(),
    "seconds": SECONDS,
    "money": MONEY,
    "timestamp": INSTANT,
    "date": pl.Date(),
}
_DUCKDB: dict[Kind, str] = {
    "string": "VARCHAR",
    "int64": "BIGINT",
    "seconds": "DECIMAL(18, 3)",
    "money": "DECIMAL(38, 9)",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
}
_BIGQUERY: dict[Kind, str] = {
    "string": "STRING",
    "int64": "INT64",
    "seconds": "NUMERIC",
    "money": "NUMERIC",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `kind` is the engine-neutral type, `required` means NOT NULL."""

    name: str
    kind: Kind
    doc: str
    required: bool = False

    @property
    def dtype(self) -> pl.DataType:
        return _POLARS[self.kind]

    @property
    def duckdb(self) -> str:
        return _DUCKDB[self.kind]

    @property
    def bigquery(self) -> str:
        return _BIGQUERY[self.kind]


Spec = tuple[str, Kind, str]
"""Name (`name!`: a required column), type and meaning of a column."""


def columns(*specs: Spec) -> tuple[Column, ...]:
    """The columns that the specs state."""
    return tuple(Column(name.rstrip("!"), kind, doc, name.endswith("!")) for name, kind, doc in specs)


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `grain` names the columns that identify a row.

    `partition_by`, if there is one, names the day, or for raw rows the millisecond they start at: BigQuery keeps the
    rows of a day together. Where they are `raw` it reads none of them for a query that does not say which days.
    """

    name: str
    doc: str
    grain: tuple[str, ...]
    columns: tuple[Column, ...]
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    raw: bool = False

    @property
    def schema(self) -> pl.Schema:
        return pl.Schema({c.name: c.dtype for c in self.columns})

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)

    def create_duckdb(self, schema: str = "store") -> str:
        """CREATE TABLE in DuckDB's dialect; keys are checked by `sql/checks`, not by the engine."""
        columns = ", ".join(f'"{c.name}" {c.duckdb}{" NOT NULL" * c.required}' for c in self.columns)
        return f'CREATE TABLE {schema}."{self.name}" ({columns})'
