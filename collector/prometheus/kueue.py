"""What Kueue tells of accelerators, and what waits in its queues.

`kueue_cluster_queue_resource_pending` says how much waits. An older Kueue only counts workloads: of a queue that has
quota of an accelerator each is taken to ask for one, the least that it can; a queue without such quota, or one whose
quota is not exported (`metrics.enableClusterQueueResources`), tells nothing of accelerators.
"""

from __future__ import annotations

from collector.central.findings import Allocated, Span
from collector.central.series import Series, levels
from collector.prometheus import quotas
from collector.prometheus.asked import Asked
from collector.prometheus.labels import of_one_server
from collector.prometheus.memory import Memory
from collector.prometheus.nodes import Nodes
from collector.prometheus.resources import canonical, is_accelerator
from collector.wire import Workload

PENDING = "kueue_pending_workloads"
AMOUNT = "kueue_cluster_queue_resource_pending"
METRICS = (PENDING, AMOUNT, *quotas.METRICS)

_Queue = tuple[str, str, str]
"""Cluster, cluster queue and resource."""


def queues(api: Asked, span: Span, present: set[str], memory: Memory) -> list[Series]:
    """All that is told of queues in a span and shortly before, less what is of no accelerator; raises `Unanswered`."""
    metrics = set(METRICS) & present
    reached = Span(span.start_ms - memory.reach_ms, span.end_ms)
    found = api.series(metrics, reached) if metrics else []
    return [s for s in found if s.name == PENDING or is_accelerator(s.labels.get("resource", ""))]


def waiting(found: list[Series], span: Span, memory: Memory, nodes: Nodes, label: str) -> list[Allocated]:
    """Every level of a queue in a span as a request that waits; it is another once the level changes."""
    told: list[Allocated] = []
    for (cluster, queue, resource), points in sorted(_counted(of_one_server(found), label).items()):
        step_ms = memory.step_ms(f"kueue {cluster}", [sorted(points)])
        group = nodes.group(cluster, "", resource)
        workload = Workload(id=f"kueue:{queue}", kind="kueue", claims={"queue": queue}, cluster=cluster)
        key = f"{cluster}/{queue}/{resource}"
        for level in levels(sorted(points.items()), 2 * step_ms, span.start_ms, span.end_ms):
            ppm = round(level.value * 1_000_000)
            open_ = memory.queues.get(key)
            if open_ and open_.until_ms == level.start_ms and open_.quantity_ppm == ppm:
                open_.until_ms = level.end_ms
                continue
            if open_:
                told.append(_closed(memory.queues.pop(key)))
            if ppm > 0:
                memory.queues[key] = Allocated(
                    group=group, workload=workload, quantity_ppm=ppm, submitted_ms=level.start_ms, until_ms=level.end_ms
                )
    return told + [one for one in memory.queues.values() if one.until_ms > span.start_ms]


def _closed(one: Allocated) -> Allocated:
    one.closed = True
    return one


def _counted(found: list[Series], label: str) -> dict[_Queue, dict[int, float]]:
    """How many accelerators wait, by queue and instant."""
    exact: dict[_Queue, dict[int, float]] = {}
    for series in (s for s in found if s.name == AMOUNT):
        _add(exact, _queue(series, label), series)
    told = {(cluster, queue) for cluster, queue, _ in exact}
    least: dict[_Queue, dict[int, float]] = {}
    for key in sorted(_with_quota(found, label)):
        if key[:2] not in told:
            told.add(key[:2])
            for series in (s for s in found if s.name == PENDING and _queue(s, label)[:2] == key[:2]):
                _add(least, key, series)
    return exact | least


def _with_quota(found: list[Series], label: str) -> set[_Queue]:
    return {_queue(series, label) for series in found if series.name == quotas.NOMINAL and series.points[-1][1] > 0}


def _queue(series: Series, label: str) -> _Queue:
    labels = series.labels
    return labels.get(label, ""), labels.get("cluster_queue", ""), canonical(labels.get("resource", ""))


def _add(where: dict[_Queue, dict[int, float]], key: _Queue, series: Series) -> None:
    points = where.setdefault(key, {})
    for at, value in series.points:
        points[at] = points.get(at, 0) + value
