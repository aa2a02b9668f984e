"""GPU performance monitoring, Hopper and newer: activity between two samples, so that windows tile time."""

from __future__ import annotations

import math
from collections.abc import Callable
from ctypes import byref, c_void_p
from typing import NamedTuple

import pynvml

from collector.nvml.board import Board
from collector.nvml.errors import SUCCESS, check
from collector.nvml.library import Library

METRICS = {"graphics": 1, "sm": 2, "tensor": 5, "dram": 10}
"""Metrics by their NVML_GPM_METRIC id, all in percent."""


class Activity(NamedTuple):
    """Mean shares, 0 to 1, of time with any work, of the SMs, of the tensor cores and of the memory's bandwidth."""

    graphics: float | None
    sm: float | None
    tensor: float | None
    dram: float | None


UNKNOWN = Activity(None, None, None, None)


class _Query:
    """The question for all metrics, made once: its structure is large."""

    def __init__(self) -> None:
        self.get = pynvml.c_nvmlGpmMetricsGet_t()
        self.get.version = pynvml.NVML_GPM_METRICS_GET_VERSION
        self.get.numMetrics = len(METRICS)
        self.metrics = tuple(self.get.metrics[position] for position in range(len(METRICS)))
        for metric, number in zip(self.metrics, METRICS.values(), strict=True):
            metric.metricId = number

    def between(self, library: Library, first: c_void_p, second: c_void_p) -> Activity:
        self.get.sample1, self.get.sample2 = _pointer(first), _pointer(second)
        if library.call("nvmlGpmMetricsGet", byref(self.get)) != SUCCESS:
            return UNKNOWN
        return Activity(*(_share(metric.nvmlReturn, metric.value) for metric in self.metrics))


def supported(board: Board) -> bool:
    """Whether the device has GPM."""
    support = pynvml.c_nvmlGpmSupport_t()
    support.version = pynvml.NVML_GPM_SUPPORT_VERSION
    return board.ask("nvmlGpmQueryDeviceSupport", byref(support)) == SUCCESS and bool(support.isSupportedDevice)


class Window:
    """The two last samples of a device, or of the GPU instance `gi` of it."""

    _query = _Query()

    def __init__(self, board: Board, gi: int | None = None) -> None:
        self._library = board.library
        self._take: Callable[[c_void_p], int] = (
            (lambda sample: board.ask("nvmlGpmSampleGet", sample))
            if gi is None
            else (lambda sample: board.ask("nvmlGpmMigSampleGet", gi, sample))
        )
        self._samples = [_sample(board.library), _sample(board.library)]
        self._filled = False

    def read(self) -> Activity:
        """The activity since the call before; unknown at the first and where it is not to be had."""
        first, second = self._samples
        if self._take(second) != SUCCESS:
            self._filled = False
            return UNKNOWN
        filled, self._filled = self._filled, True
        self._samples = [second, first]
        return self._query.between(self._library, first, second) if filled else UNKNOWN

    def free(self) -> None:
        """Give the samples back to the driver; the window is not to be read again."""
        for sample in self._samples:
            self._library.call("nvmlGpmSampleFree", sample)
        self._samples = []


def _sample(library: Library) -> c_void_p:
    sample = c_void_p()
    # Without memory for it the sample stays NULL, which the driver refuses as an argument: activity is unknown then.
    check("nvmlGpmSampleAlloc", library.call("nvmlGpmSampleAlloc", byref(sample)))
    return sample


def _pointer(sample: c_void_p) -> pynvml.c_nvmlGpmSample_t:
    return pynvml.cast(sample, pynvml.c_nvmlGpmSample_t)


def _share(code: int, percent: float) -> float | None:
    # MIG instances are seen above 100 %: a share of time is not.
    return min(max(percent / 100, 0.0), 1.0) if code == SUCCESS and math.isfinite(percent) else None
