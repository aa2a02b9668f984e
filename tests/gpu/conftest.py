"""Tests on a real NVIDIA GPU: `pytest -m gpu`; each says why where there is none."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from collector.nvml.facts import DriverFacts, facts
from collector.nvml.source import Nvml
from collector.source import Instant, Tick


class Sampler:
    """The source on this machine, by its own clocks."""

    def __init__(self) -> None:
        self.source = Nvml(processes_every=1)

    def tick(self) -> Tick:
        at = Instant(boot_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME), wall_ms=time.time_ns() // 1_000_000)
        return self.source.tick(at)

    def ticks(self, seconds: int) -> list[Tick]:
        """One tick a second; the first only begins."""
        self.tick()
        found = []
        for _ in range(seconds):
            time.sleep(1)
            found.append(self.tick())
        return found


@pytest.fixture(scope="session")
def driver() -> DriverFacts:
    found = facts()
    if not found.devices:
        pytest.skip(f"no NVIDIA GPU: {found.trouble or 'the driver has none'}")
    return found


@pytest.fixture
def sampler(driver: DriverFacts) -> Iterator[Sampler]:
    sampler = Sampler()
    yield sampler
    sampler.source.close()
