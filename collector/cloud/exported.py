"""What Managed Prometheus has of exporters, as they named it."""

from __future__ import annotations

from collections.abc import Iterator

from collector.central.series import Series, series
from collector.cloud.answers import Answer
from collector.cloud.metrics import MANAGED


def exported(kind: str, answers: list[Answer]) -> Iterator[Series]:
    """The series of a type such as `prometheus.googleapis.com/DCGM_FI_DEV_GPU_UTIL/gauge`, by the exporter's name.

    Labels are the exporter's and the target's (cluster, namespace, job, instance). A histogram is two series, `_sum`
    and `_count`.
    """
    name = kind.removeprefix(MANAGED).rpartition("/")[0]
    for answer in answers:
        if answer.counts:
            yield series(f"{name}_sum", answer.labels, answer.points)
            yield series(f"{name}_count", answer.labels, answer.counts)
        else:
            yield series(name, answer.labels, answer.points)
