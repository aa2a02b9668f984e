"""Counters of serving engines that a Prometheus has scraped."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from collector import serving
from collector.central.findings import Findings, Span
from collector.prometheus.asked import Asked
from collector.prometheus.labels import of_one_server
from collector.prometheus.memory import Memory
from collector.wire import Workload

TARGETS = {"up", "process_start_time_seconds"}
"""What is told of every target, engine or not."""

METRICS = tuple(name for name in serving.METRICS if name not in TARGETS)


def serve(
    api: Asked,
    span: Span,
    present: set[str],
    memory: Memory,
    workload_of: Callable[[Mapping[str, str]], Workload],
    found: Findings,
) -> None:
    """Adds what engines counted in the span, and the gaps in it; raises `Unanswered`."""
    metrics = set(METRICS) & present
    if not metrics:
        return
    # In its first span a counter goes on from the points before it.
    reach_ms = memory.reach_ms if memory.serving.since_ms is None else 0
    asked = Span(span.start_ms - reach_ms, span.end_ms)
    engines = api.series(metrics, asked)
    instances = {one.labels["instance"] for one in engines if "instance" in one.labels}
    targets = [*api.of(TARGETS, asked, "instance", instances)]
    series = of_one_server([*engines, *targets])
    found.points += sum(len(one.points) for one in series)
    found.counted, gaps = serving.counted(series, workload_of, span, memory.serving)
    found.happened += gaps
