"""One Prometheus as a source: spans of its series to findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from collector.central.findings import Findings, Span
from collector.clock import wall_ns
from collector.finding import Finding
from collector.prometheus import devices, kueue, nodes, pods, served
from collector.prometheus.api import Api
from collector.prometheus.asked import Asked
from collector.prometheus.config import Prometheus
from collector.prometheus.dcgm import activity, xids
from collector.prometheus.devices import Seen, hostname, observed
from collector.prometheus.doctor import examined
from collector.prometheus.holdings import forget, held
from collector.prometheus.kueue import queues, waiting
from collector.prometheus.labels import Labels, holding_pod, targets, told
from collector.prometheus.memory import Memory, decode, encode
from collector.prometheus.nodes import Nodes
from collector.prometheus.pods import Pods
from collector.prometheus.quotas import quoted
from collector.prometheus.requests import allocated
from collector.wire import Place, Workload

UP = "up"
METRICS = (UP, *devices.METRICS, *pods.METRICS, *nodes.METRICS, *kueue.METRICS, *served.METRICS)

LATEST_MS = 3_600_000
"""Points that become visible later than this are not told."""


class PrometheusSource:
    """Asks the Prometheus of `config`. What it finds in a span is a function of the answers and of its memory."""

    kind = "prometheus"

    def __init__(self, config: Prometheus, api: Asked | None = None) -> None:
        self._config = config
        self._api: Asked = api or Api(config)
        self._memory = Memory()
        self._pods, self._nodes = self._kubernetes()

    @property
    def name(self) -> str:
        return self._config.name or self.kind

    def read(self, span: Span) -> Findings:
        """Raises `Unanswered`; the memory is then not to be used any more."""
        since = max(self._memory.read_ms or span.start_ms, span.start_ms - LATEST_MS)
        present = self._api.names(METRICS, Span(since - self._memory.reach_ms, span.end_ms))
        self._pods, self._nodes = self._kubernetes()
        found = Findings()
        span = self._heard(Span(since, span.end_ms), present)
        self._memory.read_ms = span.end_ms
        if span.end_ms == span.start_ms:
            return found
        found.points = self._nodes.read(self._api, span, present) + self._pods.read(self._api, span, present)
        self._devices(span, present, found)
        found.stocked = self._nodes.stocked(span, self._is_held)
        found.allocated = allocated(self._pods, self._nodes, span)
        self._queues(span, present, found)
        served.serve(self._api, span, present, self._memory, self.workload_of, found)
        self._pods.forget(span)
        forget(self._memory, span)
        return found

    def memory(self) -> bytes:
        return encode(self._memory)

    def remember(self, memory: bytes) -> None:
        self._memory = decode(memory)
        self._pods, self._nodes = self._kubernetes()

    def examine(self) -> Iterator[Finding]:
        now_ms = wall_ns() // 1_000_000
        return examined(self._api, self.name, Span(now_ms - 3_600_000, now_ms))

    def cost(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing is held between two questions."""

    def workload_of(self, labels: Mapping[str, str]) -> Workload:
        """Whose a scraped engine is: the pod that its labels name, or that has its address; else what listens there."""
        cluster = self._cluster(labels)
        namespace, name = holding_pod(labels, {})
        pod = self._pods.latest(cluster, namespace, name)
        host, _, port = labels.get("instance", "").rpartition(":")
        pod = pod or (None if name else self._pods.with_address(cluster, host))
        if pod is not None:
            return pod.workload()
        if name:
            return Workload(id=f"{namespace}/{name}", kind="kubernetes", namespace=namespace, cluster=cluster)
        return Workload(id=f"{host}:{port}", kind="host", cluster=cluster)

    def _heard(self, span: Span, present: set[str]) -> Span:
        """The span up to its newest point: what was scraped after it may be visible later only."""
        pulse = {UP} & present or present
        for begin in (max(span.start_ms, span.end_ms - self._memory.reach_ms), span.start_ms):
            found = self._api.series(pulse, Span(begin, span.end_ms)) if pulse else []
            if found:
                return Span(span.start_ms, max(one.points[-1][0] for one in found))
        return Span(span.start_ms, span.start_ms)

    def _kubernetes(self) -> tuple[Pods, Nodes]:
        label = self._config.cluster_label
        return Pods(self._memory, label, self._config.labels), Nodes(self._memory, label, self._config.pools)

    def _queues(self, span: Span, present: set[str], found: Findings) -> None:
        series = queues(self._api, span, present, self._memory)
        found.points += sum(len(s.points) for s in series)
        label = self._config.cluster_label
        found.allocated += waiting(series, span, self._memory, self._nodes, label)
        found.quoted = quoted(series, span, self._memory, self._nodes, label)

    def _devices(self, span: Span, present: set[str], found: Findings) -> None:
        metrics = set(devices.METRICS) & present
        if not metrics:
            return
        series = self._api.series(metrics, Span(span.start_ms - self._memory.reach_ms, span.end_ms))
        jobs = {s.labels["job"] for s in series if "job" in s.labels}
        up = list(self._api.of((UP,), span, "job", jobs)) if UP in present else []
        found.points += sum(len(s.points) for s in (*series, *up))
        seen = observed(series, targets(up), self._place, self._config.cluster_label)
        steps = self._steps(seen)
        for _, one in sorted(seen.items()):
            self._model(one, span.end_ms)
            did = activity(one, span, steps[one.job], self._memory)
            found.activity += [did] if did else []
            found.holds += held(one, span, steps[one.job], self._memory, self._pods)
            found.happened += xids(one, span, self._memory)

    def _steps(self, seen: dict[str, Seen]) -> dict[str, int]:
        jobs = {one.job for one in seen.values()}
        return {j: self._memory.step_ms(f"dcgm {j}", [o.instants for o in seen.values() if o.job == j]) for j in jobs}

    def _model(self, one: Seen, at_ms: int) -> None:
        place = one.device.place
        if place and place.node and one.device.name:
            self._nodes.model(one.cluster, place.node, one.device.name, at_ms)

    def _place(self, labels: Labels) -> Place:
        """By the name that Kubernetes knows: an old exporter tells its own pod's name for its host's."""
        cluster = self._cluster(labels)
        names = [name for name in (hostname(labels), told(labels, "node"), told(labels, "kubernetes_node")) if name]
        known = [name for name in names if self._nodes.known(cluster, name)]
        return self._nodes.place(cluster, (known or names or [""])[0])

    def _cluster(self, labels: Labels) -> str:
        return labels.get(self._config.cluster_label, "")

    def _is_held(self, cluster: str, node: str, at_ms: int) -> bool:
        return any(p.cluster == cluster and p.node == node and p.holds(at_ms) for p in self._pods.every())
