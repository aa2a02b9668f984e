"""What pods ask for, and hold, by count: from what is known of them to allocations."""

from __future__ import annotations

from collections.abc import Iterator

from collector.central.findings import Allocated, Span
from collector.prometheus.nodes import Nodes
from collector.prometheus.pod import Pod
from collector.prometheus.pods import Pods


def allocated(pods: Pods, nodes: Nodes, span: Span) -> list[Allocated]:
    """What is new of every pod in a span: that it waits, that it holds, that it ended."""
    return [row for pod in pods.every() if _is_news(pod, span) for row in _of(pod, nodes)]


def _is_news(pod: Pod, span: Span) -> bool:
    if pod.ended_ms is None:
        return pod.last_ms > span.start_ms
    # What had ended before it was first seen is older than what this source was asked for.
    return not pod.told and (pod.gone or pod.ended_ms > span.start_ms or pod.first_ms <= span.start_ms)


def _of(pod: Pod, nodes: Nodes) -> Iterator[Allocated]:
    since_ms, submitted_ms = pod.since_ms, pod.created_ms
    ended = pod.ended_ms is not None
    until_ms = pod.last_ms if pod.ended_ms is None else pod.ended_ms
    pod.waited = pod.waited or since_ms is None or pod.first_ms < since_ms
    pod.told = ended
    for resource, count in _resources(pod).items():
        if pod.waited:
            queued = pod.queued.setdefault(resource, nodes.group(pod.cluster, "", resource))
            edge_ms = until_ms if since_ms is None else since_ms
            quantity = nodes.quantity_ppm(pod.cluster, pod.node, resource, count)
            yield Allocated(
                group=queued,
                workload=pod.workload(),
                quantity_ppm=quantity,
                submitted_ms=submitted_ms,
                until_ms=edge_ms,
                closed=ended or since_ms is not None,
            )
        if since_ms is not None and until_ms > since_ms:
            yield Allocated(
                group=nodes.group(pod.cluster, pod.node, resource),
                workload=pod.workload(),
                quantity_ppm=nodes.quantity_ppm(pod.cluster, pod.node, resource, count),
                submitted_ms=submitted_ms,
                start_ms=since_ms,
                until_ms=until_ms,
                closed=ended,
                outcome=pod.outcome if ended else "",
            )
    pod.waited = pod.waited and since_ms is None


def _resources(pod: Pod) -> dict[str, float]:
    """Units by resource, over all containers."""
    total: dict[str, float] = {}
    for key, count in pod.requests.items():
        resource = key.partition(" ")[2]
        total[resource] = total.get(resource, 0) + count
    return {resource: count for resource, count in total.items() if count > 0}
