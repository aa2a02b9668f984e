"""Algebra of half-open time spans by place: `place, start, end` in ms."""

from __future__ import annotations

import numpy as np
import polars as pl

SHIFT = 40
"""Bits of a time inside a packed key: 34 years of milliseconds."""
SPANS = {"place": pl.Int64, "start": pl.Int64, "end": pl.Int64}


def sweep(**amounts: pl.DataFrame) -> pl.DataFrame:
    """`place, start, end` cut at every edge of the given spans, and for each name the sum of its `amount` there.

    A frame without `amount` counts spans. Segments in which every sum is 0 are left out.
    """
    names = list(amounts)
    edges = []
    for name, spans in amounts.items():
        amount = pl.col("amount") if "amount" in spans.columns else pl.lit(1, pl.Int64)
        for at, sign in (("start", 1), ("end", -1)):
            edges.append(spans.select("place", pl.col(at).alias("start"), (amount * sign).alias(name)))
    total = (
        pl.concat(edges, how="diagonal")
        .group_by("place", "start")
        .agg(pl.col(names).sum())
        .sort("place", "start")
        .with_columns(pl.col(names).cum_sum().over("place"), end=pl.col("start").shift(-1).over("place"))
    )
    return total.filter(pl.any_horizontal(pl.col(n) != 0 for n in names)).select("place", "start", "end", *names)


def union(spans: pl.DataFrame) -> pl.DataFrame:
    """Overlapping or touching spans of one place joined."""
    ordered = spans.sort("place", "start")
    reach = pl.col("end").cum_max().over("place").shift()
    fresh = ((pl.col("place") != pl.col("place").shift()) | (pl.col("start") > reach)).fill_null(True)
    grouped = ordered.with_columns(run=fresh.cum_sum()).group_by("run", "place", maintain_order=True)
    return grouped.agg(pl.col("start").min(), pl.col("end").max()).drop("run")


def joined(spans: pl.DataFrame, label: str) -> pl.DataFrame:
    """Disjoint spans, sorted by place and start, with a label: touching ones that say the same are one."""
    follows = (pl.col("place") == pl.col("place").shift()) & (pl.col("start") == pl.col("end").shift())
    fresh = ~(follows & (pl.col(label) == pl.col(label).shift())).fill_null(False)
    runs = spans.with_columns(run=fresh.cum_sum()).group_by("run", "place", label, maintain_order=True)
    return runs.agg(pl.col("start").min(), pl.col("end").max()).select("place", "start", "end", label)


def minus(whole: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """What of `whole` no part covers."""
    left = sweep(whole=whole.select(*SPANS), parts=parts.select(*SPANS)).filter(
        (pl.col("whole") > 0) & (pl.col("parts") == 0)
    )
    return union(left.select(*SPANS))


def clipped(spans: pl.DataFrame, first: int, last: int) -> pl.DataFrame:
    """Spans inside [first, last); empty ones are gone."""
    inside = spans.with_columns(start=pl.col("start").clip(first), end=pl.col("end").clip(None, last))
    return inside.filter(pl.col("end") > pl.col("start"))


def overlay(spans: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """`spans` cut at the edges of `labels` with their columns; what no label covers is left out.

    `labels` are disjoint within a place. Columns of `labels` other than the span's must have names of their own.
    """
    ordered = labels.sort("place", "start")
    base = int(min(spans["start"].min() or 0, labels["start"].min() or 0))  # type: ignore[arg-type]
    first = np.searchsorted(_packed(ordered, "end", base), _packed(spans, "start", base), side="right")
    last = np.searchsorted(_packed(ordered, "start", base), _packed(spans, "end", base), side="left")
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(spans.height), count)
    inside = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    label = np.repeat(first, count) + inside
    found = ordered.select(pl.exclude("place")).rename({"start": "_start", "end": "_end"})[label]
    both: pl.DataFrame = pl.concat([spans[row], found], how="horizontal")
    inner = {"start": pl.max_horizontal("start", "_start"), "end": pl.min_horizontal("end", "_end")}
    return both.with_columns(**inner).drop("_start", "_end")


def cut(spans: pl.DataFrame, instants: list[int]) -> pl.DataFrame:
    """`spans` cut at the given instants (ms)."""
    at = np.array(sorted({-(1 << 50), *instants, 1 << 50}), dtype=np.int64)
    first = np.searchsorted(at, spans["start"].to_numpy(), side="right") - 1
    count = np.searchsorted(at, spans["end"].to_numpy(), side="left") - first
    row = np.repeat(np.arange(spans.height), count)
    piece = np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    begin, until = pl.Series(at[piece]), pl.Series(at[piece + 1])
    return spans[row].with_columns(start=pl.max_horizontal("start", begin), end=pl.min_horizontal("end", until))


def _packed(spans: pl.DataFrame, column: str, base: int) -> np.ndarray:
    """Place and time in one number that sorts like both."""
    packed: np.ndarray = (spans["place"].to_numpy() << SHIFT) + (spans[column].to_numpy() - base)
    return packed
