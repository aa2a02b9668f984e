"""Where DuckDB alone would answer something else than BigQuery: the same answer, or an error on both."""

from __future__ import annotations

import duckdb
import pytest

from tests.stores.conftest import answer


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
