"""What collectors told by number: allocations, stock and served requests, as far as they count.

Free of the order and the division in which it came, and of repetitions.
"""

from __future__ import annotations

import polars as pl

from accounting.agent_tables import AGENT_ALLOCATIONS, AGENT_SERVED, AGENT_STOCK
from accounting.core.partition import RANKS
from accounting.core.spans import apart
from accounting.core.steps import label, merge, overlap
from accounting.stores.lake import Lake

_ALLOCATION = ["rank", "cluster", "pool", "node", "accelerator", "workload_id", "submitted_ms", "start_ms"]
_ASKED = [c for c in _ALLOCATION if c not in ("pool", "accelerator")]
_LOT = ["rank", "cluster", "node", "pool", "accelerator", "provider", "region", "purchase"]
_SERVED = ["cluster", "workload_id", "model", "engine", "start_ms"]

STOCK = {
    **dict.fromkeys(_LOT[1:], pl.String),
    "start_ms": pl.Int64,
    "end_ms": pl.Int64,
    "quantity_ppm": pl.Int64,
    "condition": pl.String,
    "told": pl.Boolean,
}
"""`told` is False where the count is bridged: the source told of nothing then."""


def rank() -> pl.Expr:
    """How much a row's source is trusted: 0 most."""
    return pl.col("source").fill_null("agent").replace_strict(RANKS, return_dtype=pl.Int64)


def allocations(lake: Lake) -> pl.DataFrame:
    """One row of `AGENT_ALLOCATIONS` (and `rank`) for each allocation: as it was told last.

    A request that began to hold no longer waits beyond it. All that one asks for at a node is told at once, so a row
    that was told less far is of before its pool, or what its accelerator is, came to be known.
    """
    rows = lake.scan_input(AGENT_ALLOCATIONS.name).with_columns(rank=rank())
    told = rows.group_by(_ASKED).agg(until_ms=pl.col("until_ms").max(), ended=pl.col("closed").max())
    last = rows.join(told, on=[*_ASKED, "until_ms"], nulls_equal=True).collect(engine="streaming")
    rest = [c for c in AGENT_ALLOCATIONS.names[2:] if c not in (*_ALLOCATION, "until_ms", "closed", "source")]
    best = last.sort("quantity_ppm", *rest, descending=[True] * (1 + len(rest)), nulls_last=True)
    one = best.unique(_ALLOCATION, keep="first", maintain_order=True).with_columns(closed="ended").drop("ended")
    waits = pl.col("start_ms").is_null()
    begun = _begun(one)
    held = without_overlaps(begun.filter(~waits), [c for c in _ALLOCATION if c != "start_ms"])
    return pl.concat([begun.filter(waits), held]).sort(_ALLOCATION, nulls_last=True)


def without_overlaps(rows: pl.DataFrame, of: list[str]) -> pl.DataFrame:
    """Rows (`start_ms`, `until_ms`), each from where an earlier one of the same ends.

    A collector that has lost its memory, or is asked for the past once more, tells that a holding began when it came to
    know of it.
    """
    before = pl.col("until_ms").cum_max().shift(1).over(of)
    sorted_rows = rows.sort(*of, "start_ms", "until_ms", nulls_last=True)
    cut = sorted_rows.with_columns(start_ms=pl.max_horizontal("start_ms", before))
    return cut.filter(pl.col("start_ms") < pl.col("until_ms"))


def _begun(rows: pl.DataFrame) -> pl.DataFrame:
    waits = pl.col("start_ms").is_null()
    asked = ["rank", "cluster", "workload_id", "submitted_ms"]
    started = rows.filter(~waits).group_by(asked).agg(begun=pl.col("start_ms").min())
    waiting = rows.filter(waits).join(started, on=asked, how="anti", nulls_equal=True)
    return pl.concat([rows.filter(~waits), waiting])


