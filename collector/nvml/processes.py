"""Who holds a context on a device, and what share of the device each had since the poll before."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pynvml

from collector.nvml.board import Board
from collector.nvml.errors import EMPTY, SUCCESS
from collector.nvml.rows import Rows
from collector.source import Process

_NO_VALUE = 2**64 - 1
_KINDS = ("Compute", "Graphics", "MPSCompute")
_MPS_SERVER = b"nvidia-cuda-mps"
"""The first 15 characters, which /proc holds, of the MPS server and its control daemon."""


class Lists:
    """Lists of processes and of their utilization, in buffers that all devices share; `proc` is where /proc is."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._infos = Rows(pynvml.c_nvmlProcessInfo_v2_t, 128)
        self._samples = Rows(pynvml.c_nvmlProcessUtilizationSample_t, 512)

    def contexts(self, board: Board) -> dict[int, int | None] | None:
        """Processes with a context and their bytes (None: not to be had), without an MPS server that has clients.

        None where a list failed that another time could be had.
        """
        found: dict[int, int | None] = {}
        clients: set[int] = set()
        for kind in _KINDS:
            rows = self._list(board, f"nvmlDeviceGet{kind}RunningProcesses")
            if rows is None:
                return None
            for row in rows:
                memory = None if row.usedGpuMemory == _NO_VALUE else int(row.usedGpuMemory)
                known = found.get(row.pid)
                if kind == "MPSCompute":
                    clients.add(row.pid)
                found[row.pid] = known if memory is None or (known is not None and known > memory) else memory
        return {pid: memory for pid, memory in found.items() if not self._serves(pid, clients)}

    def _list(self, board: Board, name: str) -> list[pynvml.c_nvmlProcessInfo_v2_t] | None:
        for version in ("_v3", "_v2"):
            full = name + version
            if board.has(full):
                code, rows = self._infos.ask(partial(board.ask, full))
                if board.has(full):
                    return rows if code == SUCCESS else None
        return []

    def _serves(self, pid: int, clients: set[int]) -> bool:
        # Any process may take this name: it hides none that is not root's, but where others are listed as clients.
        # (The folder is its user's even where the process made its files root's, by prctl(PR_SET_DUMPABLE).)
        folder = self._proc / str(pid)
        try:
            named = (folder / "comm").read_bytes().startswith(_MPS_SERVER)
            return named and (bool(clients - {pid}) or folder.stat().st_uid == 0)
        except OSError:
            return False  # it ended, or /proc is not the host's: then it cannot be told from others

    def alive(self, pid: int) -> bool:
        return (self._proc / str(pid)).exists()

    def samples(self, board: Board, since_us: int) -> list[pynvml.c_nvmlProcessUtilizationSample_t] | None:
        """Rows later than `since_us`; None where the driver does not tell."""
        name = "nvmlDeviceGetProcessUtilization"
        code, rows = self._samples.ask(lambda count, buffer: board.ask(name, buffer, count, since_us))
        return rows if code == SUCCESS or code in EMPTY else None


class Activity:
    """Shares of one device's processes; `cursor` is the largest timestamp of the driver's rows, in µs."""

    def __init__(self) -> None:
        self._cursor = 0
        self._begun = False

    def restart(self) -> None:
        """The wall clock stepped: timestamps before it cannot be compared with those after."""
        self._cursor, self._begun = 0, False

    def read(self, lists: Lists, board: Board) -> tuple[dict[int, float], bool]:
        """Mean utilization, 0 to 1, by process since the call before, and whether absence of a row means none."""
        rows = lists.samples(board, self._cursor)
        if rows is None:
            return {}, False
        begun, self._begun = self._begun, True
        self._cursor = max((row.timeStamp for row in rows), default=self._cursor)
        if not begun:
            return {}, False  # the driver's buffer reaches back to before this agent asked
        sane = [(row.pid, row.smUtil / 100) for row in rows if row.smUtil <= 100]
        living = [(pid, share) for pid, share in sane if lists.alive(pid)]
        # Rows of none but strangers: the pids may be those of another namespace, and silence says nothing.
        return _means(living), bool(living) or not sane


def _means(rows: Iterable[tuple[int, float]]) -> dict[int, float]:
    sums: dict[int, tuple[float, int]] = {}
    for pid, share in rows:
        total, count = sums.get(pid, (0.0, 0))
        sums[pid] = (total + share, count + 1)
    return {pid: total / count for pid, (total, count) in sums.items()}


def poll(
    lists: Lists,
    board: Board,
    activity: Activity,
    uuid: str,
    contexts: dict[int, int | None],
    busy: float | None,
) -> list[Process]:
    """The processes of a device that was `busy` on average; their shares add up to no more than that."""
    shares, silence_is_zero = activity.read(lists, board)
    total, most = sum(shares.values()), 1.0 if busy is None else busy
    scale = most / total if total > most else 1.0
    rest = 0.0 if silence_is_zero else None
    return [
        Process(
            uuid=uuid,
            pid=pid,
            memory_bytes=contexts.get(pid),
            busy=shares[pid] * scale if pid in shares else rest,
        )
        for pid in sorted(contexts.keys() | shares.keys())
    ]
