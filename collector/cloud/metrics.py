"""Which metrics are read, what they measure, and their units brought to one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from collector.central.findings import Unanswered
from collector.cloud.config import GroupName

Quantity = Literal["share", "bytes", "devices"]


class Metric(NamedTuple):
    """A metric type; `measure` is what its values are of, in the unit of `quantity` once normalized.

    `where` narrows the filter, as only series that are returned cost anything.
    """

    type: str
    group: GroupName
    resource: str
    measure: str
    quantity: Quantity
    where: str = ""

    @property
    def filter(self) -> str:
        """The filter of ListTimeSeries."""
        narrower = f" AND {self.where}" if self.where else ""
        return f'metric.type = "{self.type}" AND resource.type = "{self.resource}"{narrower}'


class Described(NamedTuple):
    """A metric that the project has; `factor` brings its values to shares of 1, bytes or devices."""

    metric: Metric
    factor: float
    sample_ms: int


class Descriptor(NamedTuple):
    """What is read of Google's descriptor of a metric; periods are 0 where it does not say."""

    type: str
    unit: str
    sample_ms: int
    ingest_delay_ms: int


_ACCELERATOR: tuple[tuple[str, str, Quantity], ...] = (
    ("duty_cycle", "busy", "share"),
    ("tensorcore_utilization", "tensor", "share"),
    ("memory_bandwidth_utilization", "dram", "share"),
    ("memory_used", "memory", "bytes"),
)

REQUEST = Metric("kubernetes.io/container/accelerator/request", "gke", "k8s_container", "request", "devices")

METRICS: tuple[Metric, ...] = (
    *(
        Metric(f"kubernetes.io/{of}/accelerator/{name}", "gke", f"k8s_{of}", measure, quantity)
        for of in ("node", "container")
        for name, measure, quantity in _ACCELERATOR
    ),
    REQUEST,
    *(
        Metric(f"tpu.googleapis.com/accelerator/{name}", "tpu", "tpu.googleapis.com/GceTpuWorker", measure, quantity)
        for name, measure, quantity in _ACCELERATOR
    ),
    Metric("agent.googleapis.com/gpu/utilization", "gce", "gce_instance", "busy", "share"),
    Metric(
        "agent.googleapis.com/gpu/memory/bytes_used",
        "gce",
        "gce_instance",
        "memory",
        "bytes",
        where='metric.labels.memory_state = "used"',
    ),
)

EXPORTED: dict[GroupName, tuple[str, ...]] = {
    "dcgm": (
        "DCGM_FI_DEV_GPU_UTIL",
        "DCGM_FI_DEV_FB_USED",
        "DCGM_FI_DEV_POWER_USAGE",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
        "DCGM_FI_DEV_XID_ERRORS",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "DCGM_FI_PROF_SM_ACTIVE",
        "DCGM_FI_PROF_DRAM_ACTIVE",
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    ),
    "vllm": (
        "vllm:prompt_tokens_total",
        "vllm:generation_tokens_total",
        "vllm:request_success_total",
        "vllm:num_requests_running",
    ),
}
"""Metrics of exporters that Managed Prometheus stores, by the exporters' names."""

PREFIXES: dict[GroupName, tuple[str, ...]] = {
    "gke": ("kubernetes.io/node/accelerator/", "kubernetes.io/container/accelerator/"),
    "tpu": ("tpu.googleapis.com/accelerator/",),
    "gce": ("agent.googleapis.com/gpu/",),
    "dcgm": ("prometheus.googleapis.com/DCGM_",),
    "vllm": ("prometheus.googleapis.com/vllm:",),
}

MANAGED = "prometheus.googleapis.com/"

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_FACTORS: dict[Quantity, dict[str, float]] = {
    # `10^2.%` is a fraction: 1 stands for 10² percent.
    "share": {"%": 0.01, "percent": 0.01, "Percent": 0.01, "10^2.%": 1, "1": 1, "{ratio}": 1},
    "bytes": {"By": 1, "bytes": 1, "Bytes": 1, "byte": 1, "B": 1} | {f"{p}By": float(n) for p, n in _BINARY.items()},
    "devices": {"{devices}": 1, "{device}": 1, "devices": 1, "1": 1, "count": 1, "": 1},
}


def factor(metric: Metric, unit: str) -> float:
    """By what a value in `unit` becomes a share of 1, bytes or devices; raises `Unanswered` for an unknown unit."""
    found = _FACTORS[metric.quantity].get(unit)
    if found is None:
        known = ", ".join(repr(name) for name in _FACTORS[metric.quantity])
        raise Unanswered(
            f"{metric.type}: its unit {unit!r} is not known (known: {known}); leave {metric.group!r} out of `metrics`, "
            "and tell us"
        )
    return found


def described(descriptors: Iterable[Descriptor], groups: tuple[GroupName, ...]) -> list[Described]:
    """Those of METRICS that the project has, with their units; raises `Unanswered` for an unknown unit."""
    known = {one.type: one for one in descriptors}
    there = [metric for metric in METRICS if metric.group in groups and metric.type in known]
    return [Described(m, factor(m, known[m.type].unit), known[m.type].sample_ms) for m in there]


def exporters(descriptors: Iterable[Descriptor], groups: tuple[GroupName, ...]) -> list[str]:
    """The types under which Managed Prometheus has EXPORTED."""
    wanted = {name for group in groups for name in EXPORTED.get(group, ())}
    managed = (one.type for one in descriptors if one.type.startswith(MANAGED))
    return sorted(kind for kind in managed if kind.removeprefix(MANAGED).rpartition("/")[0] in wanted)
