"""A scripted day of one GPU, so that the truth is known: loads from instants on, integrated exactly."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from tests.fakes.nvml.stub import SAMPLES, Gpu, Sample

RING_HZ = 5


class Load(NamedTuple):
    """What a GPU does, as shares from 0 to 1 and watts."""

    busy: float = 0.0
    sm: float = 0.0
    tensor: float = 0.0
    dram: float = 0.0
    power_w: float = 70.0


class Day:
    """`steps` are (second, load from then on), the first at 0; `epoch_us` is second 0 on the driver's clock."""

    def __init__(self, gpu: Gpu, steps: list[tuple[float, Load]], epoch_us: int) -> None:
        self._gpu, self._epoch_us = gpu, epoch_us
        ends = [start for start, _ in steps[1:]] + [float("inf")]
        self._spans = [(start, end, load) for (start, load), end in zip(steps, ends, strict=True)]
        self._now = 0.0
        self._written = 0

    def total(self, name: str, start: float, end: float) -> float:
        """The integral of this figure of the loads over these seconds."""
        spans = ((max(a, start), min(b, end), load) for a, b, load in self._spans)
        return sum((b - a) * float(getattr(load, name)) for a, b, load in spans if b > a)

    def until(self, second: float) -> None:
        """Bring the stub's counters and its ring of samples to this second."""
        gpu, start = self._gpu, self._now
        self._now = second
        gpu.energy_mj += round(self.total("power_w", start, second) * 1000)
        gpu.gpm_us += round((second - start) * 1e6)
        for metric, name in ((1, "busy"), (2, "sm"), (5, "tensor"), (10, "dram")):
            gpu.gpm[metric] += self.total(name, start, second) * 1e8
        count = round((second - start) * RING_HZ)
        edges = [start + (second - start) * i / count for i in range(count + 1)] if count else []
        for a, b in pairwise(edges):
            share = round(100 * self.total("busy", a, b) / (b - a))
            gpu.sample[self._written % SAMPLES] = Sample(self._epoch_us + round(b * 1e6), share)
            self._written += 1
            gpu.gpu_util = share
        gpu.samples = min(self._written, SAMPLES)
