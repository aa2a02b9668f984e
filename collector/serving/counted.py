"""What serving engines counted in a span, per workload and model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from collector.central.findings import Counted, Span
from collector.central.series import Increment, Series, series
from collector.rows import Happened
from collector.serving.choice import chosen
from collector.serving.counter import Counter, counters
from collector.serving.memory import Memory, begin, end
from collector.serving.models import bound
from collector.serving.process import Process
from collector.serving.scrapes import Scrapes
from collector.serving.windows import rows
from collector.source import Event
from collector.wire import Workload

Told = list[tuple[Counter, list[Increment]]]


def counted(
    found: Sequence[Series], workload_of: Callable[[Mapping[str, str]], Workload], span: Span, memory: Memory
) -> tuple[list[Counted], list[Happened]]:
    """Rows of the scrapes in `(span.start_ms, span.end_ms]`, and the gaps and overflows there; updates `memory`.

    Spans come in order and touch. Points before the first span tell from where counters go on in it. What a counter
    counted belongs to the scrape that told it. Amounts are whole, and however the time is divided into spans they add
    up to what the counters counted; what they counted between the last scrape before a restart and the restart is not
    known: it is a `counter_gap`.
    """
    begin(memory, span)
    inside = _readable(found, span, first=memory.since_ms == span.start_ms)
    scrapes = Scrapes(inside, memory.scraped)
    read = list(counters(inside, workload_of))
    overflows = bound((one for one in read if one.field), span, memory)
    told, gaps = _increments(read, scrapes, span, memory)
    keys = chosen(one for one, several in told if several)
    found_rows = rows([(one, several) for one, several in told if one.key in keys], memory)
    memory.scraped.update(scrapes.lasts())
    end(memory, span)
    return found_rows, gaps + overflows


def _readable(found: Iterable[Series], span: Span, *, first: bool) -> Iterable[Series]:
    """What lies in the span, and before the first one too; what is told in several pieces as one."""
    after = -1 if first else span.start_ms
    told: dict[tuple[str, tuple[tuple[str, str], ...]], Series] = {}
    for one in found:
        points = [(at, value) for at, value in one.points if after < at <= span.end_ms]
        key = (one.name, tuple(sorted(one.labels.items())))
        if points:
            told[key] = (
                series(one.name, one.labels, [*told[key].points, *points])
                if key in told
                else Series(one.name, one.labels, points)
            )
    return told.values()


def _increments(read: list[Counter], scrapes: Scrapes, span: Span, memory: Memory) -> tuple[Told, list[Happened]]:
    processes: dict[str, list[Counter]] = {}
    for one in read:
        processes.setdefault(one.process, []).append(one)
    told: Told = []
    lost: dict[tuple[int, str, str], int] = {}
    for several in processes.values():
        found, anew = Process(several, scrapes, span, memory).counted()
        told += found
        for at, ms in anew.items():
            about = (at, several[0].workload.id, several[0].model)
            lost[about] = max(ms, lost.get(about, 0))
    return told, [_gap(*about, ms) for about, ms in sorted(lost.items())]


def _gap(at: int, workload: str, model: str, ms: int) -> Happened:
    text = f"{workload}: {model}: the counters began anew, what was counted in the {ms} ms before is not known"
    return Happened(at, Event(kind="counter_gap", value=ms, text=text))
