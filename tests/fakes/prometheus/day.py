"""A day of a small fleet as dcgm-exporter, kube-state-metrics and Kueue tell it, scraped once a minute.

| node | has | what happens |
|---|---|---|
| a | two A100 | ml/train holds the first from 02:00 to 08:00 at 80 %; its driver is reloaded at 05:00 |
| b | an A100 in two instances | ml/infer holds the smaller from 06:00 to 18:00 at 50 % |
| c | an A100 cut in two by time | ml/s1 and ml/s2 hold it all day, at 40 % together |
| d | an A100 | ml/long holds it from 10:00; the node dies at 12:00 |
| e | four chips of a TPU | nobody |

ml/wait asks for a GPU from 20:00 on. In Kueue four GPUs wait from 09:00, two from 10:00, none from 11:00.
Its queues team-a and team-b, of one cohort, have two GPUs each and use one, team-a three from 08:00 to 11:00.
The exporter goes on to name ml/train for 20 minutes after its end.
"""

from __future__ import annotations

from collections.abc import Callable

from accounting.simulate.apis.prometheus import Stored

MINUTE = 60_000
START_MS = 1_772_323_200_000
"""2026-03-01T00:00:00Z."""
END_MS = START_MS + 1440 * MINUTE
POWER_W = 300
TAINT = 20

Value = Callable[[int], float | None]
_A100 = "NVIDIA A100-SXM4-80GB"
_GPU = "nvidia_com_gpu"


def at(hour: float) -> int:
    """An hour of the day in Unix ms."""
    return START_MS + round(hour * 60) * MINUTE


def fleet() -> list[Stored]:
    """All series of the day, of which minute i tells of the minute before it."""
    return [*_node_a(), *_node_b(), *_node_c(), *_node_d(), *_nodes(), *_pods(), *_kueue()]


def stored(name: str, value: Value, /, **labels: str) -> Stored:
    """A series of the day; None: no point."""
    points = [(START_MS + i * MINUTE, float(v)) for i in range(1441) if (v := value(i)) is not None]
    return Stored({"__name__": name, **labels}, points)


def _within(first: float, last: float, value: float = 1) -> Value:
    return lambda i: value if first * 60 < i <= last * 60 else None


def _without(first: float, last: float, value: float) -> Value:
    return lambda i: None if first * 60 < i <= last * 60 else value


def _gpu(node: str, index: str = "0", /, **more: str) -> dict[str, str]:
    return {
        "job": "dcgm",
        "instance": f"{node}:9400",
        "gpu": index,
        "UUID": f"GPU-{node}{index}",
        "device": f"nvidia{index}",
        "modelName": _A100,
        "Hostname": node,
        **more,
    }


def _pod(name: str) -> dict[str, str]:
    return {"exported_namespace": "ml", "exported_pod": name, "exported_container": "main"}


def energy(i: int) -> float:
    """The counter of the first device of node a, which began anew with its driver at 05:00."""
    return POWER_W * 60_000 * (i if i <= 300 else i - 300)


def _node_a() -> list[Stored]:
    gone = 8 + TAINT / 60
    train, free = _gpu("a", **_pod("train")), _gpu("a")
    return [
        stored("DCGM_FI_DEV_GPU_UTIL", lambda i: 80 if 120 < i <= 480 else (0 if 480 < i <= 500 else None), **train),
        stored("DCGM_FI_DEV_GPU_UTIL", _without(2, gone, 0), **free),
        stored("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", lambda i: energy(i) if 120 < i <= 500 else None, **train),
        stored("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", lambda i: None if 120 < i <= 500 else energy(i), **free),
        stored("DCGM_FI_DEV_FB_USED", _within(2, gone, 40_000), **train),
        stored("DCGM_FI_DEV_FB_USED", _without(2, gone, 0), **free),
        stored("DCGM_FI_DEV_XID_ERRORS", lambda i: 79 if i >= 300 else 0, **free),
        stored("DCGM_FI_DEV_GPU_UTIL", lambda i: 0, **_gpu("a", "1")),
        stored("up", lambda i: 1, job="dcgm", instance="a:9400"),
    ]


def _node_b() -> list[Stored]:
    small = _gpu("b", GPU_I_ID="7", GPU_I_PROFILE="1g.10gb")
    large = _gpu("b", GPU_I_ID="3", GPU_I_PROFILE="2g.20gb")
    name = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    return [
        stored(name, _within(6, 18, 0.5), **small, **_pod("infer")),
        stored(name, _without(6, 18, 0), **small),
        stored(name, lambda i: 0.25, **large),
        stored("DCGM_FI_DEV_POWER_USAGE", lambda i: 200, **small),
        stored("DCGM_FI_DEV_POWER_USAGE", lambda i: 200, **large),
    ]


