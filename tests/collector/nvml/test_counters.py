"""Cheap counters of every driver generation, and a scripted day against its truth."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.collector.nvml.conftest import WALL_MS, Machine, by_uuid, kinds
from tests.fakes.nvml.day import Day, Load
from tests.fakes.nvml.profiles import A100, H100, H200, L4, L40S, T4, Profile


@pytest.mark.parametrize("driver", [470, 515, 575, 590, 610])
def test_each_driver_tells_what_it_has(machine_of: Callable[[int], Machine], driver: int) -> None:
    machine = machine_of(driver)
    gpu = machine.sim.add(H100)
    gpu.gpu_util, gpu.used, gpu.power_mw, gpu.throttle = 87, 20 << 30, 512_345, 0x4
    machine.tick()
    gpu.energy_mj += 512_000
    gpu.gpm_us += 1_000_000
    gpu.gpm[2] += 43.5e6

    tick = machine.tick()

    (reading,) = tick.readings
    assert (reading.busy, reading.power_mw, reading.energy_mj) == (0.87, 512_345, 512_000)
    assert (reading.temperature, reading.throttled, reading.health, reading.flags) == (35, True, 0, 0)
    assert reading.memory_bytes == (20 << 30) + (0 if driver >= 510 else 479 << 20)
    assert reading.sm == (pytest.approx(0.435) if driver >= 525 else None)
    (device,) = tick.devices
    assert (device.name, device.minor, device.bus) == ("NVIDIA H100 80GB HBM3", 0, "00000000:18:00.0")
    assert (device.serial, device.memory_bytes) == ("1650000000000", 81559 << 20)


@pytest.mark.parametrize("profile", [A100, H100, H200, L4, L40S, T4], ids=lambda profile: profile.name)
def test_activity_of_a_device_without_gpm_is_unknown(machine: Machine, profile: Profile) -> None:
    gpu = machine.sim.add(profile)
    machine.tick()
    gpu.gpm_us += 1_000_000
    reading = machine.tick().readings[0]

    assert (reading.sm is not None) == profile.gpm
    assert (reading.tensor is not None) == profile.gpm


def test_a_day_adds_up_to_what_was_scripted(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    work = Load(busy=1.0, sm=0.62, tensor=0.4, dram=0.3, power_w=640)
    day = Day(gpu, [(0, Load()), (4, work), (11, Load(busy=0.4, sm=0.1, power_w=200)), (19, Load())], WALL_MS * 1000)
    machine.tick(0)
    machine.tick()
    day.until(1)
    machine.tick(0)
    readings = []
    for second in range(2, 25):
        day.until(second)
        readings.append(machine.tick().readings[0])

    assert sum(r.busy or 0 for r in readings) == pytest.approx(day.total("busy", 1, 24))
    assert sum(r.sm or 0 for r in readings) == pytest.approx(day.total("sm", 1, 24))
    assert sum(r.tensor or 0 for r in readings) == pytest.approx(day.total("tensor", 1, 24))
    assert sum(r.dram or 0 for r in readings) == pytest.approx(day.total("dram", 1, 24))
    assert sum(r.energy_mj or 0 for r in readings) == pytest.approx(day.total("power_w", 1, 24) * 1000)


def test_the_ring_tells_what_happened_between_two_ticks(machine: Machine) -> None:
    gpu = machine.sim.add(A100)
    day = Day(gpu, [(0, Load(busy=1.0)), (4, Load()), (5, Load(busy=1.0)), (9, Load())], WALL_MS * 1000)
    day.until(5)
    first = machine.tick(5)
    day.until(10)
    second = machine.tick(5)

    assert first.readings[0].busy == 0.0  # what the ring holds from before is not of this tick
    assert second.readings[0].busy == pytest.approx(0.8)
    assert gpu.gpu_util == 0  # the last sample alone would have been wrong


def test_a_step_of_the_wall_clock_does_not_silence_the_ring(machine: Machine) -> None:
    gpu = machine.sim.add(A100)
    day = Day(gpu, [(0, Load(busy=0.5))], WALL_MS * 1000)
    day.until(5)
    machine.tick(5)
    stepped = Day(gpu, [(0, Load(busy=0.25))], (WALL_MS - 3_600_000) * 1000)
    gpu.samples = 0
    stepped.until(6)
    at = machine.at()
    machine.source.tick(type(at)(boot_ns=at.boot_ns + 10**9, wall_ms=at.wall_ms - 3_600_000))
    stepped.until(8)
    gpu.gpu_util = 99
    tick = machine.source.tick(type(at)(boot_ns=at.boot_ns + 3 * 10**9, wall_ms=at.wall_ms - 3_598_000))

    assert tick.readings[0].busy == 0.25


def test_no_activity_at_full_utilization_is_a_contradiction_and_both_are_kept(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    gpu.gpu_util = 100
    machine.tick()
    gpu.gpm_us += 1_000_000
    reading = machine.tick().readings[0]

    assert (reading.busy, reading.sm, reading.flags) == (1.0, 0.0, 1)


def test_a_metric_that_is_not_there_is_unknown_and_not_asked_for_again(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.sim.fail(3, "nvmlDeviceGetPowerUsage")
    machine.tick()
    machine.tick()
    tick = machine.tick()

    assert tick.readings[0].power_mw is None
    assert tick.readings[0].temperature == 35
    assert machine.sim.state.rule[0].hits == 1


def test_a_flaky_call_is_unknown_for_one_tick(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.tick()
    machine.sim.fail(999, "nvmlDeviceGetPowerUsage")
    flaky = machine.tick()
    machine.sim.heal()
    gpu.power_mw = 400_000
    healed = machine.tick()

    assert flaky.readings[0].power_mw is None
    assert flaky.readings[0].health == 0
    assert healed.readings[0].power_mw == 400_000


def test_three_unknown_errors_in_a_row_are_a_lost_device(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.tick()
    machine.sim.fail(999, "nvmlDeviceGetPowerUsage", device=0)
    ticks = [machine.tick() for _ in range(3)]

    assert [kinds(tick) for tick in ticks] == [[], [], [("lost", 999)]]
    assert ticks[2].readings[0].health == 1


def test_an_uncorrectable_error_counts_in_its_tick(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    gpu.ecc_uncorrected = 5
    before = machine.tick()
    gpu.ecc_uncorrected = 6
    health = [machine.tick().readings[0].health for _ in range(2)]

    assert by_uuid(before)[gpu.uuid.decode()].health == 0
    assert health == [4, 0]
