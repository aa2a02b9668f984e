"""One GPU (or MIG instance) as something to ask: a handle, and what it turned out not to have."""

from __future__ import annotations

from ctypes import byref, c_uint, c_ulonglong, c_void_p, create_string_buffer
from typing import Any

from collector.nvml.errors import ABSENT, STRIKES, SUCCESS, UNKNOWN, DeviceGone, check
from collector.nvml.library import Library


class Board:
    """A handle of one session; each call follows the one policy of `errors`.

    `DeviceGone`, `DriverGone` and `Restart` are raised from any call. A metric that the device does not have is not
    asked for again.
    """

    def __init__(self, library: Library, handle: c_void_p) -> None:
        self.library = library
        self.handle = handle
        self._absent: dict[str, int] = {}
        self._strikes: dict[str, int] = {}
        self._u32 = c_uint()
        self._u64 = c_ulonglong()
        self._u32_out = byref(self._u32)
        self._u64_out = byref(self._u64)

    def ask(self, name: str, *arguments: Any) -> int:  # noqa: ANN401 - ctypes converts them
        """The return code of `name` for this device."""
        if name in self._absent:
            return self._absent[name]
        code = self.library.call(name, self.handle, *arguments)
        if code != SUCCESS or self._strikes:
            self._judge(name, code)
        return code

    def _judge(self, name: str, code: int) -> None:
        check(name, code)
        if code in ABSENT:
            self._absent[name] = code
        if code != UNKNOWN:
            self._strikes.pop(name, None)
            return
        self._strikes[name] = self._strikes.get(name, 0) + 1
        if self._strikes[name] >= STRIKES:
            raise DeviceGone(name, code)

    def u32(self, name: str, *before: int) -> int | None:
        """An unsigned int that `name` returns, None where it does not."""
        return self._u32.value if self.ask(name, *before, self._u32_out) == SUCCESS else None

    def u64(self, name: str, *before: int) -> int | None:
        """An unsigned long long that `name` returns, None where it does not."""
        return self._u64.value if self.ask(name, *before, self._u64_out) == SUCCESS else None

    def text(self, name: str) -> str:
        """A string that `name` returns, '' where it does not."""
        buffer = create_string_buffer(96)
        return buffer.value.decode(errors="replace") if self.ask(name, buffer, len(buffer)) == SUCCESS else ""

    def has(self, name: str) -> bool:
        """Whether `name` was not refused so far."""
        return name not in self._absent
