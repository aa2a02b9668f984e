"""Increments of a minute in one row.

An increment belongs to the minute in which the scrape lies that told it. A row reaches from the scrape before its
first to its last one, but not over a whole hour or into the row before it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from collector.central.findings import Counted
from collector.central.series import Increment
from collector.serving.counter import Counter
from collector.serving.memory import Memory, digest
from collector.wire import UNKNOWN

WINDOW_MS = 60_000
HOUR_MS = 3_600_000


class _Window(Struct):
    counter: Counter
    start_ms: int
    end_ms: int
    amounts: dict[str, int] = {}


Key = tuple[str, str, str]


def rows(told: Iterable[tuple[Counter, list[Increment]]], memory: Memory) -> list[Counted]:
    """A row per workload, model, engine and minute in which something was counted, or a busy time of 0."""
    windows: dict[tuple[Key, int], _Window] = {}
    for counter, several in told:
        values = dict(counter.points)
        for one in several:
            _add(windows, counter, one, values[one.end_ms])
    found = (_row(windows[at], digest(*at[0]), memory) for at in sorted(windows))
    return [
        row for row in found if row.busy_ms != UNKNOWN or max(row.requests, row.input_tokens, row.output_tokens) > 0
    ]


def _add(windows: dict[tuple[Key, int], _Window], counter: Counter, one: Increment, value: float) -> None:
    """A timer that stands at 0 does not run: how long the engine was busy is not known then."""
    at = ((counter.who, counter.model, counter.engine.name), (one.end_ms - 1) // WINDOW_MS)
    window = windows.setdefault(at, _Window(counter, one.start_ms, one.end_ms))
    window.start_ms = min(window.start_ms, one.start_ms)
    window.end_ms = max(window.end_ms, one.end_ms)
    if counter.field != "busy_ms" or value > 0:
        window.amounts[counter.field] = window.amounts.get(counter.field, 0) + int(one.value)


def _row(window: _Window, key: str, memory: Memory) -> Counted:
    hour = (window.end_ms - 1) // HOUR_MS * HOUR_MS
    start = max(window.start_ms, hour, memory.told.get(key, 0))
    memory.told[key] = window.end_ms
    return Counted(
        workload=window.counter.workload,
        model=window.counter.model,
        engine=window.counter.engine.name,
        start_ms=start,
        end_ms=window.end_ms,
        **window.amounts,
    )
