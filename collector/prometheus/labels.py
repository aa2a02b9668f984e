"""Labels as exporters write them, whatever Prometheus made of them at scraping."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from collector.central.series import Series
from collector.identity.config import Keys

_NONE = {"", "<none>"}
_POD = (
    ("exported_namespace", "exported_pod"),
    ("namespace", "pod"),
    ("pod_namespace", "pod_name"),
)
REPLICA = ("prometheus", "prometheus_replica", "replica", "receive_replica", "__replica__")

Labels = Mapping[str, str]
Targets = Mapping[tuple[str, str], Labels]
"""The labels that Prometheus gave a target, by job and instance: those of its `up`."""


def told(labels: Labels, *names: str) -> str:
    """The first of these labels that says something.

    One that the target has itself is `exported_…` where Prometheus keeps the target's (`honor_labels: false`).
    """
    for name in names:
        for label in (f"exported_{name}", name):
            if labels.get(label, "") not in _NONE:
                return labels[label]
    return ""


def targets(up: Iterable[Series]) -> Targets:
    """The targets of these series of `up`."""
    return {(s.labels.get("job", ""), s.labels.get("instance", "")): s.labels for s in up}


def holding_pod(labels: Labels, known: Targets) -> tuple[str, str]:
    """Namespace and name of the pod that an exporter says holds a device; ('', '') where none does.

    `pod` of a device that nobody holds is the exporter's own where Prometheus adds it to what it scrapes.
    """
    target = known.get((labels.get("job", ""), labels.get("instance", "")), {})
    for namespace, pod in _POD:
        name = labels.get(pod, "")
        if name not in _NONE and name != target.get(pod) and "dcgm-exporter" not in name:
            return labels.get(namespace, ""), name
    return "", ""


def replica(labels: Labels) -> str:
    """Which of several servers that scrape the same this series is of; '' where there is one."""
    return ",".join(labels[name] for name in REPLICA if name in labels)


def claimed(keys: Keys, labels: Labels) -> dict[str, str]:
    """What labels of kube-state-metrics say by the keys of Kubernetes: team, cost_center, model, purpose, queue."""
    every = {key for field in keys.__struct_fields__ for key in getattr(keys, field)}
    return keys.found({key: value for key in every if (value := of_key(labels, key))})


def of_key(labels: Labels, key: str) -> str:
    """The label of kube-state-metrics that stands for a label of Kubernetes; '' where there is none."""
    plain = re.sub("[^a-zA-Z0-9_]", "_", key)
    snake = re.sub("([a-z0-9])([A-Z])", r"\1_\2", plain).lower()
    return labels.get(f"label_{snake}") or labels.get(f"label_{plain}", "")


def of_one_server(found: list[Series]) -> list[Series]:
    """Of what several servers have scraped the series of the one that has most points, without the server's name."""
    best: dict[tuple[str, tuple[tuple[str, str], ...]], Series] = {}
    for one in sorted(found, key=lambda s: (-len(s.points), replica(s.labels))):
        labels = {name: value for name, value in one.labels.items() if name not in REPLICA}
        best.setdefault((one.name, tuple(sorted(labels.items()))), Series(one.name, labels, one.points))
    return list(best.values())


def by_time(found: Iterable[Series]) -> list[Series]:
    """What was told last comes last: labels that change make another series."""
    return sorted(found, key=lambda series: series.points[-1][0])
