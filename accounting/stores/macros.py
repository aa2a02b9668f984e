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
    """CREATE MACRO finite(a) AS CASE WHEN a IS NULL OR isfinite(a) THEN a
        ELSE error('a result is no finite number: write IF to keep such arguments out') END""",
    r"""CREATE MACRO int_text(a, safe) AS CASE
        WHEN regexp_full_match(a, '\s*[-+]?[0-9]+\s*| *0[xX][0-9a-fA-F]+\s*') THEN a
        WHEN a IS NULL OR (safe AND NOT regexp_full_match(a, ' *[-+]0[xX][0-9a-fA-F]+\s*')) THEN NULL
        ELSE error('this text is no INT64: ' || a) END""",
    r"""CREATE MACRO float_text(a, safe) AS CASE
        WHEN regexp_full_match(a, '\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*') THEN a
        WHEN a IS NULL OR (safe AND NOT regexp_full_match(a, '(?i)\s*[-+]?(nan|inf|infinity)\s*')) THEN NULL
        ELSE error('this text is no finite number: ' || a) END""",
    """CREATE MACRO bool_text(a, safe) AS CASE
        WHEN lower(a) IN ('true', 'false') THEN a
        WHEN a IS NULL OR safe THEN NULL
        ELSE error('this text is neither true nor false: ' || a) END""",
    r"""CREATE MACRO time_text(a) AS
        regexp_replace(strftime(a, '%Y-%m-%d %H:%M:%S.%f'), '(\.000)?000$', '')""",
    """CREATE MACRO not_negative(a) AS CASE WHEN a < 0 THEN error('a length is negative') ELSE a END""",
    """CREATE MACRO substr_from(a, start) AS
        substring(a, CASE WHEN start = 0 OR start < -length(a) THEN 1 ELSE start END)""",
    """CREATE MACRO substr_part(a, start, n) AS
        substring(a, CASE WHEN start = 0 OR start < -length(a) THEN 1 ELSE start END, n)""",
    """CREATE MACRO element(a, i) AS
        CASE WHEN i < 1 OR i > len(a) THEN error('an array has no such position: write SAFE_OFFSET') ELSE a[i] END""",
    """CREATE MACRO safe_element(a, i) AS CASE WHEN i >= 1 THEN a[i] END""",
    # Hours of a zone that is half an hour off begin at the half hour; the offset keeps the two hours of a clock
    # that is set back apart.
    """CREATE MACRO truncated(unit, a, zone) AS (
        date_trunc(unit, a AT TIME ZONE zone) - ((a AT TIME ZONE zone) - (a AT TIME ZONE 'UTC'))
    ) AT TIME ZONE 'UTC'""",
)
