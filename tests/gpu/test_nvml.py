"""What a stub cannot say: how long the driver takes, and whether its figures are those of a known load."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ctypes import byref, c_void_p
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

import pytest

from collector.nvml.board import Board
from collector.nvml.counters import Energy, Memory, Utilization, recovery_action, throttled
from collector.nvml.errors import SUCCESS
from collector.nvml.facts import DriverFacts
from collector.nvml.gpm import Window, supported
from collector.nvml.library import Library
from collector.nvml.processes import Lists
from tests.gpu.conftest import Sampler

pytestmark = pytest.mark.gpu

DUTY = 0.5

LOAD = f"""
import time, torch
a = torch.randn(4096, 4096, device="cuda", dtype=torch.float16)
while True:
    begun = time.monotonic()
    while time.monotonic() - begun < {DUTY} * 0.2:
        a @ a
        torch.cuda.synchronize()
    time.sleep(max(0.0, begun + 0.2 - time.monotonic()))
"""


@pytest.fixture
def load() -> Iterator[int]:
    """A process that keeps one GPU busy for half of each 200 ms; its pid."""
    if find_spec("torch") is None:
        pytest.skip("no torch to make a load with")
    with subprocess.Popen([sys.executable, "-c", LOAD]) as process:
        time.sleep(15)
        assert process.poll() is None, "the load has ended"
        yield process.pid
        process.kill()


def test_every_device_is_read_without_trouble(sampler: Sampler, driver: DriverFacts) -> None:
    *_, tick = sampler.ticks(3)

    assert sampler.source.trouble == ""
    assert {device.uuid for device in tick.devices if not device.parent} == {found.uuid for found in driver.devices}
    for reading in tick.readings:
        print(reading)
        assert reading.health == 0
        assert reading.memory_bytes is not None


def test_a_tick_is_short(sampler: Sampler, driver: DriverFacts) -> None:
    sampler.tick()
    wall, cpu = [], []
    for _ in range(20):
        time.sleep(0.25)
        begun, used = time.perf_counter(), time.process_time()
        sampler.tick()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - used)
    print(f"{len(driver.devices)} GPUs: tick median {median(wall) * 1e3:.2f} ms, max {max(wall) * 1e3:.2f} ms,")
    print(f"processor {fmean(cpu) * 1e3:.2f} ms, with process lists at every tick; driver {driver.driver}")

    assert median(wall) < 0.1 * len(driver.devices)


def test_latency_of_each_call(driver: DriverFacts) -> None:
    library, handle, lists = Library(), c_void_p(), Lists(Path("/proc"))
    assert library.open() == SUCCESS
    try:
        assert library.call("nvmlDeviceGetHandleByIndex_v2", 0, byref(handle)) == SUCCESS
        board = Board(library, handle)
        window = Window(board) if supported(board) else None
        calls: dict[str, Callable[[], object]] = {
            "utilization, ring or last": partial(Utilization().read, board),
            "memory": partial(Memory().read, board),
            "energy": partial(Energy().read, board),
            "power": partial(board.u32, "nvmlDeviceGetPowerUsage"),
            "temperature": partial(board.u32, "nvmlDeviceGetTemperature", 0),
            "clock reasons": partial(throttled, board),
            "recovery action": partial(recovery_action, board),
            "lists of processes": partial(lists.contexts, board),
            "utilization of processes": partial(lists.samples, board, 0),
        }
        if window is not None:
            calls["GPM"] = window.read
        for name, call in calls.items():
            print(f"{name}: median {latency(call) * 1e6:.0f} µs")
    finally:
        library.close()


def latency(call: Callable[[], object]) -> float:
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        call()
        took.append(time.perf_counter() - begun)
        time.sleep(0.12)  # GPM wants more than 100 ms between two samples
    return median(took)


def test_energy_is_power_times_time(sampler: Sampler) -> None:
    ticks = sampler.ticks(10)
    for uuid in {device.uuid for device in ticks[-1].devices if not device.parent}:
        readings = [reading for tick in ticks for reading in tick.readings if reading.uuid == uuid]
        energy = [reading.energy_mj for reading in readings if reading.energy_mj is not None]
        power = [reading.power_mw for reading in readings if reading.power_mw is not None]
        if not energy or not power:
            pytest.skip("the device has no energy counter or no power")
        seconds = (ticks[-1].at.boot_ns - ticks[0].at.boot_ns) / 1e9
        print(f"{uuid}: {sum(energy[1:]) / seconds / 1000:.1f} W by energy, {fmean(power) / 1000:.1f} W by power")

        assert sum(energy[1:]) / seconds == pytest.approx(fmean(power), rel=0.25)


def test_a_known_load_is_found_again(sampler: Sampler, load: int) -> None:
    ticks = sampler.ticks(20)[5:]
    mine = [process for tick in ticks for process in tick.processes or [] if process.pid == load]
    assert mine, "the load is not listed (a container without the host's pids?)"
    readings = [reading for tick in ticks for reading in tick.readings if reading.uuid == mine[0].uuid]
    busy = fmean(reading.busy for reading in readings if reading.busy is not None)
    shares = [process.busy for process in mine if process.busy is not None]
    print(f"duty {DUTY}: device {busy:.3f}, process {fmean(shares) if shares else None}")

    assert busy == pytest.approx(DUTY, abs=0.15)
    assert shares
    assert fmean(shares) <= busy + 0.01


def test_gpm_agrees_with_a_load(sampler: Sampler, driver: DriverFacts, load: int) -> None:
    if not any(device.gpm for device in driver.devices):
        pytest.skip("no device with GPM (Hopper and newer)")
    readings = [reading for tick in sampler.ticks(10) for reading in tick.readings if reading.sm is not None]
    most = max(readings, key=lambda reading: reading.sm or 0)
    print(most)

    assert most.sm is not None
    assert 0.05 < most.sm <= 1
    assert most.tensor is not None
    assert 0 < most.tensor <= most.sm
    assert not any(reading.flags & 1 for reading in readings)
