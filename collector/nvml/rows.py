"""Lists that the driver writes into a buffer of ours."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import byref, c_uint
from typing import Any, NamedTuple

from collector.nvml.errors import SUCCESS, TOO_SMALL

_TRIES = 4


class Found(NamedTuple):
    """The driver's code, and the rows where it is SUCCESS."""

    code: int
    rows: list[Any]


class Rows:
    """A buffer of `room` rows of the ctypes structure `kind`; it grows where the driver has more."""

    def __init__(self, kind: Any, room: int) -> None:  # noqa: ANN401 - a ctypes class
        self._kind = kind
        self._room = room
        self._buffer = (kind * room)()
        self._count = c_uint()

    def ask(self, call: Callable[[Any, Any], int]) -> Found:
        """What `call(count, buffer)` finds, as long as the list does not grow faster than the buffer."""
        code = TOO_SMALL
        for _ in range(_TRIES):
            self._count.value = self._room
            code = call(byref(self._count), self._buffer)
            if code != TOO_SMALL:
                break
            # Room to spare: the list may be longer at the next call.
            self._room = max(2 * self._room, self._count.value + 64)
            self._buffer = (self._kind * self._room)()
        return Found(code, self._buffer[: self._count.value] if code == SUCCESS else [])
