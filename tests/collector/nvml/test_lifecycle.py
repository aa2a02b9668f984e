"""Lost devices, reloaded drivers, XIDs: what goes on, what is unknown, what comes back."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable

import pytest

from collector.nvml.errors import Restart
from collector.nvml.facts import facts
from collector.nvml.looks import Looks
from collector.nvml.source import Nvml
from collector.source import Tick
from tests.collector.nvml.conftest import Machine, by_uuid, kinds
from tests.fakes.nvml.profiles import A100, H100, H100_MIG


def heard(machine: Machine) -> Tick:
    """The tick after the thread that waits for events had time to hear."""
    time.sleep(0.2)
    return machine.tick()


def test_seven_answer_while_one_is_lost_and_comes_back(machine: Machine) -> None:
    gpus = [machine.sim.add(H100) for _ in range(8)]
    lost = gpus[3].uuid.decode()
    machine.tick()
    machine.sim.fail(15, device=3)
    for gpu in gpus:
        gpu.energy_mj += 70_000
    first = machine.tick()
    for gpu in gpus:
        gpu.energy_mj += 70_000
    second = machine.tick()

    assert kinds(first) == [("lost", 15)]
    for tick in (first, second):
        readings = by_uuid(tick)
        assert len(readings) == len(tick.devices) == 8
        assert (readings[lost].health, readings[lost].busy, readings[lost].energy_mj) == (1, None, None)
        assert {r.energy_mj for uuid, r in readings.items() if uuid != lost} == {70_000}
        assert {r.health for uuid, r in readings.items() if uuid != lost} == {0}
    assert "error 15" in machine.source.trouble

    machine.sim.heal()
    back = machine.tick(60)
    assert kinds(back) == [("recovered", -1)]
    assert (by_uuid(back)[lost].health, by_uuid(back)[lost].energy_mj) == (0, 140_000)
    assert machine.source.trouble == ""


def test_a_device_that_comes_and_goes_is_tried_less_and_less(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.sim.add(H100)
    machine.tick()
    machine.sim.fail(15, "nvmlDeviceGetPowerUsage", device=1)
    opened = machine.sim.state.inits
    ticks = [machine.tick() for _ in range(120)]

    assert machine.sim.state.inits - opened <= 8
    assert all(tick.readings[0].power_mw for tick in ticks)


def test_a_lost_parent_loses_its_instances(machine: Machine) -> None:
    machine.sim.add(H100_MIG)
    machine.tick()
    machine.sim.fail(15, device=0)
    tick = machine.tick()

    assert len(tick.devices) == 5
    assert {reading.uuid: reading.health for reading in tick.readings} == {d.uuid: 1 for d in tick.devices}


def test_a_device_that_asks_for_a_reset_says_so(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.tick()
    machine.sim.fail(16, device=0)
    assert machine.tick().readings[0].health == 8

    machine.sim.heal()
    gpu.recovery_action = 1  # GPU reset
    machine.tick(60)
    assert machine.tick().readings[0].health == 8
    gpu.recovery_action = 0
    machine.tick()
    assert machine.tick().readings[0].health == 0


def test_after_a_reload_energy_restarts_and_accounting_is_on_again(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.tick()
    machine.sim.state.init_code = 9
    machine.sim.fail(9)
    gone = [machine.tick() for _ in range(3)]
    machine.sim.reload()
    machine.sim.heal()
    machine.sim.state.init_code = 0
    assert gpu.accounting_mode == 0
    gpu.energy_mj = 12_000
    back = machine.tick(60)

    assert [(len(tick.devices), tick.readings) for tick in gone] == [(1, [])] * 3
    assert kinds(back) == [("driver_reload", -1)]
    assert (back.readings[0].energy_mj, back.readings[0].flags) == (12_000, 4)
    assert gpu.accounting_mode == 1
    assert back.epoch == gone[0].epoch + 1


def test_no_driver_is_waited_for_with_longer_and_longer_pauses(machine: Machine) -> None:
    machine.sim.state.init_code = 9
    ticks = [machine.tick() for _ in range(40)]
    machine.sim.state.init_code = 0
    machine.sim.add(H100)

    assert all(tick.devices == () for tick in ticks)
    assert "error 9" in machine.source.trouble
    assert machine.tick(60).readings


def test_another_library_than_the_driver_takes_a_new_process(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.tick()
    machine.sim.fail(18, "nvmlDeviceGetPowerUsage")
    with pytest.raises(Restart):
        machine.tick()
    machine.source.close()
    machine.sim.heal()
    machine.sim.state.init_code = 18
    with pytest.raises(Restart):
        machine.tick()


def test_a_new_process_that_meets_another_driver_waits_for_it(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.sim.state.init_code = 18
    waited = [machine.tick(60) for _ in range(9)]
    assert "error 18" in machine.source.trouble
    assert all(tick.devices == () for tick in waited)
    machine.sim.state.init_code = 0
    assert machine.tick(60).readings

    machine.source.close()
    machine.source = Nvml(processes_every=1, proc=machine.proc)
    machine.sim.state.init_code = 18
    with pytest.raises(Restart):
        [machine.tick(60) for _ in range(12)]


def test_the_driver_is_let_go_for_an_upgrade_and_taken_again(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.tick()
    machine.source.release()
    released = machine.tick()
    held = [machine.source.holds_driver]
    assert (len(released.devices), released.readings) == (1, [])

    gpu.energy_mj += 1000
    machine.source.acquire()
    taken = machine.tick()
    held.append(machine.source.holds_driver)
    assert held == [False, True]
    assert taken.readings[0].energy_mj == 1000


def test_critical_xids_make_a_device_unhealthy_until_it_recovers_and_those_of_applications_do_not(
    machine: Machine,
) -> None:
    machine.sim.add(H100)
    machine.sim.add(H100)
    machine.tick()
    machine.sim.xid(0, 31)
    machine.sim.xid(1, 48)
    machine.source._looks = Looks(3)
    tick = heard(machine)
    later = [machine.tick() for _ in range(6)]

    assert sorted(kinds(tick)) == [("xid", 31), ("xid", 48)]
    assert [reading.health for reading in tick.readings] == [0, 2]
    health = [t.readings[1].health for t in later]
    assert (health[0], health[-1]) == (2, 0), "it is looked into with the processes, not at every tick"
    assert health == sorted(health, reverse=True)


def test_without_a_word_of_the_driver_a_newcomer_at_work_shows_that_a_device_recovered(
    machine_of: Callable[[int], Machine],
) -> None:
    machine = machine_of(515)
    gpu = machine.sim.add(A100)
    gpu.gpu_util = 60
    machine.sim.process(gpu, machine.start(4001))
    machine.tick()
    machine.sim.xid(0, 95)
    before = [heard(machine), *(machine.tick() for _ in range(3))]
    machine.sim.process(gpu, machine.start(4002))
    machine.tick()
    after = machine.tick()

    assert [tick.readings[0].health for tick in before] == [2, 2, 2, 2]
    assert after.readings[0].health == 0


def test_a_reload_is_a_recovery(machine_of: Callable[[int], Machine]) -> None:
    machine = machine_of(515)
    machine.sim.add(A100)
    machine.tick()
    machine.sim.xid(0, 48)
    before = [heard(machine), machine.tick(), machine.tick()]
    machine.sim.fail(9)
    machine.tick()
    machine.sim.heal()
    after = machine.tick(60)

    assert [tick.readings[0].health for tick in before] == [2, 2, 2]
    assert after.readings[0].health == 0


def test_a_device_that_was_never_seen_is_looked_for(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.sim.add(H100)
    machine.sim.fail(15, device=1)
    first = machine.tick()
    machine.sim.heal()

    assert (len(first.devices), "GPU 1" in machine.source.trouble) == (1, True)
    assert len(machine.tick(60).devices) == 2


def test_the_xid_that_comes_with_a_loss_is_heard(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.tick()
    machine.sim.xid(0, 79)
    machine.sim.fail(15, device=0)
    machine.tick()
    after = heard(machine)

    assert [(event.kind, event.uuid, event.value) for event in after.events] == [("xid", gpu.uuid.decode(), 79)]


def test_events_are_heard_again_after_nvml_was_opened_anew(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.sim.add(A100)
    machine.tick()
    machine.sim.fail(15, device=1)
    machine.tick()
    machine.tick()
    machine.sim.xid(0, 79)

    assert kinds(heard(machine)) == [("xid", 79)]


def test_a_fork_is_refused(machine: Machine) -> None:
    machine.sim.add(H100)
    machine.tick()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # there are threads; the child only looks and leaves
        child = os.fork()
    if child == 0:
        try:
            machine.source.tick(machine.at())
        except RuntimeError:
            os._exit(7)
        os._exit(0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_facts_for_the_doctor(machine: Machine) -> None:
    machine.sim.add(H100_MIG)
    machine.sim.add(A100)
    machine.sim.fail(15, "nvmlDeviceGetHandleByIndex_v2", device=1)
    found = facts()

    assert (found.driver, found.nvml, found.trouble) == ("590.48.01", "590.48.01", "")
    first, second = found.devices
    assert (first.name, first.persistence, first.accounting) == ("NVIDIA H100 80GB HBM3", True, False)
    assert (first.mig, first.gpm) == (True, True)
    assert second.trouble == "NVML error 15"

    machine.sim.state.init_code = 9
    assert facts().trouble == "NVML could not be initialized: error 9"
