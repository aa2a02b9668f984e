from __future__ import annotations

from typing import Any

import duckdb
import polars as pl
import pytest

from accounting.stores.arrow import frame
from accounting.stores.googlesql import to_duckdb
from accounting.stores.macros import MACROS

SCHEMA = {
    "main": {
        "t": {"n": "INT64", "m": "INT64", "cost": "NUMERIC", "seconds": "NUMERIC", "f": "FLOAT64", "s": "STRING",
              "d": "DATE", "ts": "TIMESTAMP"},
    }
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    for macro in MACROS:
        connection.execute(macro)
    connection.execute(
        "CREATE TABLE t (n BIGINT, m BIGINT, cost DECIMAL(38, 9), seconds DECIMAL(18, 3), f DOUBLE, s VARCHAR, d DATE,"
        " ts TIMESTAMPTZ)"
    )
    connection.execute(
        "INSERT INTO t VALUES (7, -2, 2.000000001, 0.500, 2.5, 'abc', '2025-01-05', '2025-01-05 23:59:59.250+00'),"
        " (8, 3, 1, 1.5, -2.5, NULL, '2024-12-31', '2024-12-31 00:30:00+00')"
    )
    return connection


def answer(engine: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    return frame(engine.sql(to_duckdb(sql, schema=SCHEMA), params=parameters))
