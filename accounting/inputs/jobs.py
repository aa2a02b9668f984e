"""Jobs: who asked for and held how many accelerators, from when to when."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from accounting.inputs import quantities, spans
from accounting.inputs.cells import Cells
from accounting.inputs.numbers import integers
from accounting.inputs.quantities import counted
from accounting.inputs.shaping import Shaped, missing, shaped, texts, unparsed
from accounting.inputs.spans import instant, spanned
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


def shape(cells: Cells, clock: Clock, aliases: Mapping[str, str]) -> Shaped:
    """Rows of `INPUT_JOBS`; a row without start is a job that never started."""
    frame, times = spanned(cells, clock, windowed=True)
    submitted, untimely = instant(cells, "submitted", clock)
    frame = frame.with_columns(
        *texts(cells, _TEXTS, {"cluster": "default", "pool": ""}),
        submitted,
        integers(cells.raw("priority"), cells.dtype("priority")).alias("priority"),
    )
    frame, counts = counted(cells, frame, aliases)
    faults = [
        *times,
        *untimely,
        missing(cells, "accelerator"),
        missing(cells, "quantity"),
        *counts,
        unparsed(cells, "priority", "priority", "a whole number"),
    ]
    notes = spans.NOTES | quantities.NOTES | {"never_started": pl.col("start_ms").is_null()}
    return shaped(cells, frame, INPUT_JOBS.names[2:], faults, JOB_KEY, pl.col("workload_id").is_not_null(), notes)
