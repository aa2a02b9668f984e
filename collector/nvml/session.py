"""Which GPUs there are, and one opening of NVML after another: what is lost is looked for, the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_uint, c_void_p

from collector.nvml.backoff import Backoff
from collector.nvml.board import Board
from collector.nvml.errors import MISMATCH, RESET_REQUIRED, SUCCESS, DeviceGone, DriverGone, Restart, check
from collector.nvml.gpu import Gpu
from collector.nvml.health import LOST_BIT, RESET_BIT
from collector.nvml.library import Library
from collector.nvml.xids import Xids
from collector.source import Event

PATIENCE_NS = 600_000_000_000
"""A driver and a library of different versions are waited for: most often the node waits for its reboot."""


class Session:
    """All GPUs ever seen, by UUID; `epoch` counts the openings of NVML, `trouble` says what is wrong now or ''."""

    def __init__(self) -> None:
        self.gpus: dict[str, Gpu] = {}
        self.epoch = 0
        self.trouble = ""
        self._library = Library()
        self._xids: Xids | None = None
        self._unheard: list[tuple[str, int]] = []
        self._backoff = Backoff()
        self._anew = False
        self._incomplete = False
        self._failed = False
        self._mismatched_ns: int | None = None

    @property
    def is_open(self) -> bool:
        return self._xids is not None

    def ready(self, at_ns: int) -> Iterator[Event]:
        """Open NVML, open it anew or look for what is missing, whichever is due.

        Raises `DriverGone` and `Restart`.
        """
        if self.is_open and self._anew:
            # A lost device is let go of, so that it can be reset; one opening, then only a look now and then.
            self.close()
            yield from self._open(at_ns)
        elif not self.is_open and self._backoff.due(at_ns):
            yield from self._open(at_ns)
        elif self.is_open and self._incomplete and self._backoff.due(at_ns):
            yield from self._scan(at_ns)

    def _open(self, at_ns: int) -> Iterator[Event]:
        code = self._opened(at_ns)
        if code != SUCCESS:
            self.trouble = f"NVML could not be initialized: error {code}"
            self._backoff.failed(at_ns)
            return
        self.epoch += 1
        self._anew = False
        self._xids = Xids(self._library)
        if self._failed:
            self._failed = False
            for gpu in self.gpus.values():
                gpu.health.recover()
            yield Event(kind="driver_reload")
        yield from self._scan(at_ns)

    def _opened(self, at_ns: int) -> int:
        """NVML's code; raises `Restart` where this process had opened it before, or has tried for long.

        A process that never could is as new as any other: starting again and again would change nothing.
        """
        try:
            return self._library.open()
        except Restart:
            self._mismatched_ns = at_ns if self._mismatched_ns is None else self._mismatched_ns
            if self.epoch or at_ns - self._mismatched_ns >= PATIENCE_NS:
                raise
            return MISMATCH

    def _scan(self, at_ns: int) -> Iterator[Event]:
        count, due = c_uint(), self._backoff.due(at_ns)
        code = self._library.call("nvmlDeviceGetCount_v2", byref(count))
        check("nvmlDeviceGetCount_v2", code)
        before = {uuid for uuid, gpu in self.gpus.items() if gpu.board is not None}
        for index in range(count.value if code == SUCCESS else 0):
            try:
                yield from self._find(index, due=due)
            except DeviceGone as error:
                self.trouble = f"GPU {index}: {error}"
        if self._xids is not None:
            boards = {uuid: gpu.board for uuid, gpu in self.gpus.items() if uuid not in before}
            self._xids.register({uuid: board.handle for uuid, board in boards.items() if board is not None})
        missing = [gpu for gpu in self.gpus.values() if gpu.board is None]
        for gpu in missing:
            if not gpu.lost:
                gpu.lost = LOST_BIT
                yield Event(kind="lost", uuid=gpu.device.uuid)
        self._incomplete = bool(missing) or len(self.gpus) < count.value
        if self._incomplete and due:
            self._backoff.failed(at_ns)
        elif not self._incomplete:
            self.trouble = ""

    def _find(self, index: int, *, due: bool) -> Iterator[Event]:
        handle = c_void_p()
        code = self._library.call("nvmlDeviceGetHandleByIndex_v2", index, byref(handle))
        check("nvmlDeviceGetHandleByIndex_v2", code)
        board = Board(self._library, handle)
        uuid = board.text("nvmlDeviceGetUUID") if code == SUCCESS else ""
        if not uuid:
            self.trouble = f"GPU {index}: NVML error {code}"
            return
        if uuid not in self.gpus:
            self.gpus[uuid] = Gpu(uuid, board)
        gpu = self.gpus[uuid]
        if gpu.board is not None or (gpu.lost and not due):
            return
        was_lost = gpu.lost != 0
        gpu.attach(board)
        if was_lost:
            gpu.health.recover()
            yield Event(kind="recovered", uuid=uuid)

    def hear(self) -> Iterator[Event]:
        """The XIDs since the call before, those too that came before NVML was closed."""
        heard, self._unheard = self._unheard, []
        if self._xids is not None:
            heard += self._xids.take()
        for uuid, xid in heard:
            if uuid in self.gpus:
                self.gpus[uuid].health.report(xid, self.gpus[uuid].pids)
            yield Event(kind="xid", uuid=uuid, value=xid)

    def lose(self, gpu: Gpu, error: DeviceGone, at_ns: int) -> Event:
        """One GPU does not answer; NVML is opened anew at the next tick, without it."""
        gpu.lost = RESET_BIT if error.code == RESET_REQUIRED else LOST_BIT
        gpu.detach()
        self.trouble = f"{gpu.device.uuid}: {error}"
        self._anew = self._incomplete = True
        self._backoff.failed(at_ns)
        return Event(kind="lost", uuid=gpu.device.uuid, value=error.code, text=str(error))

    def fail(self, error: DriverGone, at_ns: int) -> None:
        """The driver does not answer at all."""
        self.close()
        self.trouble = str(error)
        self._failed = True
        self._backoff.failed(at_ns)

    def close(self) -> None:
        """Let go of all devices and of NVML, unless a call hangs in it."""
        for gpu in self.gpus.values():
            gpu.detach()
        xids, self._xids = self._xids, None
        if xids is None:
            return
        ended = xids.close()
        self._unheard += xids.take()
        if ended:
            self._library.close()
