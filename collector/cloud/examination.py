"""What the doctor finds of a project: whether it answers, which metrics it has, and how fresh they are."""

from __future__ import annotations

from collections.abc import Iterator

from collector.central.findings import Span, Unanswered
from collector.cloud.client import Client
from collector.cloud.config import CloudMonitoring
from collector.cloud.metrics import PREFIXES, Described, Descriptor, described, exporters
from collector.finding import Finding


def examine(config: CloudMonitoring, client: Client, now_ms: int) -> Iterator[Finding]:
    """Asks for descriptors, and for one hour of each metric; what that returns is charged to no budget."""
    about = f"projects/{config.project}"
    try:
        found = client.descriptors()
        metrics = described(found, config.metrics)
        yield Finding("ok", about, f"answers, and describes {len(found)} metrics of accelerators")
        yield from _missing(config, about, found)
        for one in metrics:
            yield _fresh(config, client, one, now_ms)
        for kind in exporters(found, config.metrics):
            yield Finding("ok", kind, "is there, from Managed Prometheus")
    except Unanswered as error:
        said, _, remedy = str(error).rpartition(": ")
        yield Finding("fail", about, said, remedy)


def _missing(config: CloudMonitoring, about: str, found: list[Descriptor]) -> Iterator[Finding]:
    types = [one.type for one in found]
    for group in config.metrics:
        if not any(name.startswith(prefix) for name in types for prefix in PREFIXES[group]):
            yield Finding(
                "warn",
                about,
                f"has no metrics of {group!r}",
                f"leave {group!r} out of `metrics` if that is as it should be",
            )


def _fresh(config: CloudMonitoring, client: Client, one: Described, now_ms: int) -> Finding:
    kind = one.metric.type
    answers = client.series(kind, one.metric.filter, Span(now_ms - 3_600_000, now_ms), counted=False)
    if not answers:
        return Finding("ok", kind, "no points within an hour")
    age = (now_ms - max(at for answer in answers for at, _ in answer.points)) / 1000
    says = f"{len(answers)} series, the newest point {age:,.0f} s old"
    if age > config.delay:
        return Finding("warn", kind, says, f"set `delay` to more than {age:,.0f}, or points are told late")
    return Finding("ok", kind, says)
