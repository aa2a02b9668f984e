"""A hung call stalls nobody but its own readings, and is never closed under."""

from __future__ import annotations

import time

import pytest

from collector.nvml.errors import Restart
from collector.nvml.watch import Watch
from collector.source import Tick
from tests.collector.nvml.conftest import Machine
from tests.fakes.nvml.profiles import H100


def poll(machine: Machine, watch: Watch, deadline_s: float = 5) -> Tick | None:
    machine.second += 1
    return watch.poll(machine.at(), deadline_s)


def test_a_hung_call_costs_its_deadline_and_its_tick_comes_late(machine: Machine) -> None:
    machine.sim.add(H100)
    watch = machine.watched()
    assert poll(machine, watch) is not None
    machine.sim.fail(function="nvmlDeviceGetPowerUsage", delay_s=60)
    asked = machine.second + 1
    begun = time.monotonic()
    hung = [poll(machine, watch, 0.1) for _ in range(3)]
    took = time.monotonic() - begun
    since = watch.hangs_since
    closed = watch.close(0.1)

    assert hung == [None] * 3
    assert took < 1
    assert since is not None
    assert since.boot_ns == asked * 10**9 + 10**12
    assert (closed, machine.source.holds_driver) == (False, True)

    machine.sim.heal()
    late = poll(machine, watch)
    assert late is not None
    assert (late.at, late.readings[0].power_mw) == (since, 69_850)
    assert watch.close(5)
    assert not machine.source.holds_driver


def test_work_goes_on_after_a_hung_call(machine: Machine) -> None:
    machine.sim.add(H100)
    watch = machine.watched()
    poll(machine, watch)
    machine.sim.fail(function="nvmlDeviceGetPowerUsage", delay_s=60)
    assert poll(machine, watch, 0.1) is None
    machine.sim.heal()
    poll(machine, watch)
    tick = poll(machine, watch)

    assert tick is not None
    assert tick.at == machine.at()
    assert watch.close(5)
    assert not machine.source.holds_driver


def test_what_the_source_raises_reaches_the_poll(machine: Machine) -> None:
    machine.sim.add(H100)
    watch = machine.watched()
    assert poll(machine, watch) is not None
    machine.sim.fail(18, "nvmlDeviceGetPowerUsage")
    with pytest.raises(Restart):
        poll(machine, watch)
    machine.sim.heal()

    tick = poll(machine, watch)
    assert tick is not None
    assert len(tick.readings) == 1
