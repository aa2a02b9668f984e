from __future__ import annotations

import pytest

from accounting.simulate.apis.monitoring import Series, gauge
from collector.cloud.places import chips, slice_of
from collector.wire import UNKNOWN
from tests.collector.cloud.fleet import (
    MINUTE,
    OF,
    V5E,
    Values,
    World,
    at,
    busy,
    container,
    held,
    merged,
    node,
    points,
)

INSTANCE = "4804690163842391072"
CHIPS = [f"{INSTANCE}-{k}" for k in range(4)]
DUTIES = [f"{INSTANCE}-{k}" for k in (4, 5, 12)]
NODE = "gke-tpu-8bf5e5b4-x7pq"


def steady(first: int, last: int, value: float) -> Values:
    return dict.fromkeys(range(first, last + 1), value)


def tensor(chip: str, values: Values, name: str = NODE) -> Series:
    return node("tensorcore_utilization", name, chip, points(values), V5E)


def duty(chip: str, values: Values, name: str = NODE) -> Series:
    return node("duty_cycle", name, chip, points(values), V5E)


def test_duty_cycles_go_to_the_chips_of_their_node_and_the_chip_without_one_is_idle() -> None:
    series = [tensor(chip, steady(1, 60, 20)) for chip in CHIPS]
    series += [duty(chip, steady(1, 60, 10 * k)) for k, chip in enumerate(DUTIES, 1)]
    with World(series) as world:
        told = merged([world.read(0, 120)])

        assert {uuid for uuid, _, _ in told} == set(CHIPS)
        assert [set(busy(told, chip).values()) for chip in CHIPS] == [{6000}, {12000}, {18000}, {0}]
        assert {row[3] for row in told.values()} == {12_000}


def test_idleness_is_told_only_when_no_late_point_is_looked_for_any_more() -> None:
    with World([tensor(CHIPS[0], steady(1, 200, 0))]) as world:
        first, second = world.read(0, 60), world.read(60, 90)

        assert busy(merged([first]), CHIPS[0]) == steady(1, 30, 0)
        assert busy(merged([first, second]), CHIPS[0]) == steady(1, 60, 0)
        assert len({row for one in (first, second) for a in one.activity for row in a.rows}) == 60 + 60


def test_a_late_duty_cycle_stands_over_idleness() -> None:
    late = points(steady(1, 60, 80), late=lambda minute: 500)
    series = [tensor(CHIPS[0], steady(1, 60, 50)), node("duty_cycle", NODE, CHIPS[0], late, V5E)]
    with World(series) as world:
        world.now_ms = at(400)
        first = [world.read(0, 60), world.read(60, 400)]
        world.now_ms = at(2000)
        rest = [world.read(400, 1600)]

        assert busy(merged(first), CHIPS[0]) == steady(1, 60, 0)
        assert busy(merged([*first, *rest]), CHIPS[0]) == steady(1, 60, 48_000)


def test_where_the_node_tells_nothing_nothing_is_known() -> None:
    series = [
        tensor(CHIPS[0], steady(1, 20, 0) | steady(41, 60, 0)),
        tensor(CHIPS[1], steady(1, 60, 0), name="gke-tpu-8bf5e5b4-zzzz"),
    ]
    with World(series) as world:
        told = merged([world.read(0, 120)])

        assert busy(told, CHIPS[0]) == steady(1, 20, 0) | steady(41, 60, 0)


def test_a_machine_that_takes_a_nodes_place_has_chips_of_its_own() -> None:
    new = [f"9904690163842391072-{k}" for k in (0, 1)]
    series = [tensor(chip, steady(1, 60, 5)) for chip in CHIPS[:2]] + [duty(DUTIES[0], steady(1, 60, 10))]
    series += [tensor(chip, steady(66, 120, 5)) for chip in new] + [duty(new[0][:-1] + "4", steady(66, 120, 50))]
    with World(series) as world:
        told = merged([world.read(0, 180)])

        assert busy(told, CHIPS[0]) == steady(1, 60, 6000)
        assert busy(told, CHIPS[1]) == steady(1, 60, 0)
        assert busy(told, new[0]) == steady(66, 120, 30_000)
        assert busy(told, new[1]) == steady(66, 120, 0)


