"""What a return code of NVML means for the one who asked: one policy for all calls."""

from __future__ import annotations

import pynvml

SUCCESS: int = pynvml.NVML_SUCCESS
NOT_FOUND: int = pynvml.NVML_ERROR_NOT_FOUND
TOO_SMALL: int = pynvml.NVML_ERROR_INSUFFICIENT_SIZE
UNKNOWN: int = pynvml.NVML_ERROR_UNKNOWN
FUNCTION_NOT_FOUND: int = pynvml.NVML_ERROR_FUNCTION_NOT_FOUND
LOST: int = pynvml.NVML_ERROR_GPU_IS_LOST
RESET_REQUIRED: int = pynvml.NVML_ERROR_RESET_REQUIRED
MISMATCH: int = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH

ABSENT = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_NO_PERMISSION,
        FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DEPRECATED,
    }
)
"""This device does not have it: not to be asked again until NVML is initialized anew."""

EMPTY = frozenset({NOT_FOUND, pynvml.NVML_ERROR_NO_DATA})
"""Of samples and rows: there were none, which is a valid zero."""

DEVICE = frozenset({LOST, RESET_REQUIRED})
"""One device is gone; the others go on."""

DRIVER = frozenset({pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_DRIVER_NOT_LOADED})
"""All devices are gone until NVML is initialized anew."""

STRIKES = 3
"""So many UNKNOWN in a row of one call are a lost device."""


class DeviceGone(Exception):
    """A device does not answer; `code` is NVML's."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name}: NVML error {code}")
        self.code = code


class DriverGone(Exception):
    """The driver does not answer for any device; `code` is NVML's."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name}: NVML error {code}")
        self.code = code


class Restart(Exception):
    """The driver was replaced under the library that this process has loaded: only a new process reaches it."""


def check(name: str, code: int) -> None:
    """Raise `Restart`, `DriverGone` or `DeviceGone` where the code of the call `name` says so."""
    if code == MISMATCH:
        raise Restart(f"{name}: driver and library have different versions; this process has to start anew")
    if code in DRIVER:
        raise DriverGone(name, code)
    if code in DEVICE:
        raise DeviceGone(name, code)
