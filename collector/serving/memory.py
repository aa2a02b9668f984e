"""What must be known of the time before a span to count in it."""

from __future__ import annotations

from hashlib import blake2b

from msgspec import Struct

from collector.central.findings import Span
from collector.central.series import Last

DAY_MS = 86_400_000


class Memory(Struct):
    """Nothing in it is older than 24 hours; keys are digests, times Unix ms.

    `since_ms`: where reading began. `scraped`: when a target last was. `lasts`: per process, the last point of each of
    its counters. `told`: per workload, model and engine, the end of its last row. `models`: per workload, the models
    that are told by name, and when they last were.
    """

    since_ms: int | None = None
    scraped: dict[str, int] = {}
    lasts: dict[str, dict[str, Last]] = {}
    told: dict[str, int] = {}
    models: dict[str, dict[str, int]] = {}


def digest(*parts: object) -> str:
    """Tells these parts from others, in few characters."""
    return blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def begin(memory: Memory, span: Span) -> None:
    """Reading begins with the first span."""
    if memory.since_ms is None:
        memory.since_ms = span.start_ms


def end(memory: Memory, span: Span) -> None:
    """Forgets what is a day old."""
    after = span.end_ms - DAY_MS
    memory.scraped = _recent(memory.scraped, after)
    memory.told = _recent(memory.told, after)
    memory.models = {who: kept for who, models in memory.models.items() if (kept := _recent(models, after))}
    lasts = {process: {k: v for k, v in known.items() if v.at_ms > after} for process, known in memory.lasts.items()}
    memory.lasts = {process: known for process, known in lasts.items() if known}


def _recent(instants: dict[str, int], after: int) -> dict[str, int]:
    return {key: at for key, at in instants.items() if at > after}
