"""What Google answers badly, late, twice, in parts or not at all."""

from __future__ import annotations

import re
import time

import pytest

from accounting.simulate.apis.monitoring import Described, Fault, Point, Series, gauge
from collector.central.findings import Span, Unanswered
from collector.cloud.config import CloudMonitoring
from collector.cloud.source import Cloud
from tests.collector.cloud.fleet import (
    DESCRIPTORS,
    H100,
    MINUTE,
    OF,
    Values,
    World,
    at,
    busy,
    merged,
    node,
    points,
)

GPUS = [f"GPU-{k}" for k in range(5)]
DAY = 24 * 60


def steady(first: int, last: int, value: float) -> Values:
    return dict.fromkeys(range(first, last + 1), value)


def fleet() -> list[Series]:
    values = {minute: float(minute % 100) for minute in range(1, 241)}
    return [node("duty_cycle", f"n{k}", gpu, points(values), H100) for k, gpu in enumerate(GPUS)]


def test_a_series_that_is_split_over_pages_is_one() -> None:
    with World(fleet()) as one, World(fleet(), page_points=29) as many:
        assert merged([many.read(0, 240)]) == merged([one.read(0, 240)])
        assert len(many.monitoring.asked) > len(one.monitoring.asked) + 40


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "DEADLINE_EXCEEDED"])
@pytest.mark.parametrize("after", [0, 2])
def test_what_passes_is_asked_again(code: str, after: int) -> None:
    with World(fleet(), page_points=97) as world:
        world.monitoring.faults.append(Fault(code=code, times=2, after=after))
        found = world.read(0, 240)

        assert sum(len(a.rows) for a in found.activity) == 5 * 240


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("PERMISSION_DENIED", r"grant roles/monitoring\.viewer on the project p"),
        ("NOT_FOUND", "check `project`"),
        ("UNAUTHENTICATED", "gcloud auth application-default login"),
        ("INVALID_ARGUMENT", "the query was refused"),
    ],
)
@pytest.mark.parametrize("method", ["ListTimeSeries", "ListMetricDescriptors"])
def test_what_does_not_pass_says_what_to_do(code: str, remedy: str, method: str) -> None:
    with World(fleet()) as world:
        world.monitoring.faults.append(Fault(method, code))
        with pytest.raises(Unanswered, match=f"^projects/p: .*{code}.*{remedy}") as refused:
            world.read(0, 60)

        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("code", "remedy"), [("UNAVAILABLE", "not answered within 1 s"), ("RESOURCE_EXHAUSTED", "quota is used up")]
)
def test_what_never_passes_ends(code: str, remedy: str) -> None:
    with World(fleet(), timeout=1) as world:
        world.monitoring.faults.append(Fault(code=code, times=1000))
        began = time.monotonic()
        with pytest.raises(Unanswered, match=remedy):
            world.read(0, 60)

        assert time.monotonic() - began < 10


def test_a_server_that_hangs_is_left() -> None:
    with World(fleet(), timeout=1) as world:
        world.monitoring.faults.append(Fault(times=2, seconds=1.5))
        with pytest.raises(Unanswered, match="not answered within 1 s"):
            world.read(0, 60)


def test_pages_without_end_are_left() -> None:
    with World(fleet(), timeout=1, page_points=10) as world:
        world.monitoring.faults.append(Fault(times=1000, seconds=0.3))
        with pytest.raises(Unanswered, match="not read within 1 s; set a longer `timeout` or a shorter `span`"):
            world.read(0, 240)


def test_nobody_answers() -> None:
    cloud = Cloud(CloudMonitoring(project="p", endpoint="127.0.0.1:1", plaintext=True, timeout=1), lambda: at(0))
    with pytest.raises(Unanswered, match="not answered within 1 s"):
        cloud.read(Span(at(0), at(60)))
    cloud.close()


@pytest.mark.parametrize("after", [0, 3])
def test_a_part_of_an_answer_is_none(after: int) -> None:
    with World(fleet(), page_points=97) as world:
        world.monitoring.faults.append(Fault(partial=True, after=after))
        before = world.cloud.memory()
        with pytest.raises(Unanswered, match="only a part was answered"):
            world.read(0, 240)

        assert world.cloud.memory() == before
        assert sum(len(a.rows) for a in world.read(0, 240).activity) == 5 * 240


def test_late_points_are_told_when_they_come_and_once() -> None:
    late = points(steady(1, 60, 50), late=lambda minute: 20 if 30 < minute <= 40 else 0)
    with World([node("duty_cycle", "n", "GPU-1", late, H100)]) as world:
        world.now_ms = at(45)
        first = world.read(0, 45)
        world.now_ms = at(65)
        second, third = world.read(45, 60), world.read(60, 65)

        assert busy(merged([first]), "GPU-1") == steady(1, 30, 30_000) | steady(41, 45, 30_000)
        assert busy(merged([second]), "GPU-1") == steady(31, 40, 30_000) | steady(46, 60, 30_000)
        assert third.activity == []


def test_what_comes_after_the_look_back_is_told_a_day_later() -> None:
    late = points(steady(1, DAY * 2, 50), late=lambda minute: 300 if 100 < minute <= 160 else 0)
    with World([node("duty_cycle", "n", "GPU-1", late, H100)]) as world:
        found = []
        for hour in range(26):
            world.now_ms = at(60 * hour + 60)
            found.append(world.read(60 * hour, 60 * hour + 60))

        assert all(minute not in busy(merged(found[:24]), "GPU-1") for minute in range(101, 161))
        assert busy(merged(found), "GPU-1") == steady(1, 26 * 60, 30_000)
        assert sum(len(a.rows) for one in found for a in one.activity) == 26 * 60


