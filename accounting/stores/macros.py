"""Functions that a connection to DuckDB needs: what BigQuery answers, or an error where it has one."""

from __future__ import annotations

# Each takes its arguments few times: nested calls stay small. Overflow is an error, never a wrong number.
MACROS = (
    """CREATE MACRO numeric_div(a, b) AS CAST(
        CAST(
            CAST(CAST(a AS DECIMAL(38, 9)) * 1000000000 AS HUGEINT) * CAST(10000000000 AS HUGEINT)
            // CAST(CAST(b AS DECIMAL(38, 9)) * 1000000000 AS HUGEINT) AS DECIMAL(38, 0)
        ) * CAST('0.0000000001' AS DECIMAL(10, 10)) AS DECIMAL(38, 9))""",
    """CREATE MACRO float_div(a, b) AS
        CAST(a AS DOUBLE) / CASE WHEN b = 0 THEN error('division by zero: write SAFE_DIVIDE(a, b)') ELSE b END""",
    """CREATE MACRO numeric_text(a) AS rtrim(rtrim(CAST(CAST(a AS DECIMAL(38, 9)) AS VARCHAR), '0'), '.')""",
)
