"""What queues of Kueue may use and do use, by flavor and resource, as its metrics say."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from collector.central.findings import Quoted, Span
from collector.central.series import Series, levels
from collector.prometheus.labels import Labels
from collector.prometheus.memory import Memory
from collector.prometheus.nodes import Nodes
from collector.prometheus.resources import canonical
from collector.wire import Group, Place

NOMINAL = "kueue_cluster_queue_nominal_quota"
USED = "kueue_cluster_queue_resource_usage"
METRICS = (NOMINAL, USED)

_Points = dict[int, tuple[int, int]]
"""Nominal quota and use (ppm) by instant."""


class _Queue(NamedTuple):
    cluster: str
    cohort: str
    name: str
    flavor: str
    resource: str


def quoted(found: list[Series], span: Span, memory: Memory, nodes: Nodes, label: str) -> list[Quoted]:
    """Quota and use of each queue in a span, in intervals in which both are the same."""
    told: list[Quoted] = []
    for queue, views in sorted(_views(found, label).items()):
        step_ms = memory.step_ms(f"quotas {queue.cluster}", [sorted(view) for view in views])
        accelerator = nodes.group(queue.cluster, "", queue.resource).accelerator
        group = Group(place=Place(cluster=queue.cluster), accelerator=accelerator)
        told += _stretches(queue, group, _merged(views), 2 * step_ms, span)
    return told


def _stretches(queue: _Queue, group: Group, points: _Points, hold_ms: int, span: Span) -> list[Quoted]:
    told: list[Quoted] = []
    for level in levels([(at, 0.0) for at in sorted(points)], hold_ms, span.start_ms, span.end_ms):
        both, last = points[level.end_ms], told[-1] if told else None
        if last and last.until_ms == level.start_ms and (last.nominal_ppm, last.used_ppm) == both:
            last.until_ms = level.end_ms
        else:
            told.append(
                Quoted(
                    group=group,
                    queue=queue.name,
                    cohort=queue.cohort,
                    flavor=queue.flavor,
                    start_ms=level.start_ms,
                    until_ms=level.end_ms,
                    nominal_ppm=both[0],
                    used_ppm=both[1],
                )
            )
    return told


def _views(found: list[Series], label: str) -> dict[_Queue, list[_Points]]:
    """What each who tells of a queue says of the instants of which it tells both."""
    used = {_teller(s.labels): dict(s.points) for s in found if s.name == USED}
    views = defaultdict[tuple[_Queue, bool], list[_Points]](list)
    for series in (s for s in found if s.name == NOMINAL):
        also = used.get(_teller(series.labels), {})
        points = {at: (_ppm(quota), _ppm(also[at])) for at, quota in series.points if at in also}
        views[_queue(series.labels, label), series.labels.get("replica_role") == "follower"].append(points)
    # Of several replicas of Kueue one leads; what the others say may be older.
    return {queue: several for (queue, follows), several in views.items() if not follows or (queue, False) not in views}


def _teller(labels: Labels) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def _queue(labels: Labels, label: str) -> _Queue:
    return _Queue(
        cluster=labels.get(label, ""),
        cohort=labels.get("cohort", ""),
        name=labels.get("cluster_queue", ""),
        flavor=labels.get("flavor", ""),
        resource=canonical(labels.get("resource", "")),
    )


def _merged(views: list[_Points]) -> _Points:
    """Of several at one instant what says most; else each speaks of the time since whoever spoke before."""
    found: _Points = {}
    for at, both in (item for view in views for item in view.items()):
        found[at] = max(both, found.get(at, both))
    return found


def _ppm(units: float) -> int:
    return round(units * 1_000_000)