def stock(lake: Lake) -> pl.DataFrame:
    """What was there by number: columns STOCK, one row for each condition; disjoint for each place and lot.

    Of several sources that count the accelerators of one node (or pool) at one instant the most trusted one counts.
    """
    everything = lake.scan_input(AGENT_STOCK.name).with_columns(rank=rank())
    stretch = (*_LOT, "collector", "condition", "quantity_ppm", "start_ms")
    grown = everything.group_by(stretch).agg(pl.col("until_ms").max())
    rows = grown.collect(engine="streaming")
    if not rows.height:
        return pl.DataFrame(schema=STOCK)
    keys = rows.select(_LOT).unique().sort(_LOT, nulls_last=True).with_row_index("key").cast({"key": pl.Int64})
    coded = rows.rename({"start_ms": "start", "until_ms": "end"}).join(keys, on=_LOT, nulls_equal=True)
    told = _cut(coded).with_columns(told=pl.lit(True))
    there = pl.concat([told, _bridged(told, coded).select(told.columns)])
    named = _most_trusted(there.join(keys, on="key"))
    return named.rename({"start": "start_ms", "end": "end_ms"}).select(list(STOCK)).sort(list(STOCK), nulls_last=True)


def _cut(rows: pl.DataFrame) -> pl.DataFrame:
    """Key, condition, start, end, quantity_ppm: disjoint for each condition; of one instant the greatest counts.

    What is told once more of a part of a stretch, or by a second collector that looks at other instants, takes nothing
    of it away.
    """
    of = ["key", "condition"]
    codes = rows.select(of).unique().sort(of).with_row_index("code").cast({"code": pl.Int64})
    coded = rows.join(codes, on=of).with_columns(
        turn=pl.col("quantity_ppm").rank("dense", descending=True).over("code").cast(pl.Int64)
    )
    kept = pl.DataFrame(schema=dict.fromkeys(("code", "start", "end", "turn"), pl.Int64))
    for turn in coded["turn"].unique().sort():
        greater = merge(kept, "code").rename({"key": "code"})
        same = merge(coded.filter(pl.col("turn") == turn), "code").rename({"key": "code"})
        left, _ = apart(same.with_columns(turn=pl.lit(turn, pl.Int64)), "code", greater)
        kept = pl.concat([kept, left.select(kept.columns)])
    amounts = coded.select("code", "turn", "quantity_ppm").unique()
    return kept.join(codes, on="code").join(amounts, on=["code", "turn"]).select(*of, "start", "quantity_ppm", "end")


def _bridged(told: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """What a key had last, over gaps in which those who ever tell of it told of nothing in its cluster.

    A monitoring system that is away says nothing of the machines that it watches, and they are there all the same.
    """
    by_teller = rows.with_columns(group=pl.struct("rank", "cluster", "collector").rank("dense").cast(pl.Int64))
    heard = merge(by_teller, "group").rename({"key": "group"})
    there = merge(told, "key")
    until = pl.when(pl.col("key") == pl.col("key").shift(-1)).then(pl.col("start").shift(-1))
    gaps = there.select("key", start="end", end=until).filter(pl.col("end") > pl.col("start"))
    pairs = gaps.join(by_teller.select("key", "group").unique(), on="key")
    spoke = pairs.filter(overlap(pairs, "group", heard) > 0)
    silent = gaps.join(spoke, on=["key", "start"], how="anti")
    last = told.group_by("key", "end").agg(pl.col("quantity_ppm").sum())
    return silent.join(last.rename({"end": "start"}), on=["key", "start"]).with_columns(
        condition=pl.lit("ready"), told=pl.lit(False)
    )


def _most_trusted(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows less what a more trusted source says of the same node, or pool where no node is named."""
    where = pl.when(pl.col("node").is_null()).then("pool")
    coded = rows.with_columns(spot=pl.struct("cluster", "node", where.alias("_pool")).rank("dense").cast(pl.Int64))
    kept = coded.clear()
    for which in coded["rank"].unique().sort():
        spans = merge(kept, "spot").rename({"key": "spot"}).with_columns(better=pl.lit(True))
        pieces = label(coded.filter(pl.col("rank") == which), "spot", spans, "better")
        kept = pl.concat([kept, pieces.filter(pl.col("better").is_null()).select(kept.columns)])
    return kept


def served(lake: Lake) -> pl.LazyFrame:
    """One row of `AGENT_SERVED` for each workload, model, engine and start: the longest, of the most trusted source."""
    rows = lake.scan_input(AGENT_SERVED.name).with_columns(rank=rank())
    order = ["rank", "end_ms", "requests", "input_tokens", "output_tokens", "busy_ms"]
    best = rows.sort(*order, descending=[False, *[True] * (len(order) - 1)], nulls_last=True)
    return best.unique(_SERVED, keep="first", maintain_order=True)
