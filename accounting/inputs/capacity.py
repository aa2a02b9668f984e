"""Capacity: accelerators that were online."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import Cells
from accounting.inputs.numbers import scaled
from accounting.inputs.shaping import Shaped, exact, missing, outside, shaped, texts, unparsed
from accounting.inputs.spans import NOTES, spanned
from accounting.inputs.times import Clock
from accounting.tables import INPUT_CAPACITY

_TEXTS = ("cluster", "pool", "node", "device_id", "accelerator", "purchase", "region", "provider", "owner_team")
CAPACITY_KEY = ("cluster", "node", "device_id", "accelerator", "start_ms")
KEYED = pl.col("node").is_not_null() | pl.col("device_id").is_not_null()


def shape(cells: Cells, clock: Clock) -> Shaped:
    """Rows of `INPUT_CAPACITY`; a row without quantity is one accelerator."""
    frame, times = spanned(cells, clock, windowed=True)
    frame = frame.with_columns(
        *texts(cells, _TEXTS, {"cluster": "default", "pool": ""}),
        pl.when(cells.raw("quantity").is_null()).then(pl.lit(1)).otherwise(exact(cells, "quantity")).alias("_quantity"),
    ).with_columns(scaled(pl.col("_quantity"), 1_000_000).alias("quantity_ppm"))
    faults = [
        *times,
        missing(cells, "accelerator"),
        unparsed(cells, "quantity", "quantity_ppm", "a number"),
        outside("quantity", pl.col("quantity_ppm") < 0, "negative"),
    ]
    notes = NOTES | {
        "zero_quantity": pl.col("quantity_ppm") == 0,
        "quantity_rounding_rows": pl.col("_quantity") * 1_000_000 != pl.col("quantity_ppm"),
    }
    return shaped(cells, frame, INPUT_CAPACITY.names[2:], faults, CAPACITY_KEY, KEYED, notes)
