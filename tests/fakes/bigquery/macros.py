"""What DuckDB lacks, as its macros: arithmetic of NUMERIC is exact to 9 decimals, half away from zero."""

from __future__ import annotations

import duckdb

_MACROS = (
    # The value in units of 10**-9: its digits without the point.
    "bq_nano(x) AS CAST(REPLACE(CAST(CAST(x AS DECIMAL(38, 9)) AS VARCHAR), '.', '') AS HUGEINT)",
    "bq_of_nano(n) AS CAST(CAST(n AS DECIMAL(38, 0)) * CAST('0.000000001' AS DECIMAL(9, 9)) AS DECIMAL(38, 9))",
    # a / b for a >= 0, b > 0 in nano: the remainder is scaled by itself, so that the product stays within 128 bits.
    "bq_quotient(a, b) AS (a // b) * 1000000000 + ((a % b) * 2000000000 + b) // (2 * b)",
    "bq_side(x, y) AS CASE WHEN (x < 0) = (y < 0) THEN 1 ELSE -1 END",
    "bq_numeric_div(x, y) AS bq_of_nano(bq_side(x, y) * bq_quotient(ABS(bq_nano(x)), ABS(bq_nano(y))))",
    "bq_numeric_text(x) AS RTRIM(RTRIM(CAST(CAST(x AS DECIMAL(38, 9)) AS VARCHAR), '0'), '.')",
    "bq_finite(x) AS CASE WHEN isfinite(x) OR x IS NULL THEN x ELSE error('Floating point error in function') END",
)


def define(database: duckdb.DuckDBPyConnection) -> None:
    for macro in _MACROS:
        database.execute(f"CREATE MACRO main.{macro}")
