"""Where DuckDB alone would answer something else than BigQuery: the same answer, or an error on both."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import polars as pl
import pytest

from accounting.errors import InputError
from accounting.stores.googlesql import to_duckdb
from tests.stores.conftest import SCHEMA, answer


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT v, o FROM UNNEST(['a', 'b']) AS v WITH OFFSET AS o ORDER BY o", [("a", 0), ("b", 1)]),
        ("SELECT v, offset FROM UNNEST(['a', 'b']) AS v WITH OFFSET WHERE offset = 0", [("a", 0)]),
        ("SELECT v FROM t, UNNEST(SPLIT(s, 'b')) AS v WITH OFFSET o WHERE o = 1", [("c",)]),
        ("SELECT n, v FROM t LEFT JOIN UNNEST(SPLIT(s, 'b')) AS v WITH OFFSET o ON o = 0 ORDER BY n",
         [(7, "a"), (8, None)]),
        ("SELECT n, v FROM t LEFT JOIN UNNEST(SPLIT(s, 'b')) AS v ORDER BY n, v", [(7, "a"), (7, "c"), (8, None)]),
        ("SELECT v, w FROM UNNEST(['a']) AS v WITH OFFSET o JOIN UNNEST([1, 2]) AS w WITH OFFSET o USING (o)",
         [("a", 1)]),
        ("SELECT x.a, o FROM UNNEST([STRUCT(5 AS a)]) AS x WITH OFFSET o", [(5, 0)]),
        ("SELECT x.a FROM UNNEST([STRUCT(5 AS a)]) AS x", [(5,)]),
        ("SELECT (SELECT STRING_AGG(v ORDER BY o DESC) FROM UNNEST(SPLIT(s, 'b')) v WITH OFFSET o) FROM t ORDER BY 1",
         [(None,), ("c,a",)]),
        ("FROM UNNEST([5, 6]) AS v WITH OFFSET o |> WHERE o = 0", [(5, 0)]),
    ],
)  # fmt: skip
def test_elements_are_numbered_from_zero(
    engine: duckdb.DuckDBPyConnection, query: str, rows: list[tuple[object, ...]]
) -> None:
    assert answer(engine, query).rows() == rows


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        (r"'allocated_idle' LIKE r'allocated\_%'", True),
        (r"'allocatedxidle' LIKE r'allocated\_%'", False),
        (r"'a%' NOT LIKE 'a\\%'", False),
        ("'a_b' LIKE 'a_b'", True),
        (r"'a_' LIKE ANY ('b', r'a\_')", True),
        ("'abc' LIKE ALL ('a%', '%c')", True),
        ("SUBSTR('hello', -10, 3)", "hel"),
        ("SUBSTR('hello', 0, 3)", "hel"),
        ("(SELECT SUBSTR('hello', n - 7, 3) FROM t WHERE n = 7)", "hel"),
        ("(SELECT SUBSTR('hello', n - 20) FROM t WHERE n = 7)", "hello"),
        ("SUBSTR('hello', -2)", "lo"),
        ("LEFT('hello', 0)", ""),
        (r"TRIM('\t a \n')", "a"),
        (r"LTRIM('\t a \n')", "a \n"),
        ("TRIM('xax', 'x')", "a"),
        ("(SELECT LPAD('a', n, 'xy') FROM t WHERE n = 7)", "xyxyxya"),
    ],
)
def test_a_text_is_matched_and_cut_as_in_bigquery(
    engine: duckdb.DuckDBPyConnection, expression: str, value: object
) -> None:
    assert answer(engine, f"SELECT {expression} AS x").item() == value


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("CAST(' 12' AS INT64)", 12),
        ("CAST('0x1F' AS INT64)", 31),
        ("CAST('TRUE' AS BOOL)", True),
        ("CAST('1e3' AS NUMERIC)", 1000),
        ("SAFE_CAST('1.5' AS INT64)", None),
        ("SAFE_CAST('1e3' AS INT64)", None),
        ("SAFE_CAST('1_000' AS INT64)", None),
        ("SAFE_CAST('1_000' AS NUMERIC)", None),
        ("SAFE_CAST('1_000' AS FLOAT64)", None),
        ("SAFE_CAST('yes' AS BOOL)", None),
        ("SAFE_CAST('1' AS BOOL)", None),
        ("SAFE_CAST('t' AS BOOL)", None),
        ("(SELECT SAFE_CAST(s AS INT64) FROM t WHERE n = 8)", None),
        ("(SELECT CAST(ts AS STRING) FROM t WHERE n = 7)", "2025-01-05 23:59:59.250+00"),
        ("(SELECT CAST(ts AS STRING) FROM t WHERE n = 8)", "2024-12-31 00:30:00+00"),
        ("(SELECT CAST(DATETIME(ts) AS STRING) FROM t WHERE n = 7)", "2025-01-05 23:59:59.250"),
        ("CAST(TIMESTAMP '2025-01-01 00:00:00.5' AS STRING)", "2025-01-01 00:00:00.500+00"),
        ("CAST(TIMESTAMP '2025-01-01 00:00:00.000500' AS STRING)", "2025-01-01 00:00:00.000500+00"),
        ("CAST(DATETIME '2025-01-01 00:00:00.5' AS STRING)", "2025-01-01 00:00:00.500"),
    ],
)
def test_a_cast_reads_and_writes_texts_as_in_bigquery(
    engine: duckdb.DuckDBPyConnection, expression: str, value: object
) -> None:
    assert answer(engine, f"SELECT {expression} AS x").item() == value


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("CAST('1.5' AS INT64)", "no INT64: 1.5"),
        ("CAST('1_000' AS INT64)", "no INT64"),
        ("SAFE_CAST('-0x1F' AS INT64)", "no INT64"),
        ("CAST('yes' AS BOOL)", "neither true nor false"),
        ("CAST('nan' AS FLOAT64)", "no finite number"),
        ("SAFE_CAST('NaN' AS FLOAT64)", "no finite number"),
        ("CAST('1e400' AS FLOAT64)", "no finite number"),
        ("SUBSTR('hello', 2, -1)", "a length is negative"),
        ("SUBSTR('hello', 0, -1)", "a length is negative"),
        ("LEFT('hello', -1)", "a length is negative"),
        ("(SELECT RIGHT('hello', n - 8) FROM t WHERE n = 7)", "a length is negative"),
        ("LPAD('a', -1)", "a length is negative"),
        ("[1, 2][OFFSET(9)]", "no such position: write SAFE_OFFSET"),
        ("[1, 2][ORDINAL(0)]", "no such position"),
        ("SQRT(-1)", "no finite number"),
        ("LN(0)", "no finite number"),
        ("POW(0, -1)", "no finite number"),
        ("EXP(1000)", "no finite number"),
    ],
)
def test_an_error_of_bigquery_is_an_error(engine: duckdb.DuckDBPyConnection, expression: str, message: str) -> None:
    with pytest.raises(duckdb.Error, match=message):
        answer(engine, f"SELECT {expression} AS x")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM UNNEST([1]) WITH OFFSET", "without a name for the element: write"),
        ("SELECT v FROM UNNEST([1]) AS v WITH OFFSET v", "element and offset are both called `v`: write"),
        ("SELECT s LIKE 'a' ESCAPE 'x' FROM t", "ESCAPE: .* write"),
        ("SELECT s NOT LIKE ANY ('a', 'b') FROM t", "NOT LIKE ANY.*: write"),
        ("SELECT TIMESTAMP_ADD(ts, INTERVAL 1 MONTH) FROM t", "move an instant: write"),
        ("SELECT DATE_ADD(ts, INTERVAL 1 MONTH) FROM t", "move an instant: write"),
        ("SELECT ts - INTERVAL 1 YEAR FROM t", "move an instant: write"),
        ("SELECT INTERVAL 1 DAY", "INTERVAL: .* write"),
        ("SELECT 1 UNION DISTINCT SELECT 2 INTERSECT DISTINCT SELECT 2", "mixes set operations: .* parentheses"),
        ("SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 2", "mixes set operations: .* parentheses"),
        ("SELECT 1 AS a, 2 AS A", "two columns are called `a`: rename one with AS"),
        ("SELECT * FROM t JOIN t AS u USING (n)", "two columns are called `m`"),
        ("SELECT a FROM (SELECT 1 AS a, 2 AS a)", "two columns are called `a`"),
        ("SELECT STRING_AGG(s, ',' LIMIT 1) FROM t", "STRING_AGG.* LIMIT n.: only BigQuery"),
        ("SELECT INSTR(s, 'b', 1, 2) FROM t", "INSTR.*: write STRPOS"),
        ("SELECT PARSE_DATE('%G-W%V', s) FROM t", "format element"),
        ("SELECT CONCAT(s, cost) FROM t", r"CONCAT of t.cost .*: write CAST\(t.cost AS STRING\)"),
        ("SELECT s || ts FROM t", r"CONCAT of t.ts .*: write CAST\(t.ts AS STRING\)"),
    ],
)
def test_what_bigquery_does_otherwise_is_refused(query: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        to_duckdb(query, schema=SCHEMA)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "value", "dtype"),
    [
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-01-01 03:15:00', HOUR, 'Asia/Kolkata')",
         datetime(2025, 1, 1, 2, 30, tzinfo=UTC), None),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-11-02 06:15:00', HOUR, 'America/New_York')",
         datetime(2025, 11, 2, 6, tzinfo=UTC), None),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-11-02 05:15:00', HOUR, 'America/New_York')",
         datetime(2025, 11, 2, 5, tzinfo=UTC), None),
        ("DATE_TRUNC(TIMESTAMP '2025-01-01 03:15:00', DAY, 'Asia/Kolkata')",
         datetime(2024, 12, 31, 18, 30, tzinfo=UTC), None),
        ("[5, 6][OFFSET(1)]", 6, pl.Int64()),
        ("[5, 6][ORDINAL(1)]", 5, pl.Int64()),
        ("[5, 6][SAFE_OFFSET(2)]", None, pl.Int64()),
        ("[5, 6][SAFE_OFFSET(-2)]", None, pl.Int64()),
        ("(SELECT CORR(f, n) FROM t WHERE n = 7)", None, pl.Float64()),
        ("(SELECT CORR(f, n) FROM t)", -1.0, pl.Float64()),
        ("(SELECT COVAR_SAMP(f, n) FROM t)", -2.5, pl.Float64()),
        ("(SELECT COVAR_POP(f, n) FROM t)", -1.25, pl.Float64()),
        ("(SELECT BIT_AND(n) + BIT_OR(n) FROM t)", 15, pl.Int64()),
        ("(SELECT GROUPING(n) FROM t GROUP BY ROLLUP(n) ORDER BY 1 DESC LIMIT 1)", 1, pl.Int64()),
        ("(SELECT PERCENTILE_DISC(n, 0.5) OVER () FROM t LIMIT 1)", 7, pl.Int64()),
        ("ARRAY_LENGTH([5, 6])", 2, pl.Int64()),
        ("ARRAY_TO_STRING(['a', NULL, 'b'], '-')", "a-b", None),
        ("ARRAY_TO_STRING(['a', NULL, 'b'], '-', '?')", "a-?-b", None),
        ("UNIX_DATE(DATE '1969-12-31')", -1, pl.Int64()),
        ("DATE_FROM_UNIX_DATE(1)", date(1970, 1, 2), pl.Date()),
        ("REPEAT('ab', 2)", "abab", None),
        ("FORMAT_DATE('%G-W%V', DATE '2024-12-30')", "2025-W01", None),
        ("ROUND(15, -1)", 20.0, pl.Float64()),
        ("TRUNC(7)", 7.0, pl.Float64()),
        ("IF(TRUE, 1, 2)", 1, pl.Int64()),
        ("COALESCE(NULL, 1)", 1, pl.Int64()),
        ("MOD(5, 3)", 2, pl.Int64()),
        ("-5", -5, pl.Int64()),
        ("-9223372036854775808", -9223372036854775808, pl.Int64()),
        ("SIGN(-2)", -1, pl.Int64()),
        ("SIGN(NUMERIC '-5')", -1, pl.Decimal(38, 9)),
        ("SIGN(-2.5)", -1.0, pl.Float64()),
        ("(SELECT MAX(x) FROM UNNEST([1, 2]) AS x)", 2, pl.Int64()),
    ],
)  # fmt: skip
def test_an_expression_has_bigquerys_value_and_type(
    engine: duckdb.DuckDBPyConnection, expression: str, value: object, dtype: pl.DataType | None
) -> None:
    found = answer(engine, f"SELECT {expression} AS x")
    assert found.item() == value
    assert dtype is None or found.schema["x"] == dtype


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 2",
        "SELECT 1 UNION ALL (SELECT 2 UNION DISTINCT SELECT 2)",
        "SELECT * EXCEPT (n) FROM t UNION ALL SELECT * EXCEPT (n) FROM t",
        "SELECT 1 AS a, 2 AS b UNION ALL SELECT n, n FROM t",
    ],
)
def test_set_operations_with_one_reading_are_taken(engine: duckdb.DuckDBPyConnection, query: str) -> None:
    assert answer(engine, query).height > 0
