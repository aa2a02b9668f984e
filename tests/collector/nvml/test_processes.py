"""Who is on a device, with what share of it; and who came and went between two polls."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from collector.nvml.looks import Looks
from tests.collector.nvml.conftest import Machine, by_pid
from tests.fakes.nvml.profiles import A100, H100
from tests.fakes.nvml.stub import Gpu


def gpu_with(machine: Machine, *pids: int) -> Gpu:
    gpu = machine.sim.add(A100)
    for pid in pids:
        machine.sim.process(gpu, machine.start(pid), memory=pid << 20)
    return gpu


@pytest.mark.parametrize("driver", [470, 515, 590])
def test_all_kinds_of_contexts_are_listed_on_every_driver(machine_of: Callable[[int], Machine], driver: int) -> None:
    machine = machine_of(driver)
    gpu = gpu_with(machine, 4001)
    machine.sim.process(gpu, machine.start(4002), kind=1)
    machine.sim.process(gpu, machine.start(4003), memory=2**64 - 1, kind=2)
    found = by_pid(machine.tick())

    assert {pid: process.memory_bytes for pid, process in found.items()} == {
        4001: 4001 << 20,
        4002: 1 << 30,
        4003: None,
    }


def test_the_mps_server_is_nobody(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001)
    machine.sim.process(gpu, machine.start(4002, "nvidia-cuda-mps-server"))

    assert list(by_pid(machine.tick())) == [4001]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
def test_nobody_hides_behind_the_name_of_the_mps_server(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001)
    machine.sim.process(gpu, machine.start(4002, "nvidia-cuda-mps-server"))
    os.chown(machine.proc / "4002", 1000, 1000)
    assert list(by_pid(machine.tick())) == [4001, 4002]

    # The server of a user, with a client.
    machine.sim.process(gpu, machine.start(4003), kind=2)
    assert list(by_pid(machine.tick())) == [4001, 4003]


def test_more_processes_than_the_buffer_holds_are_all_listed(machine: Machine) -> None:
    gpu = machine.sim.add(A100)
    machine.source._lists._infos._room = 4
    for pid in range(5000, 5060):
        machine.sim.process(gpu, machine.start(pid))

    assert len(by_pid(machine.tick())) == 60


def test_processes_are_polled_only_when_due(machine: Machine) -> None:
    gpu_with(machine, 4001)
    machine.source._looks = Looks(3)
    polled = [machine.tick().processes is not None for _ in range(5)]

    assert polled == [True, False, False, True, False]


def test_a_list_that_failed_is_not_an_empty_one(machine: Machine) -> None:
    gpu_with(machine, 4001, 4002)
    machine.tick()
    machine.end(4002)
    machine.sim.fail(999, "nvmlDeviceGetGraphicsRunningProcesses_v3")
    failed = by_pid(machine.tick())

    assert {pid: process.memory_bytes for pid, process in failed.items()} == {4001: None}


def test_shares_add_up_to_the_device_and_no_more(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001, 4002, 4003)
    gpu.gpu_util = 80
    machine.tick()
    for pid, sm in ((4001, 90), (4002, 30)):
        machine.sim.used(gpu, pid, sm, machine.now_us + 500_000)
    found = by_pid(machine.tick())

    assert {pid: process.busy for pid, process in found.items()} == {
        4001: pytest.approx(0.6),
        4002: pytest.approx(0.2),
        4003: 0.0,
    }


def test_nobody_active_is_a_zero_and_no_answer_is_not(machine: Machine) -> None:
    gpu_with(machine, 4001)
    first = by_pid(machine.tick())[4001].busy
    silent = by_pid(machine.tick())[4001].busy
    machine.sim.fail(4, "nvmlDeviceGetProcessUtilization")
    refused = by_pid(machine.tick())[4001].busy

    assert (first, silent, refused) == (None, 0.0, None)


def test_rows_from_before_and_of_dead_or_impossible_processes_do_not_count(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001, 4002)
    gpu.gpu_util = 100
    machine.sim.used(gpu, 4002, 99, machine.now_us)
    machine.tick()
    after = machine.now_us + 1
    for pid, sm in ((4001, 40), (4002, 3_000_000), (999_999, 60)):
        machine.sim.used(gpu, pid, sm, after)
    found = by_pid(machine.tick())

    assert {pid: process.busy for pid, process in found.items()} == {4001: pytest.approx(0.4), 4002: 0.0}


def test_a_process_that_works_without_being_listed_is_told(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001)
    gpu.gpu_util = 50
    machine.tick()
    machine.sim.used(gpu, machine.start(4009), 50, machine.now_us + 1)
    found = by_pid(machine.tick())

    assert (found[4009].busy, found[4009].memory_bytes) == (0.5, None)


def test_rows_of_strangers_alone_say_nothing_of_those_that_are_listed(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001)
    gpu.gpu_util = 50
    machine.tick()
    machine.sim.used(gpu, 77, 50, machine.now_us + 1)

    assert by_pid(machine.tick())[4001].busy is None


@pytest.mark.parametrize("driver", [515, 610])
def test_a_short_job_is_seen_by_accounting_alone(machine_of: Callable[[int], Machine], driver: int) -> None:
    machine = machine_of(driver)
    gpu = machine.sim.add(A100)
    past = machine.now_us - 60_000_000
    machine.tick()
    machine.sim.account(gpu, 9000, gpu=10, time_ms=5, start_us=past)
    start = machine.now_us + 200_000
    machine.sim.account(gpu, 9001, gpu=55, max_memory=3 << 30, time_ms=300, start_us=start, samples=8, sum_gpu=8 * 5250)
    ended = [machine.tick().ended for _ in range(3)]

    assert gpu.accounting_mode == 1
    assert [[row.pid for row in rows] for rows in ended] == [[9001], [], []]
    (row,) = ended[0]
    assert (row.end_ms - row.start_ms, row.start_ms, row.memory_peak_bytes) == (300, start // 1000, 3 << 30)
    assert row.busy == pytest.approx(0.525 if driver >= 610 else 0.55)


def test_the_end_of_a_process_is_told_once_and_a_pid_may_come_back(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001)
    machine.tick()
    machine.sim.account(gpu, 4001, running=1, start_us=machine.now_us)
    machine.tick()
    gpu.account[0].running, gpu.account[0].time_ms = 0, 900
    gpu.processes = 0
    seen = machine.tick().ended
    machine.sim.account(gpu, 4001, gpu=70, time_ms=100, start_us=machine.now_us + 100_000)
    again = machine.tick().ended

    assert [(row.pid, row.end_ms - row.start_ms) for row in seen] == [(4001, 900)]
    assert [(row.pid, row.busy) for row in again] == [(4001, 0.7)]
    assert machine.tick().ended == []


def test_memory_that_moves_is_looked_into_at_once_but_not_at_every_tick(machine: Machine) -> None:
    gpu = gpu_with(machine, 4001)
    machine.source._looks = Looks(100)
    used = [0, 0, 600, 1200, 1200, 1201, 0]
    polled = []
    for mib in used:
        gpu.used = mib << 20
        polled.append(machine.tick().processes is not None)

    assert polled == [True, False, True, False, True, False, True]


def test_what_accounting_does_not_know_is_unknown(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.tick()
    machine.sim.account(gpu, 9, gpu=2**32 - 1, max_memory=2**64 - 1, time_ms=10, start_us=machine.now_us + 1000)
    (row,) = machine.tick().ended

    assert (row.busy, row.memory_peak_bytes) == (None, None)


def test_accounting_that_only_root_may_switch_on_is_asked_for_once(machine: Machine) -> None:
    gpu = machine.sim.add(H100)
    machine.sim.state.accounting_code = 4
    machine.tick()
    machine.sim.state.accounting_code = 0
    machine.tick()

    assert gpu.accounting_mode == 0
