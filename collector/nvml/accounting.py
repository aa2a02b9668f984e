"""The driver's accounting mode: when processes ended, and the only view of those that no poll has seen."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from ctypes import byref, c_uint
from functools import partial
from itertools import islice
from typing import NamedTuple

import pynvml

from collector.nvml.board import Board
from collector.nvml.errors import SUCCESS
from collector.nvml.rows import Rows
from collector.source import Ended

_NO_PERCENT = 2**32 - 1
_NO_BYTES = 2**64 - 1
_LOOK_AGAIN = 64
_KEPT = 4096


class Stats(NamedTuple):
    """What the driver accounts to one process; `busy` is a mean over its lifetime, 0 to 1."""

    running: bool
    start_ms: int
    time_ms: int
    busy: float | None
    memory_peak_bytes: int | None


class Accounting:
    """The processes that one device has accounted for, by pid and start."""

    _pids = Rows(c_uint, _KEPT)

    def __init__(self) -> None:
        self._ended: dict[int, int] = {}

    def enable(self, board: Board) -> None:
        """Switch accounting on; a refusal (only root may) is remembered by the device."""
        if board.u32("nvmlDeviceGetAccountingMode") == pynvml.NVML_FEATURE_DISABLED:
            board.ask("nvmlDeviceSetAccountingMode", pynvml.NVML_FEATURE_ENABLED)

    def ended(self, board: Board, uuid: str, listed: AbstractSet[int], since_ms: int) -> list[Ended]:
        """Processes that ended after `since_ms`, each once."""
        code, pids = self._pids.ask(partial(board.ask, "nvmlDeviceGetAccountingPids"))
        if code != SUCCESS:
            return []
        asked = self._to_ask(pids, listed)
        found = [(pid, stats) for pid in asked if (stats := _stats(board, pid)) is not None]
        return [
            Ended(
                uuid=uuid,
                pid=pid,
                start_ms=stats.start_ms,
                end_ms=stats.start_ms + stats.time_ms,
                busy=stats.busy,
                memory_peak_bytes=stats.memory_peak_bytes,
            )
            for pid, stats in found
            if self._news(pid, stats) and stats.start_ms + stats.time_ms > since_ms
        ]

    def _to_ask(self, pids: list[int], listed: AbstractSet[int]) -> list[int]:
        there = set(pids)
        self._ended = {pid: start for pid, start in self._ended.items() if pid in there}
        # A pid comes back: those that ended are looked at again, in turn, and those that are listed anew at once.
        again = [pid for pid in islice(self._ended, _LOOK_AGAIN) if pid not in listed]
        for pid in again:
            self._ended[pid] = self._ended.pop(pid)
        return [pid for pid in dict.fromkeys(pids) if pid not in self._ended or pid in listed] + again

    def _news(self, pid: int, stats: Stats) -> bool:
        if stats.running:
            self._ended.pop(pid, None)
            return False
        known = self._ended.get(pid) == stats.start_ms
        self._ended[pid] = stats.start_ms
        return not known


def _stats(board: Board, pid: int) -> Stats | None:
    v2 = pynvml.c_nvmlAccountingStats_v2_t()
    v2.pid = pid
    if board.ask("nvmlDeviceGetAccountingStats_v2", byref(v2)) == SUCCESS:
        # Sums are in percent × 100.
        busy = v2.sumGpuUtil / v2.sampleCount / 10_000 if v2.sampleCount else None
        return _told(v2, busy)
    if board.has("nvmlDeviceGetAccountingStats_v2"):
        return None
    v1 = pynvml.c_nvmlAccountingStats_t()
    if board.ask("nvmlDeviceGetAccountingStats", pid, byref(v1)) != SUCCESS:
        return None
    return _told(v1, None)


def _told(raw: pynvml.c_nvmlAccountingStats_t | pynvml.c_nvmlAccountingStats_v2_t, busy: float | None) -> Stats:
    if busy is None and raw.gpuUtilization != _NO_PERCENT:
        busy = raw.gpuUtilization / 100
    return Stats(
        running=bool(raw.isRunning),
        start_ms=raw.startTime // 1000,
        time_ms=raw.time,
        busy=None if busy is None else min(busy, 1.0),
        memory_peak_bytes=None if raw.maxMemoryUsage == _NO_BYTES else raw.maxMemoryUsage,
    )
