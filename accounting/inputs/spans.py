"""From when to when: start and end of rows, clipped to the window that the file covers."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import LEFT, Cells
from accounting.inputs.shaping import Fault, unparsed
from accounting.inputs.times import Clock, durations, instants


def spanned(cells: Cells, clock: Clock, *, windowed: bool) -> tuple[pl.LazyFrame, list[Fault]]:
    """The frame with `start_ms` and `end_ms`, rows outside the window left out, and the faults of its times."""
    frame = _ends(cells, clock)
    faults = [unparsed(cells, name, f"_{name}", _time(clock)) for name in ("start", "end") if cells.has(name)]
    if cells.has("duration"):
        faults.append(unparsed(cells, "duration", "_duration", "a duration"))
    faults.append(Fault("end", "end is before start", pl.col("_end") < pl.col("start_ms"), "end is before start"))
    if windowed:
        frame = _clipped(frame, clock)
    return frame, faults


def instant(cells: Cells, name: str, clock: Clock) -> tuple[pl.Expr, Fault]:
    """A single time as column `<name>_ms`, and the fault where it is none."""
    value = instants(cells.raw(name), cells.dtype(name), clock)
    return value.alias(f"{name}_ms"), unparsed(cells, name, f"{name}_ms", _time(clock))


def _time(clock: Clock) -> str:
    return "a time" if clock.zone == "UTC" else f"a time in {clock.zone}"


def _ends(cells: Cells, clock: Clock) -> pl.LazyFrame:
    """Columns start_ms, end_ms, `_duration`; `_start` and `_end` stay what the file says when the window clips."""
    end = pl.col("end_ms")
    frame = cells.frame.with_columns(
        instants(cells.raw("start"), cells.dtype("start"), clock).alias("start_ms"),
        instants(cells.raw("end"), cells.dtype("end"), clock).alias("end_ms"),
        durations(cells.raw("duration"), cells.dtype("duration"), clock.unit).alias("_duration"),
    )
    if clock.zone != "UTC" and cells.has("end"):
        later = instants(cells.raw("end"), cells.dtype("end"), clock, "latest")
        frame = frame.with_columns(pl.when(end < pl.col("start_ms")).then(later).otherwise(end).alias("end_ms"))
    if cells.has("duration"):
        reached = pl.when(cells.raw("end").is_null()).then(pl.col("start_ms") + pl.col("_duration"))
        frame = frame.with_columns(pl.coalesce(end, reached).alias("end_ms"))
    return frame.with_columns(pl.col("start_ms").alias("_start"), end.alias("_end"))


def _clipped(frame: pl.LazyFrame, clock: Clock) -> pl.LazyFrame:
    start, end = pl.col("start_ms"), pl.col("end_ms")
    outside = pl.lit(False)
    if clock.window_start is not None:
        outside = outside | (end <= clock.window_start).fill_null(False)
    if clock.window_end is not None:
        outside = outside | (start >= clock.window_end).fill_null(False)
    # A row whose end lies before its start is a fault, wherever the window is.
    outside = outside & (end < start).fill_null(False).not_()
    left = pl.coalesce(pl.col(LEFT), pl.when(outside).then(pl.lit("outside_window")))
    return frame.with_columns(
        left.alias(LEFT),
        (pl.max_horizontal(start, clock.window_start) if clock.window_start is not None else start).alias("start_ms"),
        (pl.min_horizontal(end, clock.window_end) if clock.window_end is not None else end).alias("end_ms"),
    )