def test_a_point_that_comes_twice_counts_once() -> None:
    told = [Point(at(k), 10) for k in range(1, 61) for _ in range(1 + k % 2)]
    with World([node("duty_cycle", "n", "GPU-1", told, H100)]) as world:
        assert busy(merged([world.read(0, 60), world.read(30, 60)]), "GPU-1") == steady(1, 60, 6000)


def test_points_without_a_number_are_none() -> None:
    told = points(steady(1, 10, 10) | {11: float("nan"), 12: float("inf")})
    with World([node("duty_cycle", "n", "GPU-1", told, H100)]) as world:
        assert busy(merged([world.read(0, 60)]), "GPU-1") == steady(1, 10, 6000)


def test_only_metrics_that_there_are_are_asked_for_and_descriptors_once_a_day() -> None:
    with World(fleet(), descriptors=DESCRIPTORS[:2], metrics=("gke",)) as world:
        for hour in range(30):
            world.read(60 * hour, 60 * hour + 60)

        types = {re.findall('"([^"]+)"', text)[0] for text in world.monitoring.asked}
        assert types == {one.type for one in DESCRIPTORS[:2]}
        assert world.monitoring.calls["ListMetricDescriptors"] == 2 * 2


@pytest.mark.parametrize(
    ("unit", "value", "share"),
    [("%", 50, 0.5), ("percent", 50, 0.5), ("10^2.%", 0.5, 0.5), ("1", 0.5, 0.5), ("%", 250, 1), ("%", -3, 0)],
)
def test_units_are_brought_to_one(unit: str, value: float, share: float) -> None:
    of = Described("kubernetes.io/node/accelerator/duty_cycle", unit)
    one = node("duty_cycle", "n", "GPU-1", [], H100)
    series = Series(of, one.labels, one.resource, one.resource_labels, gauge(points(steady(1, 3, value))))
    with World([series], descriptors=[of]) as world:
        assert busy(merged([world.read(0, 60)]), "GPU-1") == steady(1, 3, share * MINUTE)


@pytest.mark.parametrize(("unit", "factor"), [("By", 1), ("bytes", 1), ("MiBy", 2**20), ("kBy", 1000)])
def test_bytes_are_bytes(unit: str, factor: int) -> None:
    of = Described("kubernetes.io/node/accelerator/memory_used", unit, value_type="INT64")
    one = node("memory_used", "n", "GPU-1", [], H100)
    series = Series(of, one.labels, one.resource, one.resource_labels, gauge(points({1: 3})))
    with World([series], descriptors=[of]) as world:
        assert [row[5] for row in merged([world.read(0, 60)]).values()] == [3 * factor * MINUTE]


def test_a_unit_that_is_not_known_is_named() -> None:
    described = [Described("kubernetes.io/node/accelerator/duty_cycle", "furlong")]
    with (
        World(fleet(), descriptors=described) as world,
        pytest.raises(Unanswered, match=r"node/accelerator/duty_cycle: its unit 'furlong' is not known"),
    ):
        world.read(0, 60)


def managed(kind: str, labels: dict[str, str], told: dict[int, float], pod: str = "llm-0") -> Series:
    target = {"cluster": "c1", "namespace": "ml", "job": "j", "instance": f"{pod}:8000"}
    of = OF[f"prometheus.googleapis.com/{kind}"]
    return Series(of, {**labels, "pod": pod}, "prometheus_target", target, gauge(points(told)))


def test_what_managed_prometheus_has_is_read_as_from_a_prometheus() -> None:
    gpu = {"UUID": "GPU-1", "modelName": "NVIDIA L4", "Hostname": "n", "namespace": "ml"}
    series = [
        managed("DCGM_FI_DEV_GPU_UTIL/gauge", gpu, steady(1, 60, 44)),
        managed("vllm:prompt_tokens_total/counter", {"model_name": "m"}, {k: 10.0 * k for k in range(1, 61)}),
        managed("vllm:generation_tokens_total/counter", {"model_name": "m"}, {k: 2.0 * k for k in range(1, 61)}),
    ]
    with World(series, metrics=("dcgm", "vllm")) as world:
        found = [world.read(20, 40), world.read(40, 60)]

    rows = [row for one in found for told in one.activity for row in told.rows]
    assert {told.device.uuid for one in found for told in one.activity} == {"GPU-1"}
    assert (sum(row[1] for row in rows), sum(row[2] for row in rows)) == (40 * MINUTE, 40 * MINUTE * 44 // 100)
    assert {hold.workload.id for one in found for hold in one.holds} == {"ml/llm-0"}
    counted = [row for one in found for row in one.counted]
    assert {(row.workload.id, row.model, row.engine) for row in counted} == {("ml/llm-0", "m", "vllm")}
    assert (sum(row.input_tokens for row in counted), sum(row.output_tokens for row in counted)) == (400, 80)


def test_a_device_that_gke_tells_of_is_left_to_gke() -> None:
    gpu = {"UUID": "GPU-1", "modelName": "NVIDIA L4", "Hostname": "n", "namespace": "ml"}
    series = [managed("DCGM_FI_DEV_GPU_UTIL/gauge", gpu, steady(1, 60, 44))]
    series.append(node("duty_cycle", "n", "GPU-1", points(steady(1, 60, 30)), H100))
    with World(series, metrics=("gke", "dcgm")) as world:
        found = world.read(20, 40)

    assert len({told.device.uuid for told in found.activity}) == len(found.activity) == 1
    assert not found.holds
