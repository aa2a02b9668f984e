"""What a Prometheus tells of accelerators, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator

from collector.central.findings import Span, Unanswered
from collector.finding import Finding
from collector.prometheus import quotas
from collector.prometheus.asked import Asked
from collector.prometheus.kueue import PENDING

_EXPORTERS = (
    ("dcgm-exporter", "DCGM_FI_DEV_GPU_UTIL", "what GPUs do is not known from here: install NVIDIA's dcgm-exporter"),
    (
        "profiling",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
        "MIG instances have no activity without it: enable the DCGM_FI_PROF metrics of dcgm-exporter",
    ),
    (
        "kube-state-metrics",
        "kube_pod_container_resource_requests",
        "pods' requests and nodes' capacity are not known from here: install kube-state-metrics",
    ),
    (
        "node labels",
        "kube_node_labels",
        "products and pools are not known: start kube-state-metrics with --metric-labels-allowlist=nodes=[*]",
    ),
    (
        "pod labels",
        "kube_pod_labels",
        "pods' teams and models are not known: start kube-state-metrics with --metric-labels-allowlist=pods=[*]",
    ),
)


def examined(api: Asked, about: str, span: Span) -> Iterator[Finding]:
    """Can it be reached, and which exporters did it scrape in a span."""
    try:
        version = api.version()
        present = api.names([*(metric for _, metric, _ in _EXPORTERS), PENDING, *quotas.METRICS], span)
    except Unanswered as error:
        yield Finding("fail", about, str(error), "see that `url` and its authorization are right, and that it runs")
        return
    yield Finding("ok", about, f"Prometheus {version}" if version else "it answers, and tells no version")
    for name, metric, remedy in _EXPORTERS:
        if metric in present:
            yield Finding("ok", about, f"{name}: {metric} is there")
        else:
            yield Finding("warn", about, f"{name}: no {metric} in the last hour", remedy)
    if PENDING in present and not present.issuperset(quotas.METRICS):
        remedy = "set metrics.enableClusterQueueResources in the configuration of Kueue"
        yield Finding("warn", about, "Kueue: it tells no quotas, nor which queues are for accelerators", remedy)
