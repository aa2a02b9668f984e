"""What dcgm-exporter, kube-state-metrics, Kueue and vLLM tell a Prometheus of the clusters, sample by sample.

Names and labels are those of dcgm-exporter 3, kube-state-metrics 2, Kueue 0.10 and vLLM 0.10. All series carry
`cluster`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from accounting.simulate.apis.prometheus import Stored
from accounting.simulate.remote import queues
from accounting.simulate.remote.dispute import GHOST, Dispute
from accounting.simulate.remote.engines import LOADING, Engine
from accounting.simulate.remote.fleet import ASSIST, INTERVAL, Unit
from accounting.simulate.remote.pieces import NOBODY
from accounting.simulate.remote.pod import Pod
from accounting.simulate.remote.sampled import Array, Sampled, inside, instants
from accounting.simulate.remote.story import Story

KSM = {"job": "kube-state-metrics", "instance": "10.0.0.2:8080"}
KUEUE = {"job": "kueue-controller-manager", "instance": "10.0.0.3:8443"}
RESOURCE = "nvidia_com_gpu"
MEMORY_MIB = 61_440
WATTS = (70, 600)

Labels = dict[str, str]


def series(story: Story, dispute: Dispute | None) -> list[Stored]:
    """Everything that the Prometheus has."""
    found = [*_devices(story), *_nodes(story), *_pods(story), *_queues(story)]
    for engine in story.engines:
        found += _engine(story, engine)
    return found + ([_disputed(dispute)] if dispute else [])


def _stored(name: str, labels: Labels, at: Array, values: Array | float, cluster: str = ASSIST) -> Stored:
    several = np.broadcast_to(np.asarray(values, dtype=np.float64), at.shape)
    points = list(zip(at.tolist(), several.tolist(), strict=True))
    return Stored({"__name__": name, "cluster": cluster, **labels}, points)


def _devices(story: Story) -> Iterator[Stored]:
    for i, unit in enumerate(story.units):
        if unit.cluster != ASSIST:
            continue
        at = instants(story, f"dcgm {unit.node}", unit.node, ASSIST)
        told = Sampled(story, i, at)
        for holder in told.holders():
            mine = told.pod == holder
            labels = _gpu(unit) | (_holder(story.pods[holder]) if holder != NOBODY else {})
            yield from (
                _stored(name, labels, at[mine], values[mine])
                for name, values in _measured(told.busy, held=holder != NOBODY)
                if mine.any()
            )


def _measured(busy: Array, *, held: bool) -> Iterator[tuple[str, Array]]:
    yield "DCGM_FI_DEV_FB_USED", np.full(busy.size, MEMORY_MIB if held else 0)
    yield "DCGM_FI_DEV_GPU_UTIL", np.rint(busy * 100)
    yield "DCGM_FI_DEV_POWER_USAGE", np.round(WATTS[0] + (WATTS[1] - WATTS[0]) * busy, 3)


def _gpu(unit: Unit) -> Labels:
    """dcgm-exporter's own labels, and those that Prometheus gave its target."""
    return {
        "job": "dcgm-exporter",
        "instance": f"{unit.node}:9400",
        "gpu": str(unit.number),
        "UUID": unit.device,
        "device": f"nvidia{unit.number}",
        "modelName": unit.told_name,
        "Hostname": unit.node,
    }


def _holder(pod: Pod) -> Labels:
    return {"exported_namespace": pod.namespace, "exported_pod": pod.name, "exported_container": "main"}


def _nodes(story: Story) -> Iterator[Stored]:
    units = [unit for unit in story.units if unit.cluster == ASSIST]
    at = instants(story, "kube-state-metrics", ASSIST)
    for node in dict.fromkeys(unit.node for unit in units):
        mine = [unit for unit in units if unit.node == node]
        named = {**KSM, "node": node}
        cordoned = inside(at, [span for span in story.cordoned if span[0] == node])
        of = {**named, "resource": RESOURCE, "unit": "integer"}
        yield _stored("kube_node_status_capacity", of, at, len(mine))
        yield _stored("kube_node_status_allocatable", of, at, len(mine))
        labels = {
            "label_cloud_google_com_gke_nodepool": mine[0].pool,
            "label_nvidia_com_gpu_product": mine[0].told_name.replace(" ", "-"),
        }
        yield _stored("kube_node_labels", {**named, **labels}, at, 1)
        yield _stored("kube_node_status_condition", {**named, "condition": "Ready", "status": "true"}, at, 1)
        yield _stored("kube_node_spec_unschedulable", named, at, cordoned)


