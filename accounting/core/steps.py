"""Step functions over time, kept as integers.

An instant of a *key* (place, pool, subject, device: a small code) is packed into one Int64, `key << 43 | ms`, so that
sorting, searching and prefix sums need one column and no grouping. Intervals are half-open and never empty.
"""

from __future__ import annotations

import polars as pl

SHIFT = 43
HOUR = 3_600_000
DAY = 86_400_000
PPM = 1_000_000


def packed(key: str | pl.Expr, ms: str | pl.Expr) -> pl.Expr:
    """One Int64 that sorts by key, then by instant."""
    key, ms = (pl.col(x) if isinstance(x, str) else x for x in (key, ms))
    return key.cast(pl.Int64) * (1 << SHIFT) + ms


def key_of(column: str) -> pl.Expr:
    """The key of a packed column."""
    return pl.col(column) // (1 << SHIFT)


def ms_of(column: str) -> pl.Expr:
    """The instant of a packed column."""
    return pl.col(column) % (1 << SHIFT)


def edges(intervals: pl.DataFrame, key: str, **deltas: str) -> pl.DataFrame:
    """`at`, and for each name a delta: +value at the start, -value at the end of every interval."""
    plus = intervals.select(packed(key, "start").alias("at"), *(pl.col(c).alias(n) for n, c in deltas.items()))
    minus = intervals.select(packed(key, "end").alias("at"), *((-pl.col(c)).alias(n) for n, c in deltas.items()))
    return pl.concat([plus, minus])


def sweep(*parts: pl.DataFrame) -> pl.DataFrame:
    """Running totals of deltas: `key, start, end` and every delta's total in between.

    A name missing from a part counts 0 there. Every key's deltas must sum to zero, so that no key leaks into the next.
    """
    events = pl.concat([p for p in parts if p.height], how="diagonal") if any(p.height for p in parts) else parts[0]
    names = [c for c in events.columns if c != "at"]
    return (
        events.lazy()
        .with_columns(pl.col(names).fill_null(0))
        .sort("at")
        .with_columns(pl.col(names).cum_sum(), next=pl.col("at").shift(-1))
        .filter(pl.col("next") > pl.col("at"))
        .select(
            key_of("at").alias("key"),
            ms_of("at").alias("start"),
            pl.when(key_of("next") == key_of("at")).then(ms_of("next")).otherwise(ms_of("at")).alias("end"),
            *(pl.col(n) for n in names),
        )
        .filter(pl.col("end") > pl.col("start"))
        .collect()
    )


def cut(intervals: pl.DataFrame, key: str, ticks: pl.Series, index: str = "tick") -> pl.DataFrame:
    """Each interval cut at the packed `ticks` (sorted; each key's first tick at or before its first start).

    Adds `index`, the number of the tick that a piece starts in; `start` and `end` become the piece's.
    """
    first = ticks.search_sorted(intervals.select(packed(key, "start")).to_series(), side="right").cast(pl.Int64) - 1
    last = ticks.search_sorted(intervals.select(packed(key, "end")).to_series(), side="left").cast(pl.Int64)
    pieces = intervals.with_columns(_first=first, _last=last - 1, **{index: pl.int_ranges(first, last)}).explode(index)
    here = ticks.gather(pieces[index]) % (1 << SHIFT)
    following = ticks.gather((pieces[index] + 1).clip(upper_bound=ticks.len() - 1)) % (1 << SHIFT)
    return pieces.with_columns(
        start=pl.when(pl.col(index) > pl.col("_first")).then(here).otherwise("start"),
        end=pl.when(pl.col(index) < pl.col("_last")).then(following).otherwise("end"),
    ).drop("_first", "_last")


def merge(intervals: pl.DataFrame, key: str) -> pl.DataFrame:
    """The union of intervals per key: `key, start, end`, disjoint and not touching."""
    return (
        sweep(edges(intervals.with_columns(n=pl.lit(1, pl.Int64)), key, n="n"))
        .filter(pl.col("n") > 0)
        .with_columns(
            fresh=((pl.col("key") != pl.col("key").shift()) | (pl.col("start") != pl.col("end").shift())).fill_null(
                True
            )
        )
        .group_by(pl.col("fresh").cum_sum(), maintain_order=True)
        .agg(pl.col("key").first(), pl.col("start").first(), pl.col("end").last())
        .select("key", "start", "end")
    )


def label(intervals: pl.DataFrame, key: str, spans: pl.DataFrame, value: str) -> pl.DataFrame:
    """Each interval cut at the edges of the `spans` of its key; adds `value` of the span a piece lies in, NULL outside.

    `spans` has `key` (named as in `intervals`), `start`, `end`, `value`; the spans of one key are disjoint.
    """
    if not spans.height or not intervals.height:
        return intervals.with_columns(pl.lit(None, spans.schema[value]).alias(value))
    none = pl.lit(None, spans.schema[value]).alias(value)
    keys = intervals.select(key).unique()
    known = spans.join(keys, on=key, how="semi")
    marks = (
        pl.concat(
            [
                keys.select(packed(key, pl.lit(0)).alias("at"), none),
                known.select(packed(key, pl.col("end").clip(0)).alias("at"), none),
                known.select(packed(key, pl.col("start").clip(0)).alias("at"), value),
            ]
        )
        .unique("at", keep="last", maintain_order=True)
        .sort("at")
    )
    pieces = cut(intervals, key, marks["at"], "_mark")
    return pieces.with_columns(marks[value].gather(pieces["_mark"])).drop("_mark")


def overlap(intervals: pl.DataFrame, key: str, spans: pl.DataFrame) -> pl.Series:
    """For each interval, how many milliseconds of the disjoint `spans` (key, start, end) of its key it covers."""
    if not spans.height:
        return pl.zeros(intervals.height, pl.Int64, eager=True)
    marks = spans.select(at=packed(key, "start"), length=pl.col("end") - pl.col("start")).sort("at")
    marks = marks.with_columns(before=pl.col("length").cum_sum() - pl.col("length"))

    def until(edge: str) -> pl.Series:
        at = intervals.select(packed(key, edge)).to_series()
        row = marks["at"].search_sorted(at, side="right").cast(pl.Int64) - 1
        here = marks[row.clip(0)].with_columns(
            part=pl.min_horizontal(at - marks["at"].gather(row.clip(0)), "length"), none=row < 0
        )
        return here.select(pl.when("none").then(0).otherwise(pl.col("before") + pl.col("part"))).to_series()

    return until("end") - until("start")


def daily(intervals: pl.DataFrame) -> pl.DataFrame:
    """Intervals cut at midnight UTC; adds `day` (days since the epoch)."""
    return _cut_at(intervals, "day", DAY)


def hourly(intervals: pl.DataFrame) -> pl.DataFrame:
    """Intervals cut at whole hours; adds `hour` (hours since the epoch)."""
    return _cut_at(intervals, "hour", HOUR)


def _cut_at(intervals: pl.DataFrame, name: str, unit: int) -> pl.DataFrame:
    numbers = pl.int_ranges(pl.col("start") // unit, (pl.col("end") - 1) // unit + 1)
    return (
        intervals.with_columns(numbers.alias(name))
        .explode(name)
        .with_columns(
            start=pl.max_horizontal("start", pl.col(name) * unit),
            end=pl.min_horizontal("end", (pl.col(name) + 1) * unit),
        )
    )
