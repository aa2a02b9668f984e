from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from accounting.simulate.apis.monitoring import gauge
from collector.wire import UNKNOWN
from tests.collector.cloud.fleet import (
    BEGIN_MS,
    H100,
    HOUR,
    MINUTE,
    World,
    at,
    busy,
    container,
    held,
    merged,
    node,
    points,
)

GPU = "GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"


def steady(first: int, last: int, value: float) -> dict[int, float]:
    return dict.fromkeys(range(first, last + 1), value)


@pytest.fixture
def gpu() -> Iterator[World]:
    labels = {"accelerator_id": GPU, **H100}
    with World(
        [
            node("duty_cycle", "gke-h100-1", GPU, points(steady(1, 120, 37.5)), H100),
            node("memory_used", "gke-h100-1", GPU, points(steady(1, 120, 2**30)), H100),
            container("duty_cycle", "train-0", labels, points(steady(10, 40, 50)), team="vision"),
            container("duty_cycle", "train-1", labels, points(steady(40, 90, 25))),
        ]
    ) as world:
        yield world


def test_a_device_is_told_by_its_node_and_its_pods_are_parts(gpu: World) -> None:
    found = gpu.read(0, 120)
    told = merged([found])

    assert busy(told, GPU) == steady(1, 120, 22_500)
    assert busy(told, GPU, "team-a/train-0") == steady(10, 40, 30_000)
    assert busy(told, GPU, "team-a/train-1") == steady(40, 90, 15_000)
    assert {row[5] for key, row in told.items() if not key[1]} == {2**30 * MINUTE}
    assert {row[0] for row in told.values()} == {MINUTE}
    assert {row[2] for row in told.values()} == {UNKNOWN}


def test_where_a_device_is_and_whose_a_part_is(gpu: World) -> None:
    whole, *parts = gpu.read(0, 120).activity

    place = whole.device.place
    assert place is not None
    assert (place.cluster, place.node, place.provider, place.region) == ("c1", "gke-h100-1", "gcp", "us-west4")
    assert whole.device.name == "nvidia-h100-80gb"
    first = parts[0].workload
    assert first is not None
    assert (first.id, first.kind, first.cluster) == ("team-a/train-0", "kubernetes", "c1")
    assert (first.container, first.namespace, first.claims) == ("main", "team-a", {"team": "vision"})


def test_holdings_begin_a_minute_before_the_first_point_and_end_while_the_node_goes_on(gpu: World) -> None:
    found = [gpu.read(0, 30), gpu.read(30, 120)]

    assert held(found) == {(GPU, "team-a/train-0"): [(9, 40)], (GPU, "team-a/train-1"): [(39, 90)]}
    assert [h.closed for h in found[0].holds] == [False]
    assert all(h.closed for h in found[1].holds)
    assert found[0].holds[0].start_ms == found[1].holds[0].start_ms


def test_a_holding_stays_open_where_the_node_is_silent_too() -> None:
    labels = {"accelerator_id": GPU, **H100}
    told = points(steady(1, 20, 10))
    with World([node("duty_cycle", "n", GPU, told, H100), container("duty_cycle", "a", labels, told)]) as world:
        found = [world.read(0, 30), world.read(30, 60)]

        assert [(h.until_ms, h.closed) for one in found for h in one.holds] == [(at(20), False)]


def test_containers_of_a_pod_that_share_a_chip_are_one_part() -> None:
    one = container("duty_cycle", "a", {"accelerator_id": GPU, **H100}, points(steady(1, 60, 10)))
    place = {**one.resource_labels, "container_name": "zz"}
    other = replace(one, resource_labels=place, points=gauge(points(steady(21, 60, 40))))
    with World([node("duty_cycle", "n", GPU, points(steady(1, 60, 40)), H100), one, other]) as world:
        found = world.read(0, 60)

        assert busy(merged([found]), GPU, "team-a/a") == steady(1, 20, 6000) | steady(21, 60, 24_000)
        assert held([found]) == {(GPU, "team-a/a"): [(0, 60)]}


