"""What engines counted, less what is told of the same time twice."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from accounting.core.steps import merge, overlap

_WHO = ["workload_id", "model", "engine"]


def once(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one cluster (with `rank`) of which no two of one workload, model and engine tell of one instant.

    Two that counted one request overlap, for a row reaches back to the scrape before. So it is where two collectors
    scrape at other instants, of which the more trusted one counts, and where the past is read again in other spans: of
    these the row that begins first counts, of one beginning the longest. No count is divided.
    """
    codes = rows.select(_WHO).unique().sort(_WHO).with_row_index("code").cast({"code": pl.Int64})
    coded = rows.join(codes, on=_WHO).rename({"start_ms": "start", "end_ms": "end"})
    kept = coded.clear()
    for which in coded["rank"].unique().sort():
        told = merge(kept, "code").rename({"key": "code"})
        fresh = coded.filter(pl.col("rank") == which)
        fresh = fresh.filter(overlap(fresh, "code", told) == 0).sort(
            "code", "start", "end", descending=[False] * 2 + [True]
        )
        kept = pl.concat([kept, fresh.filter(pl.Series(list(_apart(fresh)), dtype=pl.Boolean))])
    return kept.rename({"start": "start_ms", "end": "end_ms"}).select(rows.columns)


def _apart(rows: pl.DataFrame) -> Iterator[bool]:
    """Of sorted rows, whether each begins where the one of its code that counted before has ended."""
    code, until = -1, 0
    for here, start, end in rows.select("code", "start", "end").iter_rows():
        counts = here != code or start >= until
        yield counts
        if counts:
            code, until = here, end
