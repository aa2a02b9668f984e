"""Jobs: who asked for and held how many accelerators, from when to when."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import Cells
from accounting.inputs.numbers import integers, scaled
from accounting.inputs.shaping import Shaped, exact, missing, outside, shaped, texts, unparsed
from accounting.inputs.spans import NOTES, instant, spanned
from accounting.inputs.times import Clock
from accounting.tables import INPUT_JOBS

_TEXTS = (
    "workload_id",
    "team",
    "model",
    "purpose",
    "user",
    "account",
    "namespace",
    "cluster",
    "pool",
    "node",
    "device_id",
    "accelerator",
    "outcome",
)
JOB_KEY = ("cluster", "workload_id", "start_ms", "node", "device_id")


def shape(cells: Cells, clock: Clock) -> Shaped:
    """Rows of `INPUT_JOBS`; a row without start is a job that never started."""
    frame, times = spanned(cells, clock, windowed=True)
    submitted, untimely = instant(cells, "submitted", clock)
    frame = frame.with_columns(
        *texts(cells, _TEXTS, {"cluster": "default", "pool": ""}),
        submitted,
        integers(cells.raw("priority"), cells.dtype("priority")).alias("priority"),
        exact(cells, "quantity").alias("_quantity"),
    ).with_columns(scaled(pl.col("_quantity"), 1_000_000).alias("quantity_ppm"))
    faults = [
        *times,
        *untimely,
        missing(cells, "accelerator"),
        missing(cells, "quantity"),
        unparsed(cells, "quantity", "quantity_ppm", "a number"),
        outside("quantity", pl.col("quantity_ppm") < 0, "negative"),
        unparsed(cells, "priority", "priority", "a whole number"),
    ]
    notes = NOTES | {
        "never_started": pl.col("start_ms").is_null(),
        "zero_quantity": pl.col("quantity_ppm") == 0,
        "quantity_rounding_rows": pl.col("_quantity") * 1_000_000 != pl.col("quantity_ppm"),
    }
    return shaped(cells, frame, INPUT_JOBS.names[2:], faults, JOB_KEY, pl.col("workload_id").is_not_null(), notes)
