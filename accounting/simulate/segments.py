"""What agents wrote and shipped: streams, the segments of each, and what became of them on their way."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from accounting.simulate.company import DAY, HOUR
from accounting.simulate.demand import Window

RESTARTED = 6 * DAY
"""An agent is restarted about this often."""
TRIES = 500
SEALED = 2 * HOUR
"""Segments end at whole multiples of this."""

SENT, LATE, TWICE, DAMAGED, LOST = "sent", "late", "twice", "damaged", "lost"
"""Fates: `late` ones arrive after a first accounting, `twice` and `damaged` ones then again, sound; lost ones never."""

_COLUMNS = {"node": pl.String, "stream": pl.Int64, "start": pl.Int64, "end": pl.Int64, "fate": pl.String}

Held = np.ndarray
"""When holdings of a node ended, sorted (ms)."""


def written(told: pl.DataFrame, online: pl.DataFrame, holdings: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Segments of the nodes of the places `told`, in order of node and time: node, stream, start, end (ms), fate.

    A stream is one run of an agent, counted from 0; its segments touch. Nothing that a node
    held ended while its agent was down or in a segment that was lost: that could not be known.
    """
    there = told.select("place", "node").join(online, on="place")
    ended = there.select("place", "node").join(holdings, on="place").group_by("node").agg(pl.col("end").unique().sort())
    ends = dict(ended.iter_rows())
    rows: list[tuple[object, ...]] = []
    spans = there.group_by("node").agg(pl.col("start").min(), pl.col("end").max()).sort("node")
    for number, (node, start, end) in enumerate(spans.iter_rows()):
        rng = window.random("segments", node)
        held = np.array(ends.get(node, []), dtype=np.int64)
        found = list(_sealed(_streams(start, end, held, rng)))
        fates = _fates(found, held, window, rng, late=number == 0)
        rows += [(node, *segment, fate) for segment, fate in zip(found, fates, strict=True)]
    return pl.DataFrame(rows, schema=_COLUMNS, orient="row")


def silent(segments: pl.DataFrame) -> pl.DataFrame:
    """When nothing was told of a node, for no agent ran or its segment was lost: node, start, end."""
    lost = segments.filter(pl.col("fate") == LOST).select("node", "start", "end")
    before = pl.col("end").shift().over("node")
    gaps = segments.select("node", start=before, end=pl.col("start")).filter(pl.col("end") > pl.col("start"))
    return pl.concat([lost, gaps])


def _streams(start: int, end: int, held: Held, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """From when to when an agent ran; some seconds pass until it runs again."""
    begun = start
    for _ in range(max(1, (end - start) // RESTARTED)):
        low = begun + HOUR
        if low >= end - 2 * HOUR:
            break
        for at in rng.integers(low, min(low + 2 * RESTARTED, end - HOUR), TRIES):
            gap = int(rng.integers(5_000, 20_000))
            if _quiet(held, int(at), int(at) + gap):
                yield begun, int(at)
                begun = int(at) + gap
                break
    yield begun, end


def _sealed(streams: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    for number, (start, end) in enumerate(streams):
        at = start
        while at < end:
            until = min(end, at // SEALED * SEALED + SEALED)
            yield number, at, until
            at = until


def _quiet(held: Held, start: int, end: int) -> bool:
    """Whether nothing that was held ended in `[start, end]`."""
    return bool(np.searchsorted(held, start, side="left") == np.searchsorted(held, end, side="right"))


def _fates(
    segments: list[tuple[int, int, int]], held: Held, window: Window, rng: np.random.Generator, *, late: bool
) -> list[str]:
    """Hours of one node are late; of each node one segment is lost, one comes twice, and one damaged at first."""
    fates = [SENT] * len(segments)
    until = window.end - 2 * DAY - 3 * HOUR
    for i, (_, start, _) in enumerate(segments):
        if late and until - 9 * HOUR <= start < until:
            fates[i] = LATE
    inner = [i for i in range(6, len(segments) - 2) if fates[i] == SENT]
    order = [int(i) for i in rng.permutation(inner)]
    gone = next((i for i in order if _quiet(held, *segments[i][1:])), None)
    if gone is not None:
        fates[gone] = LOST
    others = [i for i in order if i != gone]
    for i, fate in zip(others, (TWICE, DAMAGED), strict=False):
        fates[i] = fate
    return fates
