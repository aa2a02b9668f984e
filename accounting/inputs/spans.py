"""From when to when: start and end of rows, clipped to the window that the file covers, inside what can be held."""

from __future__ import annotations

import polars as pl

from accounting.inputs.cells import LEFT, Cells
from accounting.inputs.shaping import Fault, unparsed
from accounting.inputs.times import Clock, durations, instants

LIMIT_MS = 4_102_444_800_000
"""2100-01-01. The core packs an instant into 43 bits, not negative, and takes 2^42 (the year 2109) for never."""

EARLY_MS = 631_152_000_000
"""1990-01-01: an event dated before is a zero that became a date. Traces that count from zero without an origin may."""

OPEN_MS = 221_845_392_000_000
"""9000-01-01: who writes such an end means that there is none."""

AHEAD_DAYS = 366
_OPEN, _ALWAYS = "_open", "_always"
NOTES = {"end_taken_as_open": pl.col(_OPEN)}
RULE_NOTES = NOTES | {"start_taken_as_always": pl.col(_ALWAYS)}
"""The same for rows that may hold for all time: prices and rules."""


def spanned(cells: Cells, clock: Clock, *, windowed: bool, planned: bool = False) -> tuple[pl.LazyFrame, list[Fault]]:
    """The frame with `start_ms` and `end_ms`, rows outside the window left out, and the faults of its times.

    Events (`windowed`) lie at most a year ahead of the import; prices and rules may be dated far ahead, and what is
    `planned` may end then.
    """
    frame = _ends(cells, clock)
    faults = [unparsed(cells, name, f"_{name}", _time(clock)) for name in ("start", "end") if cells.has(name)]
    if cells.has("duration"):
        faults.append(unparsed(cells, "duration", "_duration", "a duration"))
    frame = _clipped(frame, clock) if windowed else _always(frame)
    near = {"start": windowed, "end": windowed and not planned}
    faults += [fault for name in near for fault in _misdated(cells, name, clock, windowed, near=near[name])]
    faults.append(Fault("end", "end is before start", pl.col("_end") < pl.col("start_ms"), "end is before start"))
    return frame, faults


def instant(cells: Cells, name: str, clock: Clock) -> tuple[pl.Expr, list[Fault]]:
    """A single time as column `<name>_ms`, and the faults where it is none, or cannot be."""
    value = instants(cells.raw(name), cells.dtype(name), clock)
    none = unparsed(cells, name, f"{name}_ms", _time(clock))
    return value.alias(f"{name}_ms"), [none, *_misdated(cells, name, clock, True, near=True)]


def _misdated(cells: Cells, name: str, clock: Clock, windowed: bool, *, near: bool) -> list[Fault]:
    """An odd date would stretch a cluster over thousands of days, or not fit into the core's integers at all."""
    value = pl.col(f"{name}_ms")
    early, late, limit = (value < 0, "before 1970"), "after 2099", LIMIT_MS
    if windowed and cells.has(name):
        early = (value < pl.when(_calendar(cells, name)).then(EARLY_MS).otherwise(0), "before 1990")
    if near and clock.now is not None:
        late = f"more than {AHEAD_DAYS} days after this import"
        limit = min(limit, clock.now + AHEAD_DAYS * 86_400_000 + 1)
    wrong = (early, (value >= limit, late))
    faults = [Fault(name, f"{name} is {what}", broken, f"{{}} is {what}") for broken, what in wrong]
    if name != "end" or not cells.has("duration"):
        return faults
    reached = cells.raw("end").is_null()
    told = [
        Fault("duration", f"end is {what}", broken & reached, f"{{}} puts the end {what}") for broken, what in wrong
    ]
    return [*told, *faults]


def _calendar(cells: Cells, name: str) -> pl.Expr:
    """Whether the value is a date, not a number that counts from the origin."""
    if cells.dtype(name) != pl.String:
        return pl.lit(cells.dtype(name).is_temporal())
    return pl.any_horizontal(cells.raw(name).str.contains(mark, literal=True) for mark in "-/").fill_null(False)


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
    # `_end` of an end that says "open" is its parsed value until here, so that it does not count as no time.
    frame = frame.with_columns(pl.col("start_ms").alias("_start"), end.alias("_end"), (end >= OPEN_MS).alias(_OPEN))
    frame = frame.with_columns(pl.when(pl.col(_OPEN).not_()).then(end).alias("end_ms"))
    if cells.has("duration"):
        reached = pl.when(cells.raw("end").is_null()).then(pl.col("start_ms") + pl.col("_duration"))
        frame = frame.with_columns(pl.coalesce(end, reached).alias("end_ms"))
        frame = frame.with_columns(pl.coalesce("_end", "end_ms").alias("_end"))
    return frame


def _always(frame: pl.LazyFrame) -> pl.LazyFrame:
    """A price or rule that starts before every event holds always."""
    ever = pl.col("start_ms") < 0
    return frame.with_columns(
        ever.alias(_ALWAYS), pl.when(ever.fill_null(True).not_()).then("start_ms").alias("start_ms")
    )


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
