"""XID events, awaited in a thread of their own: the driver delivers none that came before one asked."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ctypes import byref, c_void_p
from queue import SimpleQueue
from threading import Event, Thread

import pynvml

from collector.nvml.errors import DRIVER, SUCCESS
from collector.nvml.library import Library

WAIT_MS = 250
_PATIENCE_S = 2.0
_TIMEOUT = pynvml.NVML_ERROR_TIMEOUT

logger = logging.getLogger(__name__)


class Xids:
    """The XIDs of the devices of one session of NVML."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._set = c_void_p()
        self._reports: SimpleQueue[tuple[int, int]] = SimpleQueue()
        self._stop = Event()
        self._thread: Thread | None = None
        self._uuids: dict[int, str] = {}
        self._code = library.call("nvmlEventSetCreate", byref(self._set))

    def register(self, handles: Mapping[str, c_void_p]) -> None:
        """Have the events of these devices, by UUID, delivered, those that have any."""
        if self._code != SUCCESS:
            return
        kind = pynvml.nvmlEventTypeXidCriticalError
        register = "nvmlDeviceRegisterEvents"
        codes = [self._library.call(register, handle, kind, self._set) for handle in handles.values()]
        self._uuids.update((handle.value or 0, uuid) for uuid, handle in handles.items())
        if SUCCESS in codes and self._thread is None:
            self._thread = Thread(target=self._wait, name="nvml-xids", daemon=True)
            self._thread.start()

    def take(self) -> list[tuple[str, int]]:
        """What was reported since the call before: the UUID ('' where it is not known) and the XID."""
        reports = [self._reports.get() for _ in range(self._reports.qsize())]
        return [(self._uuids.get(handle, ""), xid) for handle, xid in reports]

    def close(self) -> bool:
        """End the thread; False where it hangs in the driver, and NVML must not be shut down."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                return False
        if self._code == SUCCESS:
            self._library.call("nvmlEventSetFree", self._set)
        return True

    def _wait(self) -> None:
        data = pynvml.c_nvmlEventData_t()
        while not self._stop.is_set():
            code = self._library.call("nvmlEventSetWait_v2", self._set, byref(data), WAIT_MS)
            if code == SUCCESS:
                self._reports.put((pynvml.cast(data.device, c_void_p).value or 0, int(data.eventData)))
            elif code in DRIVER:
                break
            elif code != _TIMEOUT:
                logger.warning("nvmlEventSetWait_v2: NVML error %d", code)
                self._stop.wait(WAIT_MS / 1000)
