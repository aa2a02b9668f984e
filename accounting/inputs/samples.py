"""Samples: what a device, or a workload's accelerators on average, did in one interval."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import Cells
from accounting.inputs.numbers import scaled
from accounting.inputs.shaping import Fault, Shaped, exact, missing, outside, shaped, texts, unparsed
from accounting.inputs.spans import NOTES, spanned
from accounting.inputs.times import Clock
from accounting.tables import INPUT_SAMPLES

# name in the mapping: column, factor, greatest value
_MEASURES: dict[str, tuple[str, int, int | None]] = {
    "busy": ("busy_ppm", 10_000, 100),
    "sm_active": ("sm_active_ppm", 10_000, 100),
    "tensor_active": ("tensor_active_ppm", 10_000, 100),
    "memory_bytes": ("memory_bytes", 1, None),
    "power_w": ("power_mw", 1_000, None),
    "energy_j": ("energy_mj", 1_000, None),
}


def shape(cells: Cells, clock: Clock) -> Shaped:
    """Rows of `INPUT_SAMPLES`: percents as millionths of one, watts as milliwatts, joules as millijoules."""
    frame, times = spanned(cells, clock, windowed=True)
    frame = frame.with_columns(
        *texts(cells, ("cluster", "device_id", "workload_id"), {"cluster": "default"}),
        *(exact(cells, name).alias(f"_{name}") for name in _MEASURES),
    ).with_columns(scaled(pl.col(f"_{name}"), factor).alias(column) for name, (column, factor, _) in _MEASURES.items())
    nobody = pl.col("device_id").is_null() & pl.col("workload_id").is_null()
    faults = [
        *times,
        missing(cells, "start"),
        Fault("device_id", "neither device_id nor workload_id", nobody, "neither device_id nor workload_id"),
        *(fault for name in _MEASURES if cells.has(name) for fault in _measured(cells, name)),
    ]
    return shaped(cells, frame, INPUT_SAMPLES.names[2:], faults, notes=NOTES)


def _measured(cells: Cells, name: str) -> list[Fault]:
    column, _, most = _MEASURES[name]
    value = pl.col(f"_{name}")
    faults = [unparsed(cells, name, column, "a number"), outside(name, value < 0, "negative")]
    if most is not None:
        faults.append(outside(name, value > most, f"above {most}"))
    return faults
