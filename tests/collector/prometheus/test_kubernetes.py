from __future__ import annotations

from collections.abc import Callable

import pytest

from accounting.simulate.apis.prometheus import Prometheus as StandIn
from accounting.simulate.apis.prometheus import Stored
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.resources import Node, accelerator, is_accelerator
from collector.prometheus.source import PrometheusSource
from tests.collector.prometheus.telling import spans
from tests.collector.prometheus.worlds import GPU, START, minute, series, told

UTIL = "DCGM_FI_DEV_GPU_UTIL"
REQUESTS = "kube_pod_container_resource_requests"
Value = float | Callable[[int], float | None]


def pod(value: Value = 1, name: str = "p", node: str = "n1", **more: str) -> list[Stored]:
    """A pod with a request and a node while `value` tells of it."""
    known = {"namespace": "ml", "pod": name, "uid": f"uid-{name}", **more}
    return [series(REQUESTS, value, **known, container="c", node=node, resource="nvidia_com_gpu"), alive()]


def alive() -> Stored:
    return series("kube_node_status_capacity", 8, node="n1", resource="nvidia_com_gpu")


def of(name: str, value: Value, pod: str = "p", **more: str) -> Stored:
    return series(name, value, **{"namespace": "ml", "pod": pod, "uid": f"uid-{pod}", **more})


def seconds(i: float) -> float:
    return minute(i) / 1000


def between(first: int, last: int, value: float = 1) -> Callable[[int], float | None]:
    return lambda i: value if first < i <= last else None


CUTS = [(), (10,), (29, 30, 31), (5, 15, 25, 35, 45, 55)]


@pytest.mark.parametrize("cuts", CUTS)
def test_a_pod_that_succeeds_holds_no_more_though_its_exporter_says_so(cuts: tuple[int, ...]) -> None:
    done = [
        of("kube_pod_completion_time", lambda i: seconds(29.5) if i >= 30 else None),
        of("kube_pod_status_phase", lambda i: float(i >= 30), phase="Succeeded"),
        of("kube_pod_status_scheduled_time", seconds(-5)),
    ]
    found = told([*pod(), *done, series(UTIL, 5, **GPU, pod="p", namespace="ml")], *cuts)

    # The exporter's points of minute 30 tell of a time in which it ended.
    assert found.holds == {("GPU-1", "ml/p", minute(0)): (minute(29.5), True)}
    assert [(key[3], *value[:4]) for key, value in found.allocated.items()] == [
        (minute(-5), minute(29.5), True, 1_000_000, "Succeeded")
    ]


@pytest.mark.parametrize("cuts", CUTS)
def test_a_pod_that_waits_and_starts_is_told_as_both(cuts: tuple[int, ...]) -> None:
    created = of("kube_pod_created", between(5, 60, seconds(5)))
    scheduled = of("kube_pod_status_scheduled_time", between(29, 60, seconds(29.5)))
    found = told([*pod(between(5, 60), node=""), created, scheduled], *cuts)

    assert {(key[2], key[3]): value[:2] for key, value in found.allocated.items()} == {
        (minute(5), None): (minute(29.5), True),
        (minute(5), minute(29.5)): (minute(60), False),
    }


@pytest.mark.parametrize("cuts", CUTS)
def test_a_name_goes_from_pod_to_pod(cuts: tuple[int, ...]) -> None:
    first, second = ({"uid": uid} for uid in ("first", "second"))
    stored = [
        *pod(between(0, 30), **first),
        *pod(between(40, 60), **second),
        of("kube_pod_status_scheduled_time", between(0, 30, seconds(0)), **first),
        of("kube_pod_status_scheduled_time", between(40, 60, seconds(39.5)), **second),
        series(UTIL, 5, **GPU, pod="p", namespace="ml"),
    ]
    found = told(stored, *cuts)

    assert found.holds == {
        ("GPU-1", "ml/p", minute(0)): (minute(30), True),
        ("GPU-1", "ml/p", minute(39.5)): (minute(60), False),
    }


