"""What agents say is missing: batches that have not come, and what they noted as lost on their side."""

from __future__ import annotations

import polars as pl

from accounting.agent_tables import AGENT_NOTES
from accounting.stores import ranges
from accounting.stores.lake import Lake

LOSSES = ("dropped", "damaged", "coarsened")

_MISSING = {
    **dict.fromkeys(("agent", "node", "cluster", "stream"), pl.String),
    **dict.fromkeys(("first", "last", "after_ms", "before_ms"), pl.Int64),
}


def missing(lake: Lake) -> pl.DataFrame:
    """Batches `first` to `last` of a stream that have not come: agent, node, cluster, stream, first, last, and when.

    They tell of some time between `after_ms`, where the batch before ends, and `before_ms`, where the one after begins;
    NULL where neither is there.
    """
    with lake.catalog() as connection:
        rows = ranges.missing(connection)
    return pl.DataFrame(rows, schema=_MISSING, orient="row")


def losses(lake: Lake) -> pl.DataFrame:
    """What agents themselves lost or joined: kind, cluster, node, notes, value (ms dropped, batches damaged)."""
    rows = lake.scan_input(AGENT_NOTES.name).filter(pl.col("kind").is_in(LOSSES))
    once = rows.select(AGENT_NOTES.names[2:]).unique()
    counted = once.group_by("kind", "cluster", "node").agg(notes=pl.len().cast(pl.Int64), value=pl.col("value").sum())
    return counted.sort("kind", "cluster", "node").collect()


def said(lake: Lake) -> list[str]:
    """The same for people, a line each; none where nothing is missing."""
    gaps, lost = missing(lake), losses(lake)
    lines = []
    if gaps.height:
        batches = int((gaps["last"] - gaps["first"] + 1).sum())
        nodes = gaps["node"].unique().sort().to_list()
        lines.append(f"missing: {batches:,} batches that agents wrote have not come, of {_some(nodes)}")
    for kind, rows in lost.group_by("kind", maintain_order=True):
        nodes = rows["node"].unique().sort().to_list()
        lines.append(f"{kind[0]} by agents: {rows['notes'].sum():,} times, on {_some(nodes)}")
    return lines


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
