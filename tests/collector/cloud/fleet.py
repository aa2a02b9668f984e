"""Fleets as Cloud Monitoring shows them, after Google's list of metrics, and what a reader told of them, joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from accounting.simulate.apis.monitoring import Described, Monitoring, Point, Series, Server, gauge
from collector.central.findings import Findings, Span
from collector.cloud.config import CloudMonitoring
from collector.cloud.source import Cloud

BEGIN_MS = 1_793_577_600_000  # 2026-11-02T00:00:00Z
MINUTE = 60_000
HOUR = 60 * MINUTE

UNITS = {
    "kubernetes.io/node/accelerator/duty_cycle": ("percent", "DOUBLE"),
    "kubernetes.io/node/accelerator/tensorcore_utilization": ("percent", "DOUBLE"),
    "kubernetes.io/node/accelerator/memory_bandwidth_utilization": ("percent", "DOUBLE"),
    "kubernetes.io/node/accelerator/memory_used": ("bytes", "INT64"),
    "kubernetes.io/container/accelerator/duty_cycle": ("%", "INT64"),
    "kubernetes.io/container/accelerator/tensorcore_utilization": ("percent", "DOUBLE"),
    "kubernetes.io/container/accelerator/memory_used": ("By", "INT64"),
    "kubernetes.io/container/accelerator/request": ("{devices}", "INT64"),
    "tpu.googleapis.com/accelerator/duty_cycle": ("%", "DOUBLE"),
    "tpu.googleapis.com/accelerator/tensorcore_utilization": ("%", "DOUBLE"),
    "agent.googleapis.com/gpu/utilization": ("%", "DOUBLE"),
    "agent.googleapis.com/gpu/memory/bytes_used": ("By", "INT64"),
    "prometheus.googleapis.com/DCGM_FI_DEV_GPU_UTIL/gauge": ("", "DOUBLE"),
    "prometheus.googleapis.com/vllm:prompt_tokens_total/counter": ("", "DOUBLE"),
    "prometheus.googleapis.com/vllm:generation_tokens_total/counter": ("", "DOUBLE"),
}
DESCRIPTORS = [Described(name, unit, value_type=kind) for name, (unit, kind) in UNITS.items()]
OF = {one.type: one for one in DESCRIPTORS}
V5E = {"make": "cloud-tpu", "model": "tpu-v5-lite-podslice", "tpu_topology": "2x4"}
H100 = {"make": "nvidia", "model": "nvidia-h100-80gb"}

Values = dict[int, float]
"""By minute after BEGIN_MS; a point ends with its minute."""


def points(values: Values, late: Callable[[int], int] | None = None) -> list[Point]:
    """`late` gives for a minute how many minutes after its end its point is shown."""
    told = []
    for minute, value in values.items():
        end = BEGIN_MS + minute * MINUTE
        told.append(Point(end, value, end + late(minute) * MINUTE if late else None))
    return told


def node(metric: str, name: str, chip: str, values: Iterable[Point], labels: dict[str, str]) -> Series:
    resource = {"project_id": "p", "location": "us-west4-a", "cluster_name": "c1", "node_name": name}
    of = OF[f"kubernetes.io/node/accelerator/{metric}"]
    return Series(of, {"accelerator_id": chip, **labels}, "k8s_node", resource, gauge(values))


def container(metric: str, pod: str, labels: dict[str, str], values: Iterable[Point], **user: str) -> Series:
    resource = {
        "project_id": "p",
        "location": "us-west4-a",
        "cluster_name": "c1",
        "namespace_name": "team-a",
        "pod_name": pod,
        "container_name": "main",
    }
    of = OF[f"kubernetes.io/container/accelerator/{metric}"]
    return Series(of, labels, "k8s_container", resource, gauge(values), user)


class World:
    """A server, a source that reads it, and the server's time."""

    def __init__(self, series: list[Series], **keys: Any) -> None:  # noqa: ANN401 - keys of the configuration
        self.now_ms = BEGIN_MS + 10 * 24 * HOUR
        descriptors = keys.pop("descriptors", DESCRIPTORS)
        page_points = keys.pop("page_points", 100_000)
        self.monitoring = Monitoring(series, descriptors, lambda: self.now_ms, page_points=page_points)
        self.server = Server(self.monitoring)
        wanted = {"project": "p", "metrics": ("gke", "tpu", "gce"), "endpoint": self.server.endpoint, "plaintext": True}
        self.config = CloudMonitoring(**{**wanted, **keys})
        self.cloud = Cloud(self.config, lambda: self.now_ms)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.cloud.close()
        self.server.__exit__()

    def read(self, first: float, last: float) -> Findings:
        """A span of minutes after BEGIN_MS."""
        return self.cloud.read(Span(at(first), at(last)))


def at(minute: float) -> int:
    return BEGIN_MS + round(minute * MINUTE)


Told = dict[tuple[str, str, int], tuple[int, ...]]


def merged(findings: Iterable[Findings]) -> Told:
    """By device, workload and start what counts in the store: the longest, then the busiest, then the fullest."""
    best: Told = {}
    for activity in (one for found in findings for one in found.activity):
        workload = activity.workload.id if activity.workload else ""
        for row in activity.rows:
            key = (activity.device.uuid, workload, row[0])
            best[key] = max(best.get(key, ()), row[1:])
    return best


def busy(told: Told, device: str, workload: str = "") -> Values:
    """By minute of the end the busy milliseconds; what was not observed is missing."""
    return {
        (start + row[0] - BEGIN_MS) // MINUTE: row[1]
        for (uuid, who, start), row in sorted(told.items())
        if (uuid, who) == (device, workload) and row[1] >= 0
    }


def held(findings: Iterable[Findings]) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """By device and workload the minutes that were held, as told last; raises where two holdings overlap."""
    last = {(h.device.uuid, h.workload.id, h.start_ms): h.until_ms for one in findings for h in one.holds}
    found: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for (uuid, workload, start), until in sorted(last.items()):
        mine = found.setdefault((uuid, workload), [])
        span = ((start - BEGIN_MS) // MINUTE, (until - BEGIN_MS) // MINUTE)
        if mine and mine[-1][1] > span[0]:
            raise AssertionError(f"{uuid} is held twice by {workload}: {mine[-1]} and {span}")
        if mine and mine[-1][1] == span[0]:
            span = (mine.pop()[0], span[1])
        mine.append(span)
    return found
