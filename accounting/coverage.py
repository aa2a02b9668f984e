"""What commitments covered of all clusters' capacity, as far as the clusters have told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import polars as pl

from accounting.core.commitments import Commitment
from accounting.core.committed import committed, together
from accounting.core.eligible import levels
from accounting.core.pricing import book
from accounting.core.steps import DAY
from accounting.inventory import Inventory, Span, capacity_of, spans

GONE = 7 * DAY
"""A cluster that has told nothing for so long, while others have, is there no more."""


def covering(inventory: Inventory, commitments: Sequence[Commitment], zones: Mapping[str, str]) -> Inventory:
    """The inventory with what the commitments did."""
    if not commitments:
        return inventory
    clusters, prices = spans(inventory, None), book(inventory.prices)
    told = [(span, capacity_of(inventory, span)) for span in clusters]
    currency = inventory.rates.currency or (prices[0].currency if prices else "USD")
    parts = []
    for some in _related(commitments):
        there = _there(told, some)
        if there is not None:
            start, end, capacity = there
            zone = ZoneInfo(zones.get(some[0].provider, "UTC"))
            parts.append(committed(levels(capacity), prices, some, start, end, zone, currency))
    return replace(inventory, committed=together(parts, commitments))


def _related(commitments: Sequence[Commitment]) -> list[list[Commitment]]:
    """Those of one provider that may cover the same accelerators, together."""
    groups: list[tuple[set[tuple[str, str]], list[Commitment]]] = []
    for one in commitments:
        names = {(one.provider, accelerator) for accelerator, _ in one.prices}
        mine = [group for group in groups if group[0] & names]
        groups = [group for group in groups if not group[0] & names]
        groups.append((names.union(*(known for known, _ in mine)), [*(c for _, some in mine for c in some), one]))
    return [some for _, some in groups]


def _there(
    told: Sequence[tuple[Span, pl.DataFrame]], some: Sequence[Commitment]
) -> tuple[int, int, pl.DataFrame] | None:
    """From when to when what the commitments did is known, and the capacity of that time; None: of no time.

    It begins where anybody told of capacity of the provider, and ends where a cluster that has something which they
    cover has told no further, if there is one.
    """
    mine = [(span, rows.filter(provider=some[0].provider)) for span, rows in told]
    there = [(span, rows) for span, rows in mine if rows.height]
    if not there:
        return None
    names = {accelerator for one in some for accelerator, _ in one.prices}
    last = max(span.watermark for span, _ in there)
    fits = [span.watermark for span, rows in there if not names.isdisjoint(rows["accelerator"])]
    start = min(int(rows["start_ms"].min()) for _, rows in there)  # type: ignore[arg-type]
    end = min((at for at in fits if at > max(fits) - GONE), default=last)
    capacity = pl.concat([rows for _, rows in there]).with_columns(end_ms=pl.min_horizontal("end_ms", pl.lit(end)))
    return (start, end, capacity) if start < end else None
