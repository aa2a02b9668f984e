"""The pods that ask for accelerators: from series of kube-state-metrics to what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collector.central.findings import Span
from collector.central.series import Series
from collector.identity.config import Keys
from collector.identity.pods import MOST_OWNER
from collector.prometheus.asked import Asked
from collector.prometheus.labels import Labels, by_time, claimed, told
from collector.prometheus.memory import Memory
from collector.prometheus.pod import Pod
from collector.prometheus.resources import RESOURCES

REQUESTS = "kube_pod_container_resource_requests"
PHASE = "kube_pod_status_phase"
_INSTANTS = {
    "kube_pod_created": "created_ms",
    "kube_pod_start_time": "started_ms",
    "kube_pod_status_scheduled_time": "scheduled_ms",
    "kube_pod_completion_time": "completed_ms",
}
FACTS = ("kube_pod_info", "kube_pod_owner", "kube_pod_labels", PHASE, *_INSTANTS)
OWNERS = {"ReplicaSet": ("kube_replicaset_owner", "replicaset"), "Job": ("kube_job_owner", "job_name")}
NAMESPACES = "kube_namespace_labels"
METRICS = (REQUESTS, *FACTS, *(metric for metric, _ in OWNERS.values()), NAMESPACES)

_ENDED = {"Succeeded", "Failed"}
_FORGOTTEN_MS = 24 * 3_600_000


class Pods:
    """The pods of `memory`, brought up to the end of a span; they may be found by name and instant."""

    def __init__(self, memory: Memory, cluster_label: str, keys: Keys) -> None:
        self._memory, self._cluster, self._keys = memory, cluster_label, keys
        self._named: dict[tuple[str, str, str], list[Pod]] = {}
        self._index()

    def at(self, cluster: str, namespace: str, name: str, at_ms: int) -> Pod | None:
        """The pod that had a name at an instant, or else before: a name may go from pod to pod."""
        named = self._named.get((cluster, namespace, name), [])
        begun = [pod for pod in named if (pod.since_ms or pod.created_ms or pod.first_ms) <= at_ms]
        return begun[-1] if begun else (named[0] if named else None)

    def latest(self, cluster: str, namespace: str, name: str) -> Pod | None:
        """The pod that has a name, or had it last."""
        named = self._named.get((cluster, namespace, name))
        return named[-1] if named else None

    def with_address(self, cluster: str, address: str) -> Pod | None:
        """The pod that has an IP address, as far as it asks for accelerators."""
        found = [pod for pod in self.every() if pod.cluster == cluster and pod.address == address]
        return max(found, key=lambda pod: pod.last_ms) if address and found else None

    def every(self) -> list[Pod]:
        """All pods that are known, those that ended lately too."""
        return list(self._memory.pods.values())

    def read(self, api: Asked, span: Span, present: set[str]) -> int:
        """Take in what a span tells; the number of points that were read. Raises `Unanswered`."""
        requests = api.series((REQUESTS,), span, f'resource=~"{RESOURCES}"') if REQUESTS in present else []
        self._present(requests)
        every = by_time(_of(api, set(FACTS) & present, span, "pod", requests))
        facts = [series for series in every if series.labels.get("phase") != "Running"]
        self._learn(facts)
        owners = [s for s in facts if s.name == "kube_pod_owner"]
        above = [s for kind in OWNERS for s in _above(api, span, present, kind, owners)]
        self._own(owners, above)
        spaces = by_time(_of(api, {NAMESPACES} & present, span, "namespace", requests))
        self._claim(facts, spaces)
        self._end(span)
        return sum(len(series.points) for series in (*requests, *facts, *above, *spaces))

    def forget(self, span: Span) -> None:
        """Pods that were not seen for a day."""
        pods = self._memory.pods
        gone = [key for key, pod in pods.items() if pod.last_ms < span.start_ms - _FORGOTTEN_MS]
        for key in gone:
            del pods[key]

    def _present(self, requests: list[Series]) -> None:
        for series in requests:
            self._see(series)
        self._index()

    def _see(self, series: Series) -> None:
        labels, first_ms, last_ms = series.labels, series.points[0][0], series.points[-1][0]
        cluster, namespace, name = labels.get(self._cluster, ""), told(labels, "namespace"), told(labels, "pod")
        uid = told(labels, "uid")
        key = f"{cluster}/{namespace}/{name}/{uid}"
        pod = self._memory.pods.get(key)
        if pod is None:
            pod = Pod(cluster=cluster, namespace=namespace, name=name, uid=uid, first_ms=first_ms, last_ms=last_ms)
            self._memory.pods[key] = pod
        if last_ms >= pod.last_ms:
            pod.last_ms, pod.target = last_ms, target(labels, cluster)
        pod.first_ms = min(pod.first_ms, first_ms)
        pod.node = told(labels, "node") or pod.node
        pod.requests[f"{told(labels, 'container')} {told(labels, 'resource')}"] = series.points[-1][1]
        if pod.gone:
            pod.gone, pod.ended_ms, pod.told = False, None, False
        alive = self._memory.alive
        alive[pod.target] = max(alive.get(pod.target, 0), last_ms)

    def _index(self) -> None:
        self._named = {}
        for pod in sorted(self.every(), key=lambda pod: pod.first_ms):
            self._named.setdefault((pod.cluster, pod.namespace, pod.name), []).append(pod)

    def _meant(self, labels: Labels) -> list[Pod]:
        named = self._named.get((labels.get(self._cluster, ""), told(labels, "namespace"), told(labels, "pod")), [])
        uid = told(labels, "uid")
        return [pod for pod in named if uid in {"", pod.uid} or (not pod.uid and pod is named[-1])]

    def _learn(self, facts: list[Series]) -> None:
        for series in facts:
            for pod in self._meant(series.labels):
                _learn(pod, series)

    def _own(self, owners: list[Series], above: list[Series]) -> None:
        upper = {(self._space(s.labels), _object(s)): _owner(s.labels) for s in above if _owner(s.labels)}
        for series in owners:
            owner = _owner(series.labels)
            for pod in self._meant(series.labels) if owner else ():
                pod.owner = upper.get((self._space(series.labels), owner), owner)

    def _space(self, labels: Labels) -> tuple[str, str]:
        return labels.get(self._cluster, ""), told(labels, "namespace")

    def _claim(self, facts: list[Series], spaces: list[Series]) -> None:
        trusted = {self._space(s.labels): claimed(self._keys, s.labels) for s in spaces}
        own = [s for s in facts if s.name == "kube_pod_labels"]
        for series in own:
            for pod in self._meant(series.labels):
                pod.claims = claimed(self._keys, series.labels)
        # A namespace's labels are set by those who run the cluster.
        for pod in self.every():
            said = trusted.get((pod.cluster, pod.namespace), {})
            pod.claims |= {key: said[key] for key in ("team", "cost_center") if key in said}

    def _end(self, span: Span) -> None:
        """Those that are there no more, though who told of them still tells: all of one scrape has one instant."""
        for pod in self.every():
            alive_ms = self._memory.alive.get(pod.target, 0)
            if pod.ended_ms is None and span.end_ms >= alive_ms > pod.last_ms:
                pod.ended_ms, pod.gone = pod.last_ms, True


def target(labels: Labels, cluster: str) -> str:
    """Who told of a series."""
    return f"{cluster}/{labels.get('instance', '')}"


def _learn(pod: Pod, series: Series) -> None:
    name, labels, value = series.name, series.labels, series.points[-1][1]
    if name == "kube_pod_info":
        pod.node = told(labels, "node") or pod.node
        pod.uid = told(labels, "uid") or pod.uid
        pod.address = told(labels, "pod_ip") or pod.address
    elif name == PHASE:
        ended = [at for at, is_so in series.points if is_so == 1 and labels.get("phase") in _ENDED]
        if ended and pod.completed_ms is None:
            pod.ended_ms, pod.gone = min(ended[0], pod.ended_ms or ended[0]), False
        pod.outcome = labels["phase"] if ended else pod.outcome
    elif name in _INSTANTS and value > 0:
        setattr(pod, _INSTANTS[name], round(value * 1000))
        if name == "kube_pod_completion_time":
            pod.ended_ms, pod.gone = pod.completed_ms, False


def _of(api: Asked, names: set[str], span: Span, label: str, requests: list[Series]) -> Iterator[Series]:
    """Series of the pods or namespaces that ask; where Prometheus keeps its own label theirs is `exported_…`."""
    for used in (label, f"exported_{label}"):
        values = {s.labels[used] for s in requests if used in s.labels and told(s.labels, label) == s.labels[used]}
        if names and values:
            yield from api.of(names, span, used, values)


def _above(api: Asked, span: Span, present: set[str], kind: str, owners: list[Series]) -> Iterable[Series]:
    metric, label = OWNERS[kind]
    names = {told(s.labels, "owner_name") for s in owners if told(s.labels, "owner_kind") == kind}
    return api.of((metric,), span, label, names) if metric in present else ()


def _owner(labels: Labels) -> str:
    kind, name = told(labels, "owner_kind"), told(labels, "owner_name")
    controls = told(labels, "owner_is_controller") in {"", "true"}
    return f"{kind}/{name}"[:MOST_OWNER] if kind and name and controls else ""


def _object(series: Series) -> str:
    """Kind and name of what a series of `kube_…_owner` speaks of."""
    return next(
        f"{kind}/{told(series.labels, label)}" for kind, (metric, label) in OWNERS.items() if series.name == metric
    )
