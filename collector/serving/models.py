"""Names of models, which anybody may claim: so many per workload, the rest as one."""

from __future__ import annotations

from collections.abc import Iterable

from collector.central.findings import Span
from collector.rows import Happened
from collector.serving.counter import Counter
from collector.serving.memory import Memory
from collector.source import Event

MOST = 100
OTHER = "other"


def bound(counters: Iterable[Counter], span: Span, memory: Memory) -> list[Happened]:
    """Gives the models beyond the first 100 of a workload the name `other`, and says how many these were."""
    over: dict[str, set[str]] = {}
    ids: dict[str, str] = {}
    for one in sorted(counters, key=lambda one: (one.points[0][0], one.model)):
        known = memory.models.setdefault(one.who, {})
        if one.model in known or len(known) < MOST:
            known[one.model] = one.points[-1][0]
            continue
        over.setdefault(one.who, set()).add(one.model)
        ids[one.who] = one.workload.id
        one.model = OTHER
    return [_overflow(span, ids[who], len(names)) for who, names in sorted(over.items())]


def _overflow(span: Span, workload: str, names: int) -> Happened:
    text = f"{workload}: {names} models more than {MOST} are told as {OTHER}"
    return Happened(span.start_ms, Event(kind="overflow", value=names, text=text))
