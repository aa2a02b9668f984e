"""Capacity: accelerators that were online."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from accounting.inputs import quantities, spans
from accounting.inputs.cells import Cells
from accounting.inputs.quantities import counted
from accounting.inputs.shaping import Shaped, missing, shaped, texts
from accounting.inputs.spans import spanned
from accounting.inputs.times import Clock
from accounting.stores.lake import Lake
from accounting.tables import INPUT_CAPACITY

_TEXTS = ("cluster", "pool", "node", "device_id", "accelerator", "purchase", "region", "provider", "owner_team")
CAPACITY_KEY = ("cluster", "node", "device_id", "accelerator", "start_ms")
KEYED = pl.col("node").is_not_null() | pl.col("device_id").is_not_null()


def added_to(lake: Lake, seq: int) -> list[int]:
    """Other live imports that state accelerators of the same pools without a name: these and import `seq` add up."""
    pool = ["cluster", "pool", "accelerator"]
    counted = lake.scan_input("capacity").filter(~KEYED).select("import_seq", *pool).unique().collect()
    mine, others = counted.filter(pl.col("import_seq") == seq), counted.filter(pl.col("import_seq") != seq)
    return others.join(mine, on=pool, how="semi")["import_seq"].unique().sort().to_list()


def shape(cells: Cells, clock: Clock, aliases: Mapping[str, str]) -> Shaped:
    """Rows of `INPUT_CAPACITY`; a row without quantity is one accelerator."""
    frame, times = spanned(cells, clock, windowed=True, planned=True)
    frame = frame.with_columns(
        *texts(cells, _TEXTS, {"cluster": "default", "pool": ""}),
    )
    frame, counts = counted(cells, frame, aliases, default=1)
    faults = [*times, missing(cells, "accelerator"), *counts]
    notes = spans.NOTES | quantities.NOTES
    return shaped(cells, frame, INPUT_CAPACITY.names[2:], faults, CAPACITY_KEY, KEYED, notes)
