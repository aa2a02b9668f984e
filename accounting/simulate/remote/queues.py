"""Queues of Kueue that pods are admitted by: what each may use, what it does use, and the truth about both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from accounting.simulate.company import HOUR
from accounting.simulate.remote.fleet import ASSIST, INTERVAL
from accounting.simulate.remote.pod import Pod
from accounting.simulate.remote.story import Story

COHORT, FLAVOR, RESOURCE = "serving", "h100", "nvidia.com/gpu"

QUOTAS: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("cluster", "queue"), pl.String),
    **dict.fromkeys(("quota", "used", "borrowed", "allowed"), pl.Float64),
}
"""Accelerator-hours, in the time that anything is told of. `allowed`: what an interval of sampling comes to at each
edge of that time and at each change."""


@dataclass(frozen=True, slots=True)
class Queue:
    """All pods of a namespace are admitted by it; `quota` accelerators are its own, the cohort lends it more."""

    cluster: str
    name: str
    namespace: str
    quota: int


QUEUES = (Queue(ASSIST, "llm-serving", "llm", 3), Queue(ASSIST, "helpdesk-serving", "helpdesk", 5))
"""Together they have what there is: what one borrows the other does not use."""


def admitted(story: Story, queue: Queue) -> list[Pod]:
    """The pods that it admits once they start."""
    return [pod for pod in story.pods if (pod.cluster, pod.namespace) == (queue.cluster, queue.namespace)]


def truth(story: Story) -> pl.DataFrame:
    """Of each queue what it may and did use (QUOTAS)."""
    return pl.DataFrame([_row(story, queue) for queue in QUEUES], schema=QUOTAS, orient="row")


def _row(story: Story, queue: Queue) -> tuple[object, ...]:
    pods = admitted(story, queue)
    quota = used = borrowed = moved = 0
    told = _told(story, queue.cluster)
    for start, end in told:
        levels = _levels(pods, start, end)
        quota += queue.quota * (end - start)
        used += sum(level * ms for level, ms in levels)
        borrowed += sum(max(0, level - queue.quota) * ms for level, ms in levels)
        moved += sum(abs(b - a) for (a, _), (b, _) in pairwise(levels))
        moved += 2 * max(queue.quota, *(level for level, _ in levels))
    return (queue.cluster, queue.name, *(spent / HOUR for spent in (quota, used, borrowed, moved * INTERVAL)))


def _told(story: Story, cluster: str) -> list[tuple[int, int]]:
    """The time in which the cluster's monitoring was not away."""
    edges = [edge for where, *away in sorted(story.away) if where == cluster for edge in away]
    ends = [story.first, *edges, story.last]
    return list(zip(ends[::2], ends[1::2], strict=True))


def _levels(pods: Sequence[Pod], start: int, end: int) -> list[tuple[int, int]]:
    """How many accelerators are in use, and for how long (ms), one after the other."""
    inside = {edge for pod in pods for edge in (pod.start, pod.end) if start < edge < end}
    return [
        (sum(len(pod.units) for pod in pods if pod.start <= since < pod.end), until - since)
        for since, until in pairwise(sorted({start, end} | inside))
    ]