def _pods(story: Story) -> Iterator[Stored]:
    at = instants(story, "kube-state-metrics", ASSIST)
    for number, pod in enumerate(story.pods):
        if pod.cluster == ASSIST:
            there, begun = (at >= pod.submitted) & (at <= pod.end), at >= pod.start
            yield from _waiting(pod, number, at[there & ~begun])
            yield from _placed(story, pod, number, at[there & begun])


def _waiting(pod: Pod, number: int, at: Array) -> Iterator[Stored]:
    if at.size:
        yield from _pod(pod, number, at, node="")
        yield _stored("kube_pod_status_phase", _named(pod, number) | {"phase": "Pending"}, at, 1)


def _placed(story: Story, pod: Pod, number: int, at: Array) -> Iterator[Stored]:
    yield from _pod(pod, number, at, node=story.units[pod.units[0]].node)
    named = _named(pod, number)
    yield _stored("kube_pod_status_scheduled_time", named, at, pod.start // 1000)
    yield _stored("kube_pod_start_time", named, at, pod.start // 1000 + 1)
    yield _stored("kube_pod_status_phase", named | {"phase": "Running"}, at, 1)


def _pod(pod: Pod, number: int, at: Array, node: str) -> Iterator[Stored]:
    named = _named(pod, number)
    asked = {"container": "main", "node": node, "resource": RESOURCE, "unit": "integer"}
    labels = {f"label_{key}": value for key, value in pod.claims.items()}
    yield _stored("kube_pod_container_resource_requests", {**named, **asked}, at, len(pod.units))
    yield _stored("kube_pod_info", {**named, "node": node, "pod_ip": _address(number)}, at, 1)
    yield _stored("kube_pod_created", named, at, pod.submitted // 1000)
    yield _stored("kube_pod_labels", named | labels, at, 1)


def _named(pod: Pod, number: int) -> Labels:
    return {**KSM, "namespace": pod.namespace, "pod": pod.name, "uid": f"00000000-0000-4000-8000-{number:012d}"}


def _address(number: int) -> str:
    return f"10.4.0.{number + 10}"


def _queues(story: Story) -> Iterator[Stored]:
    at = instants(story, "kueue", ASSIST)
    for queue in queues.QUEUES:
        of = {**KUEUE, "cohort": queues.COHORT, "cluster_queue": queue.name}
        of |= {"flavor": queues.FLAVOR, "resource": queues.RESOURCE}
        used = np.zeros(at.size, dtype=np.int64)
        for pod in queues.admitted(story, queue):
            used += len(pod.units) * ((at >= pod.start) & (at < pod.end))
        yield _stored("kueue_cluster_queue_nominal_quota", of, at, queue.quota)
        yield _stored("kueue_cluster_queue_resource_usage", of, at, used)


def _engine(story: Story, engine: Engine) -> Iterator[Stored]:
    pod = engine.pod
    target = {
        "job": "vllm",
        "instance": f"{_address(story.pods.index(pod))}:8000",
        "namespace": pod.namespace,
        "pod": pod.name,
    }
    at = instants(story, f"vllm {pod.name}", ASSIST)
    at = at[(at > pod.start) & (at <= pod.end)]
    run = np.searchsorted(np.array(engine.starts), at, side="right") - 1
    started = np.array(engine.starts)[np.maximum(run, 0)]
    up = (run >= 0) & (at >= started + LOADING)
    yield _stored("up", target, at, up)
    yield _stored("process_start_time_seconds", target, at[up], started[up] / 1000)
    named = target | {"engine": "0", "model_name": str(pod.model)}
    for name, labels, amounts in _counted(engine):
        total = np.concatenate([[0], amounts.cumsum()])
        now, before = (total[np.searchsorted(engine.at, t, side="right")] for t in (at[up], started[up]))
        yield _stored(name, named | labels, at[up], now - before)


def _counted(engine: Engine) -> Iterator[tuple[str, Labels, Array]]:
    yield "vllm:prompt_tokens_total", {}, engine.prompt
    yield "vllm:generation_tokens_total", {}, engine.generation
    yield "vllm:request_success_total", {"finished_reason": "stop"}, (~engine.length).astype(np.int64)
    yield "vllm:request_success_total", {"finished_reason": "length"}, engine.length.astype(np.int64)


def _disputed(dispute: Dispute) -> Stored:
    """An exporter whose labels are of another pod than the agent sees; it tells of memory only."""
    labels = {
        "job": "dcgm-exporter",
        "instance": f"{dispute.node}:9400",
        "UUID": dispute.device,
        "modelName": dispute.told_name,
        "Hostname": dispute.node,
        "exported_namespace": GHOST[0],
        "exported_pod": GHOST[1],
    }
    at = np.arange(dispute.start, dispute.end + 1, INTERVAL, dtype=np.int64)
    return _stored("DCGM_FI_DEV_FB_USED", labels, at, MEMORY_MIB, dispute.cluster)
