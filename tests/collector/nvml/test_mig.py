"""MIG: sparse slots, instances that come and go while they are sampled, and what there is no measure for."""

from __future__ import annotations

import pytest

from tests.collector.nvml.conftest import Machine, by_pid, by_uuid, kinds
from tests.fakes.nvml.profiles import A100_MIG, H100, H100_MIG, H200_MIG
from tests.fakes.nvml.stub import Instance


def worked(instance: Instance, graphics: float, sm: float) -> None:
    instance.gpm_us += 1_000_000
    instance.gpm[1] += graphics * 1e8
    instance.gpm[2] += sm * 1e8


def test_instances_are_devices_of_their_own_behind_holes(machine: Machine) -> None:
    gpu = machine.sim.add(H100_MIG)
    gpu.instance[0].exists = 0
    tick = machine.tick()

    parent, *instances = tick.devices
    assert [(device.profile, device.memory_bytes >> 20) for device in instances] == [
        ("3g.40gb", 40448),
        ("2g.20gb", 20096),
        ("1g.10gb", 9984),
        ("1g.10gb", 9984),
    ]
    assert {device.parent for device in instances} == {parent.uuid}
    assert [device.instance for device in instances] == [2, 3, 9, 10]
    assert len({device.uuid for device in tick.devices}) == 5
    assert len(tick.readings) == 5


def test_an_instance_is_busy_by_gpm_and_its_parent_is_not_known(machine: Machine) -> None:
    gpu = machine.sim.add(H100_MIG)
    machine.tick()
    worked(gpu.instance[1], 0.9, 0.45)
    gpu.instance[1].used = 5 << 30
    for position in (2, 3, 4):
        worked(gpu.instance[position], 0.0, 0.0)
    gpu.energy_mj += 300_000
    readings = by_uuid(machine.tick())

    busy = readings[gpu.instance[1].uuid.decode()]
    assert [busy.busy, busy.sm] == pytest.approx([0.9, 0.45])
    assert busy.memory_bytes == 5 << 30
    assert busy.energy_mj is None
    assert readings[gpu.instance[2].uuid.decode()].busy == 0.0
    parent = readings[gpu.uuid.decode()]
    assert (parent.busy, parent.sm, parent.energy_mj, parent.power_mw) == (None, None, 300_000, 71_270)


def test_without_gpm_an_instance_is_not_idle_but_unknown(machine: Machine) -> None:
    machine.sim.add(A100_MIG)
    machine.tick()

    assert {reading.busy for reading in machine.tick().readings} == {None}


def test_compute_instances_that_share_a_gpu_instance_have_no_activity_of_their_own(machine: Machine) -> None:
    gpu = machine.sim.add(H200_MIG)
    machine.tick()
    for instance in gpu.instance:
        worked(instance, 0.5, 0.5)
    tick = machine.tick()

    busy = {device.profile: by_uuid(tick)[device.uuid].busy for device in tick.devices if device.parent}
    assert busy == {"1c.3g.71gb": None, "2c.3g.71gb": None, "2g.35gb": 0.5, "1g.18gb": 0.5}


def test_reconfiguration_while_sampling_starts_anew_where_an_id_is_reused(machine: Machine) -> None:
    gpu = machine.sim.add(H100_MIG)
    machine.tick()
    worked(gpu.instance[3], 1.0, 1.0)
    gone = machine.tick().devices[3].uuid
    gpu.instance[3].exists = 0
    machine.sim.partition(gpu, 5, "1g.10gb+me", gi=9)
    gpu.instance[5].gpm[1] = 7e9  # counters of the reused GPU instance have a past
    gpu.instance[5].gpm_us = 90_000_000
    changed = machine.tick()
    worked(gpu.instance[5], 0.25, 0.25)
    after = machine.tick()

    fresh = gpu.instance[5].uuid.decode()
    assert kinds(changed) == [("layout", -1)]
    assert changed.events[0].text == "3g.40gb 2g.20gb 1g.10gb 1g.10gb+me"
    assert gone not in by_uuid(changed)
    assert by_uuid(changed)[fresh].busy is None
    assert by_uuid(after)[fresh].busy == pytest.approx(0.25)
    assert kinds(after) == []


def test_mig_switched_on_and_off_changes_what_can_be_known(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    gpu.gpu_util = 40
    whole = machine.tick()
    part = machine.sim.partition(gpu, 2, "1g.10gb", gi=7)
    gpu.accounting_mode = 0  # MIG forces it off
    parted = machine.tick()
    part.exists = gpu.mig_mode = 0
    again = machine.tick()

    assert [tick.readings[0].busy for tick in (whole, parted, again)] == [0.4, None, 0.4]
    assert [len(tick.devices) for tick in (whole, parted, again)] == [1, 2, 1]
    assert kinds(parted) == kinds(again) == [("layout", -1)]
    assert gpu.accounting_mode == 1


def test_an_instance_destroyed_between_two_calls_costs_only_itself(machine: Machine) -> None:
    machine.sim.add(H100_MIG)
    machine.tick()
    machine.sim.fail(2, "nvmlGpmMigSampleGet", after=1)
    tick = machine.tick()

    assert len(tick.readings) == 5
    assert tick.readings[0].power_mw == 71_270
    assert kinds(tick) == []


def test_processes_are_of_their_instance(machine: Machine) -> None:
    gpu = machine.sim.add(H100_MIG)
    machine.sim.process(gpu, machine.start(4001), part=gpu.instance[1])
    machine.sim.process(gpu, machine.start(4002), part=gpu.instance[4])
    found = by_pid(machine.tick())

    assert {pid: process.uuid for pid, process in found.items()} == {
        4001: gpu.instance[1].uuid.decode(),
        4002: gpu.instance[4].uuid.decode(),
    }
    assert {process.busy for process in found.values()} == {None}


def test_instances_are_read_on_after_another_device_was_lost(machine: Machine) -> None:
    gpu = machine.sim.add(H100_MIG)
    machine.sim.add(H100)
    machine.tick()
    machine.sim.fail(15, device=1)
    machine.tick()
    busy = []
    for _ in range(3):
        worked(gpu.instance[1], 0.5, 0.5)
        busy.append(by_uuid(machine.tick())[gpu.instance[1].uuid.decode()].busy)

    assert busy == [None, pytest.approx(0.5), pytest.approx(0.5)]
