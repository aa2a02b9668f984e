"""Keys that stand twice in one file."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import LEFT
from accounting.inputs.shaping import FAULT, KEY, Shaped
from accounting.inputs.staged import ROW

_PART = 4_000_000


def losers(rows: pl.LazyFrame, shaped: Shaped) -> pl.DataFrame:
    """`_row` of rows whose key another row has too; the largest end stays (none: still running), then the later row."""
    if not shaped.key:
        return pl.DataFrame(schema={ROW: pl.Int64})
    good = rows.filter(pl.col(LEFT).is_null() & pl.col(FAULT).is_null() & pl.col(KEY).is_not_null())
    count = good.select(pl.len()).collect(engine="streaming").item()
    parts = count // _PART + 1
    found = [
        _losers(good.filter(pl.col(KEY) % parts == part) if parts > 1 else good, shaped.key) for part in range(parts)
    ]
    return pl.concat(found).sort(ROW)


def _losers(good: pl.LazyFrame, key: tuple[str, ...]) -> pl.DataFrame:
    hashes = good.select(KEY).group_by(KEY).len().filter(pl.col("len") > 1).select(KEY).collect(engine="streaming")
    if hashes.is_empty():
        return pl.DataFrame(schema={ROW: pl.Int64})
    ends = [name for name in ("end_ms",) if name in good.collect_schema()]
    suspects = good.join(hashes.lazy(), on=KEY, how="semi").select(ROW, *key, *ends).collect(engine="streaming")
    ranked = suspects.sort(*(pl.col(name).is_null() for name in ends), *ends, ROW)
    # One row of a file may hold several kinds of accelerators: those are no duplicates of each other.
    return ranked.filter(pl.col(ROW) != pl.col(ROW).last().over(key)).select(ROW).unique()
