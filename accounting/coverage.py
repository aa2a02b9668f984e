"""What commitments covered of all clusters' capacity, as far as the clusters have told of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from zoneinfo import ZoneInfo

import polars as pl

from accounting.core.commitments import Commitment
from accounting.core.committed import Committed, committed, together
from accounting.core.eligible import levels
from accounting.core.pricing import Price, book
from accounting.core.steps import DAY, HOUR
from accounting.inventory import Inventory, Span, capacity_of, spans

GONE = 7 * DAY
"""A cluster that has told nothing for so long, while others have, is there no more."""


def covering(inventory: Inventory, commitments: Sequence[Commitment], zones: Mapping[str, str]) -> Inventory:
    """The inventory with what the commitments did."""
    if not commitments:
        return inventory
    clusters = spans(inventory, None)
    prices = book(inventory.prices)
    by_provider = sorted(commitments, key=lambda one: one.provider)
    parts = [
        part
        for provider, some in groupby(by_provider, key=lambda one: one.provider)
        for part in _of_provider(inventory, clusters, prices, list(some), zones.get(provider, "UTC"))
    ]
    return replace(inventory, committed=together(parts, commitments))


def _of_provider(
    inventory: Inventory, clusters: Sequence[Span], prices: tuple[Price, ...], some: Sequence[Commitment], zone: str
) -> Iterator[Committed]:
    """From the first hour of which anybody told of capacity of theirs, to the last of which all have."""
    provider = some[0].provider
    told = [(span, capacity_of(inventory, span).filter(provider=provider)) for span in clusters]
    there = [(span, rows) for span, rows in told if rows.height]
    if not there:
        return
    start = min(int(rows["start_ms"].min()) for _, rows in there)  # type: ignore[arg-type]
    last = max(span.watermark for span, _ in there)
    end = min(span.watermark for span, _ in there if span.watermark > last - GONE)
    start, end = start - start % HOUR, end - end % HOUR
    if start < end:
        capacity = pl.concat([rows for _, rows in there]).with_columns(end_ms=pl.min_horizontal("end_ms", pl.lit(end)))
        currency = inventory.rates.currency or (prices[0].currency if prices else "USD")
        yield committed(levels(capacity), prices, some, start, end, ZoneInfo(zone), currency)
