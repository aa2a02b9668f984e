"""What DuckDB answers to a GoogleSQL query, against the values that BigQuery documents."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.errors import InputError
from accounting.stores.arrow import frame
from accounting.stores.googlesql import columns, to_duckdb
from tests.stores.conftest import SCHEMA, answer

NUMERIC_38_9 = pl.Decimal(38, 9)


@pytest.mark.parametrize(
    ("expression", "value", "dtype"),
    [
        ("CAST(0.0000199 AS NUMERIC)", Decimal("0.000019900"), NUMERIC_38_9),
        ("NUMERIC '1.5'", Decimal("1.5"), NUMERIC_38_9),
        ("NUMERIC '1' / 3", Decimal("0.333333333"), NUMERIC_38_9),
        ("NUMERIC '-2' / 3", Decimal("-0.666666667"), NUMERIC_38_9),
        ("NUMERIC '1' / 3 / 3", Decimal("0.111111111"), NUMERIC_38_9),
        ("NUMERIC '0.000000001' * NUMERIC '0.5'", Decimal("0.000000001"), NUMERIC_38_9),
        ("NUMERIC '-0.000000001' * NUMERIC '0.5'", Decimal("-0.000000001"), NUMERIC_38_9),
        ("NUMERIC '0.000000001' * NUMERIC '0.4'", Decimal(0), NUMERIC_38_9),
        ("SAFE_DIVIDE(NUMERIC '1', 3)", Decimal("0.333333333"), NUMERIC_38_9),
        ("SAFE_DIVIDE(NUMERIC '1', 0)", None, NUMERIC_38_9),
        ("SAFE_DIVIDE(1, 0)", None, pl.Float64()),
        ("1 / 4", 0.25, pl.Float64()),
        ("1.5", 1.5, pl.Float64()),
        ("1e3", 1000.0, pl.Float64()),
        ("NUMERIC '2' * 1.5", 3.0, pl.Float64()),
        ("1", 1, pl.Int64()),
        ("1000000 * 1000000", 1_000_000_000_000, pl.Int64()),
        ("DIV(7 - 2, 2)", 2, pl.Int64()),
        ("DIV(-7, 2)", -3, pl.Int64()),
        ("2 * DIV(7, 2) + DIV(DIV(17, 2), 3) * 5", 16, pl.Int64()),
        ("2 * MOD(7, 4) - MOD(9, 5) * 3", -6, pl.Int64()),
        ("MOD(7 - 2, 3)", 2, pl.Int64()),
        ("CAST(2.5 AS INT64)", 3, pl.Int64()),
        ("CAST(-2.5 AS INT64)", -3, pl.Int64()),
        ("CAST(NUMERIC '2.5' AS INT64)", 3, pl.Int64()),
        ("CAST(NUMERIC '10.50' AS STRING)", "10.5", pl.String()),
        ("CAST(NUMERIC '10' AS STRING)", "10", pl.String()),
        ("ROUND(NUMERIC '2.345', 2)", Decimal("2.35"), None),
        ("ROUND(NUMERIC '-2.5')", Decimal(-3), None),
        ("TIMESTAMP_DIFF(TIMESTAMP '2025-01-01 01:00:00', TIMESTAMP '2025-01-01 00:59:59', HOUR)", 0, pl.Int64()),
        ("TIMESTAMP_DIFF(TIMESTAMP '2025-01-01 00:00:01', TIMESTAMP '2025-01-01 01:00:00', HOUR)", 0, pl.Int64()),
        ("TIMESTAMP_DIFF(TIMESTAMP '2018-08-14', TIMESTAMP '2018-10-14', DAY)", -61, pl.Int64()),
        ("DATETIME_DIFF(DATETIME '2017-10-15', DATETIME '2017-10-14', WEEK)", 1, pl.Int64()),
        ("DATE_DIFF(DATE '2017-10-15', DATE '2017-10-14', WEEK)", 1, pl.Int64()),
        ("DATE_DIFF(DATE '2017-12-18', DATE '2017-12-17', WEEK(MONDAY))", 1, pl.Int64()),
        ("DATE_DIFF(DATE '2017-12-18', DATE '2017-12-17', WEEK)", 0, pl.Int64()),
        ("DATE_TRUNC(DATE '2008-12-25', MONTH)", date(2008, 12, 1), pl.Date()),
        ("DATE_TRUNC(DATE '2017-11-07', WEEK(MONDAY))", date(2017, 11, 6), pl.Date()),
        ("DATE_TRUNC(DATE '2017-11-05', WEEK)", date(2017, 11, 5), pl.Date()),
        ("DATE_TRUNC(DATE '2015-06-15', ISOWEEK)", date(2015, 6, 15), pl.Date()),
        ("DATE_ADD(DATE '2008-12-25', INTERVAL 5 DAY)", date(2008, 12, 30), pl.Date()),
        ("DATE_SUB(DATE '2025-03-31', INTERVAL 1 MONTH)", date(2025, 2, 28), pl.Date()),
        ("LAST_DAY(DATE '2008-11-25')", date(2008, 11, 30), pl.Date()),
        ("EXTRACT(DAYOFWEEK FROM DATE '2025-01-05')", 1, pl.Int64()),
        ("EXTRACT(DAYOFWEEK FROM DATE '2025-01-04')", 7, pl.Int64()),
        ("EXTRACT(DAYOFYEAR FROM DATE '2025-02-01')", 32, pl.Int64()),
        ("EXTRACT(ISOWEEK FROM DATE '2025-01-05')", 1, pl.Int64()),
        ("EXTRACT(MILLISECOND FROM TIMESTAMP '2025-01-01 00:00:07.250')", 250, pl.Int64()),
        ("EXTRACT(MICROSECOND FROM TIMESTAMP '2025-01-01 00:00:07.250')", 250_000, pl.Int64()),
        ("EXTRACT(DATE FROM TIMESTAMP '2025-01-01 23:30:00' AT TIME ZONE 'Asia/Kolkata')", date(2025, 1, 2), pl.Date()),
        ("EXTRACT(HOUR FROM TIMESTAMP '2025-01-01 23:30:00' AT TIME ZONE 'Asia/Kolkata')", 5, pl.Int64()),
        ("DATE(TIMESTAMP '2025-01-01 07:30:00', 'America/Los_Angeles')", date(2024, 12, 31), pl.Date()),
        ("DATE(2025, 1, 2)", date(2025, 1, 2), pl.Date()),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-01-05 13:45:00', HOUR)", datetime(2025, 1, 5, 13, tzinfo=UTC), None),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-01-05 13:45:00', WEEK)", datetime(2025, 1, 5, tzinfo=UTC), None),
        ("TIMESTAMP_TRUNC(TIMESTAMP '2025-01-05 20:00:00', DAY, 'Asia/Kolkata')",
         datetime(2025, 1, 5, 18, 30, tzinfo=UTC), None),
        ("TIMESTAMP_ADD(TIMESTAMP '2025-01-05 20:00:00', INTERVAL 90 MINUTE)",
         datetime(2025, 1, 5, 21, 30, tzinfo=UTC), None),
        ("TIMESTAMP_MICROS(1230219000000000)", datetime(2008, 12, 25, 15, 30, tzinfo=UTC), None),
        ("TIMESTAMP_MILLIS(1230219000000)", datetime(2008, 12, 25, 15, 30, tzinfo=UTC), None),
        ("TIMESTAMP_SECONDS(1230219000)", datetime(2008, 12, 25, 15, 30, tzinfo=UTC), None),
        ("PARSE_TIMESTAMP('%F %T', '2008-12-25 07:30:00')", datetime(2008, 12, 25, 7, 30, tzinfo=UTC), None),
        ("PARSE_DATE('%Y%m%d', '20081225')", date(2008, 12, 25), pl.Date()),
        ("TIMESTAMP('2008-12-25 15:30:00', 'America/Los_Angeles')", datetime(2008, 12, 25, 23, 30, tzinfo=UTC), None),
        ("UNIX_SECONDS(TIMESTAMP '1970-01-01 00:00:01.800+00')", 1, pl.Int64()),
        ("UNIX_MILLIS(TIMESTAMP '2008-12-25 15:30:00+00')", 1230219000000, pl.Int64()),
        ("FORMAT_TIMESTAMP('%Y-%m', TIMESTAMP '2025-01-31 23:30:00', 'Asia/Kolkata')", "2025-02", pl.String()),
        ("FORMAT_DATE('%Y-%m', DATE '2025-01-31')", "2025-01", pl.String()),
        ("GREATEST(1, NULL)", None, None),
        ("CONCAT('a', CAST(NULL AS STRING))", None, pl.String()),
        ("LENGTH('äb')", 2, pl.Int64()),
        ("SUBSTR('apple', 2, 2)", "pp", pl.String()),
        ("REGEXP_EXTRACT('a-12', r'([0-9]+)')", "12", pl.String()),
        ("REGEXP_EXTRACT('a', r'([0-9]+)')", None, pl.String()),
        ("REGEXP_CONTAINS('a-12', r'[0-9]')", True, pl.Boolean()),
        ("3 IN UNNEST([1, 2])", False, pl.Boolean()),
        ("IF(1 > 2, NUMERIC '1', 0) / 3", Decimal(0), NUMERIC_38_9),
    ],
)  # fmt: skip
def test_a_constant_has_bigquerys_value_and_type(
    engine: duckdb.DuckDBPyConnection, expression: str, value: object, dtype: pl.DataType | None
) -> None:
    found = answer(engine, f"SELECT {expression} AS x")
    assert found.item() == value
    assert dtype is None or found.schema["x"] == dtype
    if isinstance(value, datetime):
        assert found.schema["x"].time_zone is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT SUM(n), COUNTIF(n > 7), AVG(n) FROM t", [(15, 1, 7.5)]),
        ("SELECT AVG(cost), AVG(cost) / 2 FROM t", [(Decimal("1.500000001"), Decimal("0.750000001"))]),
        ("SELECT AVG(DISTINCT seconds) FROM t", [(Decimal(1),)]),
        ("SELECT AVG(cost) FROM t WHERE n > 100", [(None,)]),
        ("SELECT AVG(cost) OVER (), SUM(n) OVER (ORDER BY n) FROM t ORDER BY n",
         [(Decimal("1.500000001"), 7), (Decimal("1.500000001"), 15)]),
        ("SELECT cost * seconds, seconds / n, n / m, f / 2 FROM t WHERE n = 7",
         [(Decimal("1.000000001"), Decimal("0.071428571"), -3.5, 1.25)]),
        ("SELECT SUM(cost) / SUM(seconds) * 3600 FROM t", [(Decimal("5400.000003600"),)]),
        ("WITH a AS (SELECT cost / 3 AS third FROM t) SELECT SUM(third) * third FROM a GROUP BY third ORDER BY third",
         [(Decimal("0.111111111"),), (Decimal("0.444444445"),)]),
        ("SELECT third FROM (SELECT SUM(cost) / 3 AS third FROM t UNION ALL SELECT SUM(seconds) / 3 FROM t) ORDER BY 1",
         [(Decimal("0.666666667"),), (Decimal("1.000000000"),)]),
        ("SELECT DATE_TRUNC(d, MONTH) AS d, COUNT(*) FROM t GROUP BY d ORDER BY d",
         [(date(2024, 12, 1), 1), (date(2025, 1, 1), 1)]),
        ("FROM t |> WHERE n > 7 |> EXTEND cost / 3 AS third |> SELECT n, third", [(8, Decimal("0.333333333"))]),
        ("SELECT s FROM t ORDER BY s", [(None,), ("abc",)]),
        ("SELECT n FROM t QUALIFY ROW_NUMBER() OVER (ORDER BY n DESC) = 1", [(8,)]),
        ("SELECT DATE(ts), EXTRACT(HOUR FROM ts), TIMESTAMP_TRUNC(ts, DAY) = TIMESTAMP(d) FROM t ORDER BY n",
         [(date(2025, 1, 5), 23, True), (date(2024, 12, 31), 0, True)]),
        ("SELECT CAST(f AS INT64) FROM t ORDER BY n", [(3,), (-3,)]),
        ("SELECT n FROM t WHERE d >= '2025-01-01' AND s LIKE 'a%'", [(7,)]),
        ("SELECT x FROM UNNEST(GENERATE_DATE_ARRAY('2025-01-01', '2025-01-02')) AS x ORDER BY x",
         [(date(2025, 1, 1),), (date(2025, 1, 2),)]),
        ("SELECT x * 3 FROM UNNEST([NUMERIC '0.000000001']) AS x", [(Decimal("0.000000003"),)]),
        ("SELECT CAST(x AS NUMERIC) FROM UNNEST(CAST(['0.0000199'] AS ARRAY<STRING>)) AS x",
         [(Decimal("0.000019900"),)]),
        ("SELECT STRUCT(NUMERIC '0.000000001' AS a).a", [(Decimal("0.000000001"),)]),
        ("SELECT x.a FROM (SELECT [STRUCT(NUMERIC '0.000000001' AS a)] AS l), UNNEST(l) AS x",
         [(Decimal("0.000000001"),)]),
        ("SELECT STRING_AGG(CAST(n AS STRING), '+' ORDER BY n) FROM t", [("7+8",)]),
        ("SELECT (SELECT MAX(cost) FROM t) / 3, EXISTS (SELECT 1 FROM t WHERE n > 100)",
         [(Decimal("0.666666667"), False)]),
        ("SELECT CASE WHEN n > 7 THEN cost ELSE 0 END / 3 FROM t ORDER BY n",
         [(Decimal(0),), (Decimal("0.333333333"),)]),
        ("SELECT * EXCEPT (ts, d, s, f) REPLACE (cost / 3 AS cost) FROM t WHERE n = 8",
         [(8, 3, Decimal("0.333333333"), Decimal("1.5"))]),
    ],
)  # fmt: skip
def test_a_query_over_a_table_has_bigquerys_rows(
    engine: duckdb.DuckDBPyConnection, query: str, rows: list[tuple[object, ...]]
) -> None:
    assert answer(engine, query).rows() == rows


def test_columns_are_named_as_in_bigquery(engine: duckdb.DuckDBPyConnection) -> None:
    assert answer(engine, "SELECT n AS Number, COUNT(*), m, 1 FROM t GROUP BY n, m").columns == [
        "Number",
        "f0_",
        "m",
        "f1_",
    ]


def test_columns_says_names_and_types() -> None:
    assert columns("SELECT n, cost / 3 AS third, DATE(ts) AS day FROM t", SCHEMA) == {
        "n": "INT64", "third": "NUMERIC", "day": "DATE",
    }  # fmt: skip


def test_parameters_keep_their_names(engine: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT n, cost / CAST(@share AS NUMERIC) FROM t WHERE n IN UNNEST(@wanted) AND ts < @until"
    parameters = {"share": Decimal(3), "wanted": [7], "until": datetime(2026, 1, 1, tzinfo=UTC)}
    assert answer(engine, query, parameters).rows() == [(7, Decimal("0.666666667"))]


NANOS = st.integers(min_value=-(10**27), max_value=10**27)


@given(a=NANOS, b=NANOS.filter(bool))
def test_numeric_div_is_exact_and_rounds_half_away_from_zero(engine: duckdb.DuckDBPyConnection, a: int, b: int) -> None:
    with localcontext(prec=80):
        left, right = Decimal(a).scaleb(-9), Decimal(b).scaleb(-9)
        want = (left / right).quantize(Decimal("1e-9"), rounding=ROUND_HALF_UP)
        if abs(want) >= Decimal(10) ** 28:
            return
        got = frame(
            engine.sql(
                f"SELECT numeric_div(CAST('{left:f}' AS DECIMAL(38, 9)), CAST('{right:f}' AS DECIMAL(38, 9))) AS x"
            )
        ).item()
    assert got == want


def test_an_overflow_is_an_error_and_no_number(engine: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="Out of Range"):
        answer(engine, "SELECT NUMERIC '99999999999999999999999999999' / NUMERIC '0.000000001'")
    with pytest.raises(duckdb.Error, match="division by zero"):
        answer(engine, "SELECT 1 / 0")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DROP TABLE t", "query is read-only"),
        ("COPY t TO 'x'", "query is read-only"),
        ("INSERT INTO t SELECT * FROM t", "query is read-only"),
        ("CREATE TABLE x AS SELECT 1", "query is read-only"),
        ("EXPORT DATA OPTIONS (uri = 'x') AS SELECT 1", "query is read-only"),
        ("SELECT 1; DROP TABLE t", "query has several statements"),
        ("", "query is empty"),
        ("SELECT n\n FROM t WHERE (", "query, line 2, column 15"),
        ("SELECT 'a", "query cannot be read"),
        ("SELECT FORMAT('%d', n) FROM t", "FORMAT: .* write CONCAT"),
        ("SELECT APPROX_TOP_COUNT(n, 2) FROM t", "APPROX_TOP_COUNT: .* write GROUP BY"),
        ("SELECT APPROX_QUANTILES(n, 2) FROM t", "APPROX_QUANTILES: .* write PERCENTILE_CONT"),
        ("SELECT n FROM `t_*`", "wildcard table: .* name one table"),
        ("SELECT BIGNUMERIC '1'", "BIGNUMERIC: .* write NUMERIC"),
        ("SELECT CAST(n AS BIGNUMERIC) FROM t", "BIGNUMERIC: .* write NUMERIC"),
        ("SELECT FARM_FINGERPRINT(s) FROM t", "FARM_FINGERPRINT: only BigQuery"),
        ("SELECT SAFE.SUBSTR(s, 1) FROM t", "SAFE.: .* write SAFE_CAST"),
        ("SELECT HLL_COUNT.INIT(n) FROM t", "INIT: not proven"),
        ("SELECT * FROM read_csv('/etc/passwd')", "READ_CSV: not proven"),
        ("SELECT n FROM t FOR SYSTEM_TIME AS OF ts", "FOR SYSTEM_TIME AS OF: .* publication"),
        ("SELECT n FROM t TABLESAMPLE SYSTEM (10 PERCENT)", "TABLESAMPLE"),
        ("SELECT EXTRACT(WEEK FROM d) FROM t", "EXTRACT.WEEK.: weeks .* write EXTRACT.ISOWEEK"),
        ("SELECT FORMAT_TIMESTAMP('%E3S', ts) FROM t", "format element"),
        ("SELECT ARRAY_AGG(n LIMIT 1) FROM t", "ARRAY_AGG: .* write STRING_AGG"),
        ("SELECT cost / @p FROM t", "the type of @p is not known: write CAST"),
        ("SELECT cost * nope FROM t", "query: t has no column `nope`"),
        ("SELECT CAST(f AS STRING) FROM t", "CAST.FLOAT64 AS STRING. differs"),
        ("SELECT DIV(cost, seconds) FROM t", "DIV of NUMERIC .* TRUNC"),
        ("SELECT FORMAT_TIMESTAMP('%F%z', ts) FROM t", "format element"),
        ("SELECT CAST(cost AS FLOAT) FROM t", "FLOAT: .* write FLOAT64, or NUMERIC for money"),
        ("SELECT TO_CHAR(d, 'YYYY') FROM t", "TO_CHAR: .* write FORMAT_DATE"),
        ("SELECT POW(cost, 2) FROM t", "of NUMERIC differs .* FLOAT64"),
        ("SELECT d - DATE '2025-01-01' FROM t", "write DATE_DIFF"),
        ("SELECT ?", "parameters have names"),
        ("SELECT * FROM INFORMATION_SCHEMA.TABLES", "INFORMATION_SCHEMA: only BigQuery"),
        ("SELECT ROUND(n, 2, 'ROUND_HALF_EVEN') FROM t", "ROUND mode"),
        ("SELECT RAND()", "RAND: "),
        ("SELECT MAX_BY(s, n) FROM t", "MAX_BY: NULL"),
        ("SELECT ANY_VALUE(s HAVING MAX n) FROM t", "HAVING MAX: NULL"),
    ],
)  # fmt: skip
def test_what_would_differ_is_refused_in_one_line(query: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        to_duckdb(query, schema=SCHEMA)
    assert "\n" not in str(caught.value)


def test_a_parameter_may_be_a_text_of_a_day(engine: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT DATE_SUB(PARSE_DATE('%Y-%m', @month), INTERVAL 1 MONTH) AS d, PARSE_TIMESTAMP('%F', @day) AS ts"
    assert answer(engine, query, {"month": "2026-01", "day": "2026-01-02"}).rows() == [
        (date(2025, 12, 1), datetime(2026, 1, 2, tzinfo=UTC))
    ]