@pytest.mark.parametrize("cuts", CUTS)
def test_labels_that_an_exporter_loses_do_not_end_a_pod(cuts: tuple[int, ...]) -> None:
    held, free = between(0, 60), series(UTIL, lambda i: 5 if 30 < i <= 33 else None, **GPU)
    labeled = series(UTIL, lambda i: None if 30 < i <= 33 else 5, **GPU, pod="p", namespace="ml")
    scheduled = of("kube_pod_status_scheduled_time", seconds(0))
    with_kube, without = told([*pod(held), scheduled, labeled, free], *cuts), told([labeled, free], *cuts)

    assert with_kube.hours("ml/p") == 1
    assert without.hours("ml/p") == 57 / 60


def test_kube_state_metrics_that_is_not_there_ends_no_pod() -> None:
    stored = pod(between(0, 20))
    stored[-1] = series("kube_node_status_capacity", between(0, 20, 8), node="n1", resource="nvidia_com_gpu")

    assert [value[:2] for value in told(stored).allocated.values()] == [(minute(20), False)]


def test_labels_are_claims_and_those_of_the_namespace_stand_over_them() -> None:
    stored = [
        *pod(),
        of("kube_pod_labels", 1, label_team="red", label_cost_center="7", label_llm_d_ai_model="m"),
        series("kube_namespace_labels", 1, namespace="ml", label_team="blue"),
    ]
    server = StandIn(stored)
    found = PrometheusSource(Config(url=server.url)).read(*spans(START, minute(60)))
    server.close()

    assert found.allocated[0].workload.claims == {"team": "blue", "cost_center": "7", "model": "m"}


def test_what_prometheus_keeps_of_the_exporter_is_not_the_pods() -> None:
    own = {"namespace": "monitoring", "pod": "ksm-1", "node": "n9", "container": "ksm"}
    theirs = {"exported_namespace": "ml", "exported_pod": "p", "exported_node": "n1", "exported_container": "c"}
    stored = [
        series(REQUESTS, 2, **own, **theirs, resource="nvidia_com_gpu"),
        series("kube_pod_owner", 1, **own, **theirs, owner_kind="Job", owner_name="j", owner_is_controller="true"),
        series("kube_node_status_capacity", 8, node="n9", exported_node="n1", resource="nvidia_com_gpu"),
    ]
    found = told(stored)
    ((key, value),) = found.allocated.items()

    assert (key[0].place.node, key[1], value[2], value[4]) == ("n1", "ml/p", 2_000_000, "Job/j")


def test_one_server_of_many_clusters_keeps_them_apart() -> None:
    stored = [one for name in "ab" for one in pod(cluster=name)]
    found = told(stored, cluster_label="cluster", selector='cluster=~"a|b|c"')

    assert [key[0].place.cluster for key in found.allocated] == ["a", "b"]
    assert told(stored, selector='cluster="c"').allocated == {}