def test_nothing_is_decided_where_the_project_has_no_duty_cycle() -> None:
    described = [one for one in OF.values() if not one.type.endswith("duty_cycle")]
    with World([tensor(CHIPS[0], steady(1, 60, 5))], descriptors=described) as world:
        told = merged([world.read(0, 120)])

        assert {row[1] for row in told.values()} == {UNKNOWN}


def test_the_sum_of_a_node_is_right_whatever_chips_are_called() -> None:
    ids = [f"{INSTANCE}-{k}" for k in (12, 5, 3, 4)]
    series = [tensor(chip, steady(1, 240, 20)) for chip in CHIPS]
    series += [duty(chip, steady(10 * k + 1, 240 - k, 10 * k)) for k, chip in enumerate(ids, 1)]
    with World(series) as world:
        told = merged([world.read(60 * k, 60 * k + 60) for k in range(5)])

        for minute in range(1, 240):
            wanted = sum(6000 * k for k in range(1, 5) if 10 * k + 1 <= minute <= 240 - k)
            assert sum(busy(told, chip).get(minute, 0) for chip in CHIPS) == wanted


def test_more_duty_cycles_than_chips_are_all_told() -> None:
    series = [tensor(CHIPS[0], steady(1, 60, 20)), *(duty(chip, steady(1, 60, 10)) for chip in DUTIES)]
    with World(series) as world:
        told = merged([world.read(0, 120)])

        assert sum(row[1] for row in told.values()) == 3 * 60 * 6000


def test_duty_cycles_that_are_numbered_anew_are_of_the_same_chips() -> None:
    series = [tensor(chip, steady(1, 180, 20)) for chip in CHIPS[:2]]
    series += [duty(f"{INSTANCE}-{k}", steady(1, 60, 10)) for k in (4, 5)]
    series += [duty(f"{INSTANCE}-{k}", steady(121, 180, 30)) for k in (12, 13)]
    with World(series) as world:
        told = merged([world.read(60 * k, 60 * k + 60) for k in range(4)])

        assert {uuid for uuid, _, _ in told} == set(CHIPS[:2])
        for chip in CHIPS[:2]:
            assert busy(told, chip) == steady(1, 60, 6000) | steady(61, 120, 0) | steady(121, 180, 18_000)


def test_a_pods_part_is_of_the_chip_that_its_node_counts() -> None:
    pod = [
        container("tensorcore_utilization", "train", {"accelerator_id": CHIPS[1], **V5E}, points(steady(1, 60, 20))),
        container("duty_cycle", "train", {"accelerator_id": DUTIES[1], **V5E}, points(steady(1, 60, 30))),
    ]
    series = [tensor(chip, steady(1, 60, 20)) for chip in CHIPS] + [duty(c, steady(1, 60, 30)) for c in DUTIES]
    with World(series + pod) as world:
        found = world.read(0, 120)

        assert held([found]) == {(CHIPS[1], "team-a/train"): [(0, 60)]}
        assert busy(merged([found]), CHIPS[1], "team-a/train") == steady(1, 60, 18_000)


def test_a_hand_over_is_one_chip() -> None:
    """The old pod's last points and the new one's first come for the same minutes."""
    of = {"accelerator_id": CHIPS[0], **V5E}
    series = [
        tensor(CHIPS[0], steady(1, 60, 20)),
        duty(CHIPS[0], steady(1, 60, 40)),
        container("duty_cycle", "old", of, points(steady(1, 30, 40))),
        container("duty_cycle", "new", of, points(steady(29, 60, 40))),
    ]
    with World(series) as world:
        found = world.read(0, 120)

        assert busy(merged([found]), CHIPS[0]) == steady(1, 60, 24_000)
        assert len({a.device.uuid for a in found.activity}) == 1
        assert sum(s.quantity_ppm for s in found.stocked) == 8_000_000


