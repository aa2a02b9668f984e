"""What queues of Kueue may use and do use, asked of the stand-in for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounting.simulate.apis.prometheus import Stored
from tests.collector.prometheus.telling import Told
from tests.collector.prometheus.worlds import minute, series, told

CUTS = [(), (17, 20, 41), tuple(range(1, 60))]
Value = float | Callable[[int], float | None]


def queue(name: str, nominal: Value, used: Value, minutes: range = range(61), /, **labels: str) -> list[Stored]:
    by = {"instance": "kueue-0", "cohort": "all", "flavor": "a100", "resource": "nvidia.com/gpu", **labels}
    return [
        series(metric, value, minutes, cluster_queue=name, **by)
        for metric, value in (
            ("kueue_cluster_queue_nominal_quota", nominal),
            ("kueue_cluster_queue_resource_usage", used),
        )
    ]


def later(stored: list[Stored], ms: int) -> list[Stored]:
    return [Stored(one.labels, [(at + ms, value) for at, value in one.points]) for one in stored]


def alive(minutes: range = range(61)) -> Stored:
    return series("up", 1, minutes, job="kueue")


def levels(found: Told) -> dict[tuple[str, float, float], list[tuple[float, float]]]:
    """By queue, quota and use: from which minute to which."""
    return {
        (name, nominal / 1e6, used / 1e6): [((a - minute(0)) / 60_000, (b - minute(0)) / 60_000) for a, b in intervals]
        for (_, name, _, _, nominal, used), intervals in found.quoted.items()
    }


@pytest.mark.parametrize("cuts", CUTS)
def test_one_borrows_what_another_of_its_cohort_does_not_use(cuts: tuple[int, ...]) -> None:
    stored = [
        *queue("red", 4, lambda i: 6 if 20 < i <= 40 else 3),
        *queue("blue", lambda i: 4 if i <= 30 else 5, 1),
        *queue("alone", 2, 0, cohort=""),
        *queue("red", 32, 7, resource="cpu"),
    ]
    found = told([alive(), *stored], *cuts)

    assert levels(found) == {
        ("red", 4, 3): [(0, 20), (40, 60)],
        ("red", 4, 6): [(20, 40)],
        ("blue", 4, 1): [(0, 30)],
        ("blue", 5, 1): [(30, 60)],
        ("alone", 2, 0): [(0, 60)],
    }
    assert {(name, cohort, flavor) for _, name, cohort, flavor, _, _ in found.quoted} == {
        ("red", "all", "a100"),
        ("blue", "all", "a100"),
        ("alone", "", "a100"),
    }
    assert {(g.place.cluster, g.place.pool, g.accelerator) for g, *_ in found.quoted} == {("", "", "nvidia.com/gpu")}


def test_it_is_of_the_cluster_that_a_label_names_and_of_the_only_kind_that_is_there() -> None:
    node = {"cluster": "c", "instance": "ksm", "node": "n1"}
    there = [
        series("kube_node_status_capacity", 8, **node, resource="nvidia_com_gpu"),
        series("kube_node_labels", 1, **node, label_nvidia_com_gpu_product="Tesla-T4", label_pool="p"),
    ]
    found = told([*there, *queue("red", 4, 1, cluster="c")], cluster_label="cluster", pools=["pool"])

    assert [(g.place.cluster, g.place.pool, g.accelerator) for g, *_ in found.quoted] == [("c", "", "Tesla-T4")]
    assert [group.place.pool for group, *_ in found.stocked] == ["p"]


@pytest.mark.parametrize("cuts", CUTS)
def test_where_quota_or_use_is_missing_nothing_is_known(cuts: tuple[int, ...]) -> None:
    silent = queue("red", 4, lambda i: None if 10 < i <= 30 else 1)
    (only_quota, _), (_, only_use) = queue("blue", 4, 1), queue("green", 4, 1)
    found = told([alive(), *silent, only_quota, only_use], *cuts)

    # A point speaks of two minutes before it at most.
    assert levels(found) == {("red", 4, 1): [(0, 10), (29, 60)]}


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("label", ["prometheus_replica", "instance"])
def test_servers_and_replicas_of_kueue_that_tell_the_same_count_once(cuts: tuple[int, ...], label: str) -> None:
    several = [
        *queue("red", 4, 6, **{label: "a"}),
        *later(queue("red", 4, lambda i: 6 if i % 7 else None, **{label: "b"}), 3_000),
    ]
    assert levels(told([alive(), *several], *cuts)) == {("red", 4, 6): [(0, 60)]}


def test_who_leads_speaks_for_those_that_follow() -> None:
    leads = queue("red", 4, 6, range(31), instance="kueue-0", replica_role="leader")
    follows = queue("red", 4, 1, range(31), instance="kueue-1", replica_role="follower")
    then = queue("red", 4, 5, range(31, 61), instance="kueue-1", replica_role="leader")

    assert levels(told([alive(), *leads, *follows, *then])) == {("red", 4, 6): [(0, 30)], ("red", 4, 5): [(30, 60)]}
    assert levels(told([alive(range(31)), *follows])) == {("red", 4, 1): [(0, 30)]}


def test_a_quota_does_not_need_what_waits_nor_the_other_way_round() -> None:
    waits = series("kueue_cluster_queue_resource_pending", 2, cluster_queue="red", resource="nvidia.com/gpu")

    assert told([alive(), *queue("red", 4, 1)]).allocated == {}
    both = told([alive(), *queue("red", 4, 1), waits])
    assert [value[2] for value in both.allocated.values()] == [2_000_000]
    assert levels(both) == {("red", 4, 1): [(0, 60)]}