@pytest.mark.parametrize(
    ("more", "conditions"),
    [
        ([], {("ready", 8)}),
        (
            [series("kube_node_status_allocatable", 6, node="n1", resource="nvidia_com_gpu")],
            {("ready", 6), ("unhealthy", 2)},
        ),
        ([series("kube_node_spec_unschedulable", 1, node="n1")], {("maintenance", 8)}),
        ([series("kube_node_spec_unschedulable", 1, node="n1"), *pod()], {("ready", 8)}),
        ([series("kube_node_status_condition", 0, node="n1", condition="Ready", status="true")], {("unhealthy", 8)}),
        (
            [series("kube_node_status_condition", 0, node="n1", condition="MemoryPressure", status="true")],
            {("ready", 8)},
        ),
    ],
)
def test_capacity_is_in_the_condition_of_its_node(more: list[Stored], conditions: set[tuple[str, int]]) -> None:
    found = told([alive(), *more])

    assert {(condition, ppm // 1_000_000) for _, condition, ppm in found.stocked} == conditions


@pytest.mark.parametrize("cuts", CUTS)
def test_a_queue_that_only_counts_waits_for_one_accelerator_each(cuts: tuple[int, ...]) -> None:
    pending = [
        series("kueue_pending_workloads", lambda i: 2 if 10 < i <= 20 else 0, cluster_queue=queue, status=status)
        for queue in ("gpus", "cpus")
        for status in ("active", "inadmissible")
    ]
    quota = series("kueue_cluster_queue_nominal_quota", 8, cluster_queue="gpus", flavor="f", resource="nvidia.com/gpu")
    found = told([alive(), *pending, quota], *cuts)

    assert {key[1:]: value[:3] for key, value in found.allocated.items()} == {
        ("kueue:gpus", minute(10), None): (minute(20), True, 4_000_000)
    }
    assert told([alive(), *pending]).allocated == {}


def test_whose_an_engine_is() -> None:
    server = StandIn([*pod(), of("kube_pod_info", 1, node="n1", pod_ip="10.0.0.7")])
    source = PrometheusSource(Config(url=server.url))
    source.read(*spans(START, minute(60)))
    server.close()
    asked = [
        {"namespace": "ml", "pod": "p", "instance": "10.0.0.7:8000"},
        {"instance": "10.0.0.7:8000"},
        {"namespace": "ml", "pod": "other"},
        {"instance": "host-1:8000"},
    ]

    assert [(w.id, w.kind, w.uid) for w in map(source.workload_of, asked)] == [
        ("ml/p", "kubernetes", "uid-p"),
        ("ml/p", "kubernetes", "uid-p"),
        ("ml/other", "kubernetes", ""),
        ("host-1:8000", "host", ""),
    ]


@pytest.mark.parametrize(
    ("resource", "node", "name"),
    [
        ("nvidia_com_gpu", Node(product="NVIDIA-L4", model="NVIDIA L4"), "NVIDIA L4"),
        ("nvidia_com_gpu", Node(product="NVIDIA-L4"), "NVIDIA-L4"),
        ("nvidia_com_gpu", Node(), "nvidia.com/gpu"),
        ("nvidia_com_gpu", Node(product="NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"), "NVIDIA-A100-SXM4-40GB MIG 1g.5gb"),
        ("nvidia_com_mig_1g_10gb_me", Node(model="NVIDIA H100"), "NVIDIA H100 MIG 1g.10gb+me"),
        ("google_com_tpu", Node(tpu="tpu-v6e-slice"), "tpu-v6e-slice"),
        ("google_com_tpu", Node(), "google.com/tpu"),
        ("amd_com_gpu", Node(), "amd.com/gpu"),
    ],
)
def test_what_a_unit_of_a_resource_is(resource: str, node: Node, name: str) -> None:
    assert accelerator(resource, node) == name


def test_memory_and_cores_of_a_device_are_no_accelerators() -> None:
    assert [r for r in ("nvidia.com/gpumem", "nvidia.com/gpucores", "cpu", "nvidia.com/gpu") if is_accelerator(r)] == [
        "nvidia.com/gpu"
    ]


def test_two_servers_that_scrape_at_other_instants_make_no_gaps() -> None:
    """Three seconds and fifty-seven lie between their points; neither is the step of one."""

    def scraped(server: str, late_ms: int) -> list[Stored]:
        by = {"prometheus_replica": server, "instance": "ksm"}
        capacity = series("kube_node_status_capacity", 8, **by, node="n1", resource="nvidia_com_gpu")
        queue = series("kueue_cluster_queue_resource_pending", 4, **by, cluster_queue="q", resource="nvidia.com/gpu")
        return [Stored(s.labels, [(at + late_ms, value) for at, value in s.points]) for s in (capacity, queue)]

    found = told([*scraped("a", 0), *scraped("b", 3_000)], *range(1, 60))

    assert [(until - start) / 60_000 for spans in found.stocked.values() for start, until in spans] == [60]
    assert [(key[2], value[0]) for key, value in found.allocated.items()] == [(minute(0), minute(60))]


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize(("before", "after"), [("a", "b"), ("b", "a")])
def test_labels_that_change_are_those_that_were_told_last(cuts: tuple[int, ...], before: str, after: str) -> None:
    pools = [
        series("kube_node_labels", between(*of), node="n1", label_cloud_google_com_gke_nodepool=pool)
        for pool, of in ((before, (-1, 29)), (after, (29, 60)))
    ]
    found = told([*pod(), *pools], *cuts)

    assert {key[0].place.pool for key, (until, *_) in found.allocated.items() if until == minute(60)} == {after}
    assert [group.place.pool for (group, *_), spans in found.stocked.items() if spans[-1][1] == minute(60)] == [after]