def test_a_slice_is_there_with_all_its_chips_while_one_host_tells_anything() -> None:
    other = "gke-tpu-8bf5e5b4-k2lm"
    series = [
        tensor(CHIPS[0], steady(1, 60, 20)),
        tensor("9104690163842391072-0", steady(31, 90, 20), name=other),
        tensor("7704690163842391072-0", steady(1, 20, 20), name="gke-tpu-11112222-abcd"),
    ]
    with World(series) as world:
        found = [world.read(0, 45), world.read(45, 150)]
        stock = [(s.group.place.pool, s.start_ms, s.until_ms, s.quantity_ppm) for one in found for s in one.stocked]

        assert stock == [
            ("gke-tpu-8bf5e5b4", at(0), at(45), 8_000_000),
            ("gke-tpu-11112222", at(0), at(20), 8_000_000),
            ("gke-tpu-8bf5e5b4", at(45), at(90), 8_000_000),
        ]
        places = {a.device.place for one in found for a in one.activity}
        assert {(p.pool, p.node) for p in places if p} == {
            ("gke-tpu-8bf5e5b4", NODE),
            ("gke-tpu-8bf5e5b4", other),
            ("gke-tpu-11112222", "gke-tpu-11112222-abcd"),
        }
        assert {s.group.accelerator for one in found for s in one.stocked} == {"tpu-v5-lite-podslice"}


@pytest.mark.parametrize(("topology", "count"), [("2x4", 8), ("4x4", 16), ("2x2x4", 16), ("1x1", 1), ("", 0), ("a", 0)])
def test_chips_of_a_topology(topology: str, count: int) -> None:
    assert chips(topology) == count


def test_the_slice_of_a_node_is_its_name_without_the_last_part() -> None:
    with World([], slice="^(t.)") as world:
        assert slice_of(world.config, "t3-x-y") == "t3"
        assert slice_of(world.config, "other") == "other"


def test_a_tpu_vm() -> None:
    worker = {"project_id": "p", "resource_container": "77", "location": "us-west4-a", "worker_id": "8866"}

    def series(metric: str, chip: str, values: Values) -> Series:
        of = OF[f"tpu.googleapis.com/accelerator/{metric}"]
        return Series(of, {"accelerator_id": chip}, "tpu.googleapis.com/GceTpuWorker", worker, gauge(points(values)))

    told = [series("tensorcore_utilization", "0", steady(1, 60, 20)), series("duty_cycle", "0", steady(1, 30, 50))]
    with World(told) as world:
        found = merged([world.read(0, 120)])

        assert busy(found, "77/us-west4-a/8866/0") == steady(1, 30, 30_000) | steady(31, 60, 0)


def test_gpus_of_the_ops_agent() -> None:
    def series(metric: str, values: Values, **labels: str) -> Series:
        of = OF[f"agent.googleapis.com/gpu/{metric}"]
        resource = {"project_id": "p", "instance_id": "1234", "zone": "us-west4-a"}
        every = {"model": "NVIDIA L4", "uuid": "GPU-1", "gpu_number": "0", **labels}
        return Series(of, every, "gce_instance", resource, gauge(points(values)))

    told = [
        series("utilization", steady(1, 60, 99.5)),
        series("memory/bytes_used", steady(1, 60, 5), memory_state="used"),
        series("memory/bytes_used", steady(1, 60, 77), memory_state="free"),
    ]
    with World(told) as world:
        found = world.read(0, 120)

        assert {row[1:2] + row[5:6] for row in merged([found]).values()} == {(59_700, 5 * MINUTE)}
        (device,) = {a.device for a in found.activity}
        assert device.place is not None
        assert (device.uuid, device.name, device.place.node) == ("GPU-1", "NVIDIA L4", "1234")
