from __future__ import annotations

import pytest

from collector.prometheus.labels import holding_pod
from collector.prometheus.labels import told as label
from tests.collector.prometheus.worlds import GPU, STEP, minute, series, told

UTIL = "DCGM_FI_DEV_GPU_UTIL"
UP = {"job": "dcgm", "instance": "n:1", "pod": "exporter-1", "namespace": "gpu-operator"}


@pytest.mark.parametrize(
    ("more", "holder"),
    [
        ({"pod": "p", "namespace": "ml", "container": "c"}, "ml/p"),
        ({"exported_pod": "p", "exported_namespace": "ml", "pod": "exporter-1", "namespace": "gpu-operator"}, "ml/p"),
        ({"pod_name": "p", "pod_namespace": "ml", "container_name": "c"}, "ml/p"),
        ({"pod": "exporter-1", "namespace": "gpu-operator"}, None),
        ({"pod": "nvidia-dcgm-exporter-x", "namespace": "gpu-operator", "instance": "elsewhere"}, None),
        ({"hpc_job": "4711"}, "4711"),
        ({"pod": "<none>"}, None),
    ],
)
def test_a_holder_is_found_in_the_labels_of_every_version(more: dict[str, str], holder: str | None) -> None:
    found = told([series(UTIL, 5, **{**GPU, **more}), series("up", 1, **UP)])

    assert [w for _, w, _ in found.holds] == ([holder] if holder else [])


@pytest.mark.parametrize("more", [{"Hostname": "n1"}, {"hostname": "n1"}, {"Hostname": "exporter-pod", "node": "n1"}])
def test_the_node_is_the_one_that_kubernetes_knows(more: dict[str, str]) -> None:
    node = {"node": "n1", "resource": "nvidia_com_gpu"}
    stored = [series(UTIL, 5, **GPU, **more), series("kube_node_status_capacity", 1, **node)]
    (group, _, _), _ = told(stored).stocked.popitem()

    # The model that its exporter names stands for what the node has.
    assert (group.place.node, group.accelerator) == ("n1", "Tesla T4")


def test_a_lower_case_uuid_is_one_too() -> None:
    labels = {key: value for key, value in GPU.items() if key != "UUID"}

    assert list(told([series(UTIL, 5, **labels, uuid="GPU-9")]).rows) == ["GPU-9"]


def test_the_copy_that_is_nobodys_is_the_devices() -> None:
    copies = [series(UTIL, value, **GPU, pod=f"p{value}", namespace="ml", vgpu=str(value)) for value in (90, 3)]
    found = told([*copies, series(UTIL, 60, **GPU)])

    assert found.total("GPU-1", 2) == 60 * STEP * 0.6
    assert {w for _, w, _ in found.holds} == {"ml/p90", "ml/p3"}


def test_two_servers_that_scrape_one_exporter_are_one() -> None:
    other = [(at + 17_000, value) for at, value in series(UTIL, 80, **GPU).points]
    stored = [
        series(UTIL, 80, range(31), **GPU, prometheus_replica="a"),
        series(UTIL, 80, **GPU, prometheus_replica="b"),
    ]
    stored[1].points[:] = other
    found = told(stored)

    assert {row[0] + row[1] for row in found.rows["GPU-1"]} == {at for at, _ in other if at <= minute(60)}


def test_what_a_device_in_instances_does_is_told_of_the_instances() -> None:
    name = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    part = series(name, 1.3, **GPU, GPU_I_ID="3", GPU_I_PROFILE="1g.5gb")
    stored = [part, series(name, 0.2, **GPU), series("DCGM_FI_DEV_POWER_USAGE", 100, **GPU)]
    found = told(stored)

    assert found.total("GPU-1/gi3", 2) == 60 * STEP
    assert {row[2:6] for row in found.rows["GPU-1"]} == {(-1, -1, -1, -1)}


def test_signals_that_exclude_each_other_are_marked_and_are_not_idle() -> None:
    found = told([series(UTIL, 100, **GPU), series("DCGM_FI_PROF_SM_ACTIVE", lambda i: 0 if i > 30 else 0.4, **GPU)])

    assert [row[11] for row in found.rows["GPU-1"]] == [0] * 30 + [1] * 30
    assert found.total("GPU-1", 2) == 60 * STEP


def test_what_dcgm_has_no_value_for_is_unknown() -> None:
    blank = float(0x7FFFFFFFFFFFFFF0)
    found = told([series(UTIL, blank, **GPU), series("DCGM_FI_DEV_FB_USED", 100, **GPU)])

    assert {(row[2], row[7]) for row in found.rows["GPU-1"]} == {(-1, 100 << 20)}


def test_energy_without_a_value_is_no_energy() -> None:
    counted = series(
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", lambda i: 0x7FFFFFFFFFFFFFF0 if i == 30 else 1e13 + i, **GPU
    )
    found = told([series(UTIL, 5, **GPU), counted])

    assert [row[8] for row in found.rows["GPU-1"]] == [1] * 29 + [-1] + [1] * 30


def test_a_point_stands_for_two_steps_at_most_and_a_counter_loses_what_nobody_saw() -> None:
    energy = series("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", lambda i: None if 20 < i <= 40 else 1000 * i, **GPU)
    stored = [series(UTIL, lambda i: None if 20 < i <= 40 else 50, **GPU), energy]
    for cuts in ((), (30,), (10, 20, 25, 41, 50)):
        found = told(stored, *cuts)
        assert found.total("GPU-1", 1) == (20 + 2 + 19) * STEP
        assert found.total("GPU-1", 8) == 1000 * (20 + 2 + 19)


def test_an_error_that_was_there_before_is_not_news() -> None:
    xid = series("DCGM_FI_DEV_XID_ERRORS", lambda i: 43 if i < 30 else 79, **GPU)
    for cuts in ((), (29,), (30,), (31, 32)):
        assert [(h.at_ms, h.event.value) for h in told([xid], *cuts).happened] == [(minute(30), 79)]


def test_an_exporters_label_stands_before_the_targets() -> None:
    labels = {"namespace": "monitoring", "exported_namespace": "ml", "pod": "ksm", "exported_pod": "<none>"}

    assert (label(labels, "namespace"), label(labels, "pod")) == ("ml", "ksm")
    assert holding_pod({"pod": "", "pod_name": "p", "pod_namespace": "n"}, {}) == ("n", "p")


def test_an_error_of_the_first_point_is_news_where_the_one_before_had_none() -> None:
    xid = series("DCGM_FI_DEV_XID_ERRORS", lambda i: 79 if i > 0 else 0, **GPU)

    assert [(h.at_ms, h.event.value) for h in told([xid]).happened] == [(minute(1), 79)]
