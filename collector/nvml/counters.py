"""The cheap counters of one device, once a tick."""

from __future__ import annotations

from ctypes import byref, c_uint

import pynvml

from collector.nvml.board import Board
from collector.nvml.errors import SUCCESS

_GPU_UTILIZATION = pynvml.NVML_GPU_UTILIZATION_SAMPLES
_ROOM = 512

THROTTLING = (
    pynvml.nvmlClocksEventReasonSwPowerCap
    | pynvml.nvmlClocksEventReasonHwSlowdown
    | pynvml.nvmlClocksEventReasonSwThermalSlowdown
    | pynvml.nvmlClocksEventReasonHwThermalSlowdown
    | pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown
)
"""Reasons of lower clocks that power or heat brought; being idle or a setting of somebody is not one."""


class Utilization:
    """The share of time in which any kernel ran, from the driver's ring of samples or its last sample.

    `cursor` is the largest timestamp that the driver returned, in µs of the wall clock.
    """

    _samples = (pynvml.c_nvmlSample_t * _ROOM)()
    _count = c_uint()
    _kind = c_uint()
    _rates = pynvml.c_nvmlUtilization_t()

    def __init__(self) -> None:
        self.cursor = 0

    def read(self, board: Board) -> float | None:
        """The mean since the call before, 0 to 1; None on MIG and where the driver does not tell."""
        mean = self._ring(board)
        return self._last(board) if mean is None else mean

    def _ring(self, board: Board) -> float | None:
        first, self._count.value = self.cursor == 0, _ROOM
        code = board.ask(
            "nvmlDeviceGetSamples",
            _GPU_UTILIZATION,
            self.cursor,
            byref(self._kind),
            byref(self._count),
            self._samples,
        )
        if code != SUCCESS or self._kind.value != pynvml.NVML_VALUE_TYPE_UNSIGNED_INT:
            return None
        rows = self._samples[: self._count.value]
        self.cursor = max((row.timeStamp for row in rows), default=self.cursor)
        # The ring reaches back to before this agent asked: its first reading is not of this tick.
        return None if first or not rows else min(sum(row.sampleValue.uiVal for row in rows) / len(rows) / 100, 1.0)

    def _last(self, board: Board) -> float | None:
        code = board.ask("nvmlDeviceGetUtilizationRates", byref(self._rates))
        return min(self._rates.gpu / 100, 1.0) if code == SUCCESS else None


class Memory:
    """Memory that workloads use; on drivers before 510 what the driver itself reserves is in it."""

    _v2 = pynvml.c_nvmlMemory_v2_t()
    _v1 = pynvml.c_nvmlMemory_t()

    def read(self, board: Board) -> tuple[int | None, int | None]:
        """Used and total bytes."""
        self._v2.version = pynvml.nvmlMemory_v2
        if board.ask("nvmlDeviceGetMemoryInfo_v2", byref(self._v2)) == SUCCESS:
            return self._v2.used, self._v2.total
        if board.ask("nvmlDeviceGetMemoryInfo", byref(self._v1)) == SUCCESS:
            return self._v1.used, self._v1.total
        return None, None


class Energy:
    """The energy counter, mJ since the driver was loaded, as steps."""

    def __init__(self) -> None:
        self._last: int | None = None

    def read(self, board: Board) -> tuple[int | None, bool]:
        """What was used since the call before (None at the first), and whether the counter began anew."""
        value = board.u64("nvmlDeviceGetTotalEnergyConsumption")
        if value is None:
            return None, False
        last, self._last = self._last, value
        if last is None:
            return None, False
        return (value, True) if value < last else (value - last, False)


class Grown:
    """A counter of errors of which only the growth counts."""

    def __init__(self, name: str, *arguments: int) -> None:
        self._name, self._arguments = name, arguments
        self._last: int | None = None

    def read(self, board: Board) -> bool:
        value = board.u64(self._name, *self._arguments)
        if value is None:
            return False
        last, self._last = self._last, value
        return last is not None and value > last


def throttled(board: Board) -> bool | None:
    """Whether power or heat lowers the clocks now."""
    reasons = board.u64("nvmlDeviceGetCurrentClocksEventReasons")
    if reasons is None:
        reasons = board.u64("nvmlDeviceGetCurrentClocksThrottleReasons")
    return None if reasons is None else bool(reasons & THROTTLING)


def recovery_action(board: Board) -> int | None:
    """What the driver says has to be done to the device (0: nothing); None where it does not know the question."""
    field = pynvml.c_nvmlFieldValue_t()
    field.fieldId = pynvml.NVML_FI_DEV_GET_GPU_RECOVERY_ACTION
    if board.ask("nvmlDeviceGetFieldValues", 1, byref(field)) != SUCCESS or field.nvmlReturn != SUCCESS:
        return None
    return int(field.value.uiVal)