def test_a_short_gap_ends_nothing_and_a_longer_one_does() -> None:
    labels = {"accelerator_id": GPU, **H100}
    values = steady(1, 10, 10) | steady(12, 20, 10) | steady(23, 30, 10)
    series = [node("duty_cycle", "n", GPU, points(steady(1, 60, 10)), H100)]
    with World([*series, container("duty_cycle", "a", labels, points(values))]) as world:
        found = world.read(0, 60)

        assert held([found]) == {(GPU, "team-a/a"): [(0, 20), (22, 30)]}
        assert 11 not in busy(merged([found]), GPU, "team-a/a")


def test_requests_are_told_where_no_chip_is_known_and_only_there() -> None:
    labels = {"accelerator_id": GPU, **H100}
    asked = {"resource_name": "nvidia.com/mig-1g.10gb"}
    series = [
        node("duty_cycle", "n", GPU, points(steady(1, 120, 10)), H100),
        container("duty_cycle", "whole", labels, points(steady(1, 60, 10))),
        container("request", "whole", {"resource_name": "nvidia.com/gpu"}, points(steady(1, 60, 1))),
        container("request", "slice", asked, points(steady(5, 40, 2))),
        container("request", "other", asked, points(steady(1, 120, 1))),
    ]
    with World(series) as world:
        found = [world.read(0, 60), world.read(60, 120)]
        told = {(a.workload.id, a.start_ms): a for one in found for a in one.allocated}

        assert sorted(told) == [("team-a/other", at(0)), ("team-a/slice", at(4))]
        mine = told["team-a/slice", at(4)]
        assert (mine.quantity_ppm, mine.until_ms, mine.closed) == (2_000_000, at(40), True)
        assert (mine.group.accelerator, mine.group.place.cluster) == ("nvidia.com/mig-1g.10gb", "c1")
        assert not told["team-a/other", at(0)].closed


def test_containers_of_one_pod_ask_together() -> None:
    """Seconds apart; the second one is there for half of the time."""
    asked = {"resource_name": "nvidia.com/gpu"}
    first = container("request", "pod", asked, points(steady(1, 120, 1)))
    later = [p._replace(end_ms=p.end_ms + 5_000) for p in points(steady(61, 120, 3))]
    second = container("request", "pod", asked, later)
    second = replace(second, resource_labels=second.resource_labels | {"container_name": "other"})
    with World([node("duty_cycle", "n", GPU, points(steady(1, 120, 10)), H100), first, second]) as world:
        found = [world.read(0, 60), world.read(60, 90), world.read(90, 180)]
        told = {(a.start_ms, a.quantity_ppm): (a.until_ms, a.closed) for one in found for a in one.allocated}

    assert told == {(at(0), 1_000_000): (at(60), True), (at(60), 4_000_000): (at(120), False)}


def test_a_series_at_ten_minutes_tells_of_ten_minutes() -> None:
    values = dict.fromkeys(range(10, 601, 10), 50.0)
    with World([node("duty_cycle", "n", GPU, points(values), H100)]) as world:
        world.now_ms = at(60 * 24 * 60)
        told = merged([world.read(0, 600)])

        assert {row[:2] for row in told.values()} == {(10 * MINUTE, 5 * MINUTE)}
        assert sorted(start for _, _, start in told) == [BEGIN_MS + k * 10 * MINUTE for k in range(60)]


def test_seconds_apart_are_one_minute() -> None:
    busy_points = [p._replace(end_ms=p.end_ms + 37_000) for p in points(steady(1, 60, 10))]
    memory_points = [p._replace(end_ms=p.end_ms + 51_000) for p in points(steady(1, 60, 7))]
    series = [
        node("duty_cycle", "n", GPU, busy_points, H100),
        node("memory_used", "n", GPU, memory_points, H100),
    ]
    with World(series) as world:
        told = merged([world.read(0, 30), world.read(30, 90)])

        assert len(told) == 60
        assert {row[1:2] + row[5:6] for row in told.values()} == {(6000, 7 * MINUTE)}
        assert {start % MINUTE for _, _, start in told} == {37_000}


def test_an_empty_project_tells_nothing(gpu: World) -> None:
    found = gpu.read(-HOUR / MINUTE, -1)

    assert (found.activity, found.holds, found.points) == ([], [], 0)