def _node_c() -> list[Stored]:
    return [
        stored("DCGM_FI_DEV_GPU_UTIL", lambda i: 40, **_gpu("c", vgpu=str(n), **_pod(f"s{n + 1}"))) for n in range(2)
    ]


def _node_d() -> list[Stored]:
    return [
        stored("DCGM_FI_DEV_GPU_UTIL", lambda i: 0 if i <= 600 else None, **_gpu("d")),
        stored("DCGM_FI_DEV_GPU_UTIL", _within(10, 12, 100), **_gpu("d", **_pod("long"))),
    ]


def _nodes() -> list[Stored]:
    found = []
    ksm = {"job": "ksm", "instance": "k:8080"}
    has = {
        "a": (_GPU, 2, {}),
        "b": ("nvidia_com_mig_1g_10gb", 1, {}),
        "c": (_GPU, 2, {"label_nvidia_com_gpu_replicas": "2"}),
        "d": (_GPU, 1, {}),
        "e": ("google_com_tpu", 4, {"label_cloud_google_com_gke_tpu_accelerator": "tpu-v5-lite-podslice"}),
    }
    for node, (resource, count, more) in has.items():
        named = {**ksm, "node": node}
        of = {**named, "resource": resource, "unit": "integer"}
        pool = {"label_cloud_google_com_gke_nodepool": "tpus" if node == "e" else "gpus"}
        found += [
            stored("kube_node_status_capacity", _constant(count), **of),
            stored("kube_node_status_allocatable", _constant(count), **of),
            stored("kube_node_labels", _constant(1), **named, **pool, **more),
            stored(
                "kube_node_status_condition",
                lambda i, node=node: 0 if node == "d" and i > 725 else 1,  # type: ignore[misc]
                **named,
                condition="Ready",
                status="true",
            ),
            stored("kube_node_spec_unschedulable", _constant(0), **named),
        ]
    return found


def _constant(value: float) -> Value:
    return lambda i: value


def _pods() -> list[Stored]:
    return [
        *_asks("train", 2, 8, "a", owner=("Job", "train-job")),
        *_asks("infer", 6, 18, "b", resource="nvidia_com_mig_1g_10gb", owner=("ReplicaSet", "infer-5d9")),
        *_asks("s1", 0, 24, "c", begun=-1),
        *_asks("s2", 0, 24, "c", begun=-1),
        *_asks("long", 10, 24, "d"),
        *_asks("wait", 20, 24, ""),
        stored(
            "kube_replicaset_owner",
            _constant(1),
            namespace="ml",
            replicaset="infer-5d9",
            owner_kind="Deployment",
            owner_name="infer",
            owner_is_controller="true",
        ),
    ]


def _asks(
    name: str,
    first: float,
    last: float,
    node: str,
    resource: str = _GPU,
    owner: tuple[str, str] | None = None,
    begun: float | None = None,
) -> list[Stored]:
    """A pod that is there between two hours, on a node since the first, or since the hour `begun`."""
    known = {"job": "ksm", "instance": "k:8080", "namespace": "ml", "pod": name, "uid": f"uid-{name}"}
    since = at(first if begun is None else begun) / 1000
    found = [
        stored(
            "kube_pod_container_resource_requests",
            _within(first, last),
            **known,
            container="main",
            node=node,
            resource=resource,
            unit="integer",
        ),
        stored("kube_pod_info", _within(first, last), **known, node=node, pod_ip=f"10.0.0.{len(name)}"),
        stored("kube_pod_created", _within(first, last, since), **known),
        stored("kube_pod_labels", _within(first, last), **known, label_team="red"),
    ]
    if node:
        found.append(stored("kube_pod_status_scheduled_time", _within(first, last, since), **known))
    if owner:
        kind, of = owner
        more = {"owner_kind": kind, "owner_name": of, "owner_is_controller": "true"}
        found.append(stored("kube_pod_owner", _within(first, last), **known, **more))
    return found


def _kueue() -> list[Stored]:
    def waiting(i: int) -> float:
        return 4 if 540 < i <= 600 else (2 if 600 < i <= 660 else 0)

    found = [stored("kueue_cluster_queue_resource_pending", waiting, cluster_queue="team-a", resource="nvidia.com/gpu")]
    for queue, used in (("team-a", _within(8, 11, 3)), ("team-b", _within(0, 24))):
        found += _quota(queue, used)
    return found


def _quota(queue: str, used: Value) -> list[Stored]:
    of = {"cohort": "research", "cluster_queue": queue, "flavor": "a100", "resource": "nvidia.com/gpu"}
    return [
        stored("kueue_cluster_queue_nominal_quota", lambda _: 2, **of),
        stored("kueue_cluster_queue_resource_usage", lambda i: used(i) or 1, **of),
    ]
