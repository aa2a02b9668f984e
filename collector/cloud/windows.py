"""Which windows are asked for a span: late points are looked for, and once a day all of the day before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from collector.central.findings import Span
from collector.cloud.grid import CELL_MS
from collector.cloud.memory import Memory

DAY_MS = 86_400_000
HOUR_MS = 3_600_000

MARGIN_MS = 2 * CELL_MS
"""Around what is settled, so that all points of its cells are seen."""

KEPT_CELLS = 30
"""Cells that are remembered before the earliest that is asked for again."""


class Window(NamedTuple):
    """What is asked for, and the part of it after which nothing more is looked for until a day later."""

    asked: Span
    settled: Span


def begin(memory: Memory, span: Span) -> None:
    """A source that has read nothing yet begins with a span."""
    if not memory.since_ms:
        memory.since_ms = memory.read_ms = span.start_ms
        memory.day_ms = span.start_ms // DAY_MS * DAY_MS
        memory.base = span.start_ms // CELL_MS - KEPT_CELLS


def windows(memory: Memory, span: Span, lookback_ms: int) -> Iterator[Window]:
    """In order: those of the span and its look-back, then those of the days that are over."""
    # What the last reading settled ended a look-back before its end.
    settled_ms = memory.read_ms - lookback_ms
    for piece in _hours(max(memory.since_ms, min(span.start_ms, memory.read_ms) - lookback_ms), span.end_ms):
        settled = _between(max(piece.start_ms, settled_ms), min(piece.end_ms, span.end_ms - lookback_ms))
        yield Window(_wider(memory, piece, span.end_ms), settled)
    while memory.day_ms + DAY_MS + lookback_ms <= span.end_ms:
        for piece in _hours(max(memory.since_ms, memory.day_ms), memory.day_ms + DAY_MS):
            yield Window(_wider(memory, piece, span.end_ms), piece)
        memory.day_ms += DAY_MS


def finish(memory: Memory, span: Span, lookback_ms: int) -> None:
    """A span was read; what is never asked for again is forgotten."""
    memory.read_ms = max(memory.read_ms, span.end_ms)
    memory.rebase(min(memory.day_ms, memory.read_ms - lookback_ms) // CELL_MS - KEPT_CELLS)


def _wider(memory: Memory, piece: Span, until_ms: int) -> Span:
    start = max(memory.since_ms, piece.start_ms - MARGIN_MS)
    return Span(start, min(until_ms, piece.end_ms + MARGIN_MS))


def _hours(start_ms: int, end_ms: int) -> Iterator[Span]:
    for at in range(start_ms, end_ms, HOUR_MS):
        yield Span(at, min(at + HOUR_MS, end_ms))


def _between(start_ms: int, end_ms: int) -> Span:
    return Span(start_ms, max(start_ms, end_ms))
