"""How many accelerators each node has, and in which condition, by kube-state-metrics."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import TypeVar

from collector.central.findings import Span, Stocked
from collector.central.series import Level, Series, levels
from collector.prometheus.asked import Asked
from collector.prometheus.labels import by_time, of_one_server, told
from collector.prometheus.memory import Memory
from collector.prometheus.pods import target
from collector.prometheus.resources import RESOURCES, Node, accelerator, described, quantity_ppm
from collector.wire import Group, Place

CAPACITY = "kube_node_status_capacity"
ALLOCATABLE = "kube_node_status_allocatable"
CONDITION = "kube_node_status_condition"
CORDON = "kube_node_spec_unschedulable"
LABELS = "kube_node_labels"
METRICS = (CAPACITY, ALLOCATABLE, CONDITION, CORDON, LABELS)

Held = Callable[[str, str, int], bool]
"""Whether anything of a cluster's node is held at an instant."""

_Points = list[tuple[int, float]]
_Key = TypeVar("_Key")


class Nodes:
    """The nodes that have accelerators in a span; what their labels say is kept in `memory`."""

    def __init__(self, memory: Memory, cluster_label: str, pools: tuple[str, ...]) -> None:
        self._memory, self._cluster, self._pools = memory, cluster_label, pools
        self._capacity: dict[tuple[str, str, str], _Points] = {}
        self._allocatable: dict[tuple[str, str, str], _Points] = {}
        self._ready: dict[tuple[str, str], _Points] = {}
        self._cordoned: dict[tuple[str, str], _Points] = {}

    def known(self, cluster: str, node: str) -> Node | None:
        """What is known of a node; None where kube-state-metrics never spoke of it."""
        return self._memory.nodes.get(f"{cluster}/{node}")

    def place(self, cluster: str, node: str) -> Place:
        """Where something on a node is."""
        found = self.known(cluster, node)
        return Place(cluster=cluster, node=node, pool=found.pool if found else "")

    def group(self, cluster: str, node: str, resource: str) -> Group:
        """Accelerators of one resource on a node; without one, of the only kind and pool that there is."""
        if node:
            return Group(place=self.place(cluster, node), accelerator=accelerator(resource, self._of(cluster, node)))
        having = [self._of(c, n) for c, n, r in self._capacity if (c, r) == (cluster, resource)]
        kinds = {accelerator(resource, node) for node in having}
        pools = {node.pool for node in having}
        return Group(
            place=Place(cluster=cluster, pool=pools.pop() if len(pools) == 1 else ""),
            accelerator=kinds.pop() if len(kinds) == 1 else accelerator(resource, Node()),
        )

    def quantity_ppm(self, cluster: str, node: str, resource: str, count: float) -> int:
        """So many units on a node, in millionths of accelerators."""
        return quantity_ppm(resource, count, self._of(cluster, node))

    def read(self, api: Asked, span: Span, present: set[str]) -> int:
        """Take in what a span tells; the number of points that were read. Raises `Unanswered`."""
        reached = Span(span.start_ms - self._memory.reach_ms, span.end_ms)
        asked = f'resource=~"{RESOURCES}"'
        counted = api.series((CAPACITY, ALLOCATABLE), reached, asked) if CAPACITY in present else []
        for series in of_one_server(counted):
            where = self._capacity if series.name == CAPACITY else self._allocatable
            _add(where, (*self._at(series), told(series.labels, "resource")), series.points)
        facts: list[Series] = []
        for label in ("node", "exported_node"):
            names = {s.labels[label] for s in counted if label in s.labels}
            if wanted := {CONDITION, CORDON, LABELS} & present:
                facts += api.of(wanted, reached, label, names)
        self._learn(by_time(facts))
        self._live(counted, span)
        return sum(len(series.points) for series in (*counted, *facts))

    def model(self, cluster: str, node: str, name: str, at_ms: int) -> None:
        """The model of GPU that a node's exporter names, last at an instant."""
        found = self._memory.nodes.setdefault(f"{cluster}/{node}", Node())
        found.model, found.seen_ms = name, max(found.seen_ms, at_ms)

    def stocked(self, span: Span, held: Held) -> list[Stocked]:
        """What was there in a span, in intervals of one quantity and condition."""
        found: list[Stocked] = []
        for key, points in sorted(self._capacity.items()):
            cluster, node, resource = key
            group = self.group(cluster, node, resource)
            step_ms = self._memory.step_ms(f"nodes {cluster}", [[at for at, _ in points]])
            for level in levels(points, 2 * step_ms, span.start_ms, span.end_ms):
                for condition, count in self._conditions(key, level, held):
                    ppm = self.quantity_ppm(cluster, node, resource, count)
                    found.append(_stocked(group, level, ppm, condition))
        return joined(found)

    def _of(self, cluster: str, node: str) -> Node:
        return self.known(cluster, node) or Node()

    def _at(self, series: Series) -> tuple[str, str]:
        return series.labels.get(self._cluster, ""), told(series.labels, "node")

    def _learn(self, facts: list[Series]) -> None:
        for series in facts:
            at = self._at(series)
            if series.name == LABELS:
                key = "/".join(at)
                self._memory.nodes[key] = described(series.labels, self._pools, self._memory.nodes.get(key, Node()))
            elif series.name == CORDON:
                _add(self._cordoned, at, series.points)
            elif told(series.labels, "condition") == "Ready" and told(series.labels, "status") == "true":
                _add(self._ready, at, series.points)

    def _live(self, counted: list[Series], span: Span) -> None:
        alive = self._memory.alive
        for series in counted:
            told_by = target(series.labels, series.labels.get(self._cluster, ""))
            if series.points[-1][0] > span.start_ms:
                alive[told_by] = max(alive.get(told_by, 0), series.points[-1][0])
            node = self._memory.nodes.setdefault("/".join(self._at(series)), Node())
            node.seen_ms = max(node.seen_ms, series.points[-1][0])

    def _conditions(self, key: tuple[str, str, str], level: Level, held: Held) -> list[tuple[str, float]]:
        cluster, node, _ = key
        at_ms, count = level.end_ms, level.value
        if _latest(self._ready.get((cluster, node), []), at_ms, 1) != 1:
            return [("unhealthy", count)]
        usable = min(count, _latest(self._allocatable.get(key, []), at_ms, count))
        cordoned = _latest(self._cordoned.get((cluster, node), []), at_ms, 0) == 1
        state = "maintenance" if cordoned and not held(cluster, node, at_ms) else "ready"
        return [(state, usable), ("unhealthy", count - usable)]


def joined(found: Iterable[Stocked]) -> list[Stocked]:
    """Intervals that touch and agree, as one; what is none of an accelerator is left out."""
    open_: dict[tuple[Group, str], Stocked] = {}
    kept: list[Stocked] = []
    for one in found:
        last = open_.get((one.group, one.condition))
        if one.quantity_ppm <= 0:
            continue
        if last and last.until_ms == one.start_ms and last.quantity_ppm == one.quantity_ppm:
            last.until_ms = one.until_ms
        else:
            open_[one.group, one.condition] = one
            kept.append(one)
    return kept


def _stocked(group: Group, level: Level, ppm: int, condition: str) -> Stocked:
    return Stocked(group=group, start_ms=level.start_ms, until_ms=level.end_ms, quantity_ppm=ppm, condition=condition)


def _add(where: dict[_Key, _Points], key: _Key, points: _Points) -> None:
    where[key] = sorted({**dict(where.get(key, [])), **dict(points)}.items())


def _latest(points: _Points, at_ms: int, otherwise: float) -> float:
    """The last value up to an instant."""
    index = bisect_right(points, (at_ms, float("inf")))
    return points[index - 1][1] if index else otherwise
