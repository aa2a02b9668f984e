"""What Cloud Monitoring has, a point a minute: a slice of TPUs by metrics of GKE, GPUs by Managed Prometheus.

A chip that does nothing has no duty cycle; duty cycles come under other numbers than all else.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from accounting.simulate.apis.monitoring import Described, Point, Series, gauge
from accounting.simulate.remote.fleet import GKE, REGIONS, TOPOLOGY, Unit
from accounting.simulate.remote.pieces import NOBODY
from accounting.simulate.remote.pod import Pod
from accounting.simulate.remote.sampled import Array, Sampled, inside, instants
from accounting.simulate.remote.story import Story

PROJECT = "simulated"
LOCATION = f"{REGIONS[GKE]}-a"
DUTY, TENSOR = "duty_cycle", "tensorcore_utilization"
TENSOR_SHARE = 0.6
TWICE = 50
"""One point in so many comes twice."""

DESCRIPTORS = {
    (of, name): Described(f"kubernetes.io/{of}/accelerator/{name}", unit, value_type=kind)
    for of, name, unit, kind in (
        ("node", DUTY, "percent", "DOUBLE"),
        ("node", TENSOR, "percent", "DOUBLE"),
        ("container", DUTY, "%", "INT64"),
        ("container", TENSOR, "percent", "DOUBLE"),
    )
}


MANAGED = Described("prometheus.googleapis.com/DCGM_FI_PROF_GR_ENGINE_ACTIVE/gauge", "")


def descriptors() -> list[Described]:
    """Of all metrics that the project has."""
    return [*DESCRIPTORS.values(), MANAGED]


def series(story: Story, shown: int) -> list[Series]:
    """Everything that there is; points of what is late can be read from `shown` (ms) on."""
    found: list[Series] = []
    for number, unit in enumerate(story.units):
        if unit.cluster == GKE:
            found += _instance(story, number, unit) if unit.profile else _chip(story, number, unit, shown)
    return found


def _instance(story: Story, number: int, unit: Unit) -> Iterator[Series]:
    """As the exporter that GKE manages names an instance (MIG), a series for each who holds it."""
    at = instants(story, unit.node, unit.node, GKE)
    told = Sampled(story, number, at)
    none = np.zeros(at.size, dtype=bool)
    labels = {
        "UUID": unit.device,
        "modelName": unit.told_name,
        "Hostname": unit.node,
        "gpu": str(unit.number),
        "GPU_I_ID": str(unit.instance),
        "GPU_I_PROFILE": unit.profile,
    }
    target = {"project_id": PROJECT, "location": LOCATION, "cluster": GKE, "namespace": "gke-managed-system",
              "job": "dcgm-exporter", "instance": f"{unit.node}:9400"}  # fmt: skip
    for holder in told.holders():
        mine = told.pod == holder
        if mine.any():
            who = _pod(story.pods[holder]) if holder != NOBODY else {}
            points = gauge(_points(at, np.round(told.busy, 6), mine, none, 0))
            yield Series(MANAGED, labels | who, "prometheus_target", target, points)


def _pod(pod: Pod) -> dict[str, str]:
    return {"namespace": pod.namespace, "pod": pod.name, "container": "main"}


def _chip(story: Story, number: int, unit: Unit, shown: int) -> Iterator[Series]:
    at = instants(story, unit.node, unit.node, GKE)
    late = inside(at, [span for span in story.late if span[0] == unit.node])
    told = Sampled(story, number, at)
    works = told.busy > 0
    yield _series(unit, DUTY, None, _points(at, told.busy * 100, works, late, shown))
    yield _series(unit, TENSOR, None, _points(at, told.busy * 100 * TENSOR_SHARE, np.ones(at.size, bool), late, shown))
    for holder in told.holders():
        if holder == NOBODY:
            continue
        mine, pod = told.pod == holder, story.pods[holder]
        yield _series(unit, DUTY, pod, _points(at, np.rint(told.busy * 100), mine & works, late, shown))
        yield _series(unit, TENSOR, pod, _points(at, told.busy * 100 * TENSOR_SHARE, mine, late, shown))


def _points(at: Array, values: Array, which: Array, late: Array, shown: int) -> list[Point]:
    rows = zip(at[which].tolist(), values[which].tolist(), late[which].tolist(), strict=True)
    points = [Point(end, value, shown if is_late else end) for end, value, is_late in rows]
    return points + points[::TWICE]


def _series(unit: Unit, metric: str, pod: Pod | None, points: list[Point]) -> Series:
    machine, _, chip = unit.device.rpartition("-")
    labels = {
        "accelerator_id": f"{machine}-{int(chip) + 4}" if metric == DUTY else unit.device,
        "make": "cloud-tpu",
        "model": unit.told_name,
        **({"tpu_topology": TOPOLOGY} if metric == TENSOR else {}),
    }
    where = {"project_id": PROJECT, "location": LOCATION, "cluster_name": GKE}
    if pod is None:
        return Series(DESCRIPTORS["node", metric], labels, "k8s_node", where | {"node_name": unit.node}, gauge(points))
    held = where | {"namespace_name": pod.namespace, "pod_name": pod.name, "container_name": "main"}
    return Series(DESCRIPTORS["container", metric], labels, "k8s_container", held, gauge(points), pod.claims)
