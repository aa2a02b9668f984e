"""NVML's functions as return codes, with argument types of our own on the pointers that `pynvml` holds.

The wrappers of `pynvml` raise on old drivers, on memory that is not available and between two calls for one list; here
one call with a buffer of ours does, and falling back to an older symbol is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_int, c_uint, c_ulonglong, c_void_p
from typing import Any

import pynvml

from collector.nvml.errors import FUNCTION_NOT_FOUND, SUCCESS, check

Function = Callable[..., int]

_OUT = c_void_p
_GETTER = (c_void_p, _OUT)
_TEXT = (c_void_p, _OUT, c_uint)
_LIST = (c_void_p, _OUT, _OUT)

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "nvmlDeviceGetCount_v2": (_OUT,),
    "nvmlDeviceGetHandleByIndex_v2": (c_uint, _OUT),
    "nvmlDeviceGetUUID": _TEXT,
    "nvmlDeviceGetName": _TEXT,
    "nvmlDeviceGetSerial": _TEXT,
    "nvmlSystemGetDriverVersion": (_OUT, c_uint),
    "nvmlSystemGetNVMLVersion": (_OUT, c_uint),
    "nvmlDeviceGetTemperature": (c_void_p, c_uint, _OUT),
    "nvmlDeviceGetTotalEccErrors": (c_void_p, c_uint, c_uint, _OUT),
    "nvmlDeviceGetFieldValues": (c_void_p, c_int, _OUT),
    "nvmlDeviceGetSamples": (c_void_p, c_uint, c_ulonglong, _OUT, _OUT, _OUT),
    "nvmlDeviceGetProcessUtilization": (c_void_p, _OUT, _OUT, c_ulonglong),
    "nvmlDeviceGetComputeRunningProcesses_v3": _LIST,
    "nvmlDeviceGetComputeRunningProcesses_v2": _LIST,
    "nvmlDeviceGetGraphicsRunningProcesses_v3": _LIST,
    "nvmlDeviceGetGraphicsRunningProcesses_v2": _LIST,
    "nvmlDeviceGetMPSComputeRunningProcesses_v3": _LIST,
    "nvmlDeviceGetMPSComputeRunningProcesses_v2": _LIST,
    "nvmlDeviceSetAccountingMode": (c_void_p, c_uint),
    "nvmlDeviceGetAccountingPids": _LIST,
    "nvmlDeviceGetAccountingStats": (c_void_p, c_uint, _OUT),
    "nvmlDeviceGetMigMode": (c_void_p, _OUT, _OUT),
    "nvmlDeviceGetMigDeviceHandleByIndex": (c_void_p, c_uint, _OUT),
    "nvmlGpmSampleAlloc": (_OUT,),
    "nvmlGpmSampleFree": (c_void_p,),
    "nvmlGpmMigSampleGet": (c_void_p, c_uint, c_void_p),
    "nvmlGpmMetricsGet": (_OUT,),
    "nvmlEventSetCreate": (_OUT,),
    "nvmlEventSetFree": (c_void_p,),
    "nvmlDeviceRegisterEvents": (c_void_p, c_ulonglong, c_void_p),
    "nvmlEventSetWait_v2": (c_void_p, _OUT, c_uint),
}
"""What is not here takes a device and one pointer."""


class Library:
    """The one NVML of this process, opened and closed by the thread that samples."""

    def __init__(self) -> None:
        self._functions: dict[str, Function | None] = {}

    def open(self) -> int:
        """Load and initialize NVML; its return code, LIBRARY_NOT_FOUND where there is no driver. Raises `Restart`."""
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            self._functions.clear()
            if error.value == pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH:
                check("nvmlInit", error.value)
            return int(error.value)
        return SUCCESS

    def close(self) -> None:
        """Shut NVML down; never while a call is in flight."""
        self.call("nvmlShutdown")

    def call(self, name: str, *arguments: Any) -> int:  # noqa: ANN401 - ctypes converts them
        """The return code of the function `name`; FUNCTION_NOT_FOUND where this driver does not export it."""
        try:
            function = self._functions[name]
        except KeyError:
            function = self._functions[name] = self._find(name)
        return FUNCTION_NOT_FOUND if function is None else function(*arguments)

    def _find(self, name: str) -> Function | None:
        try:
            pointer = pynvml._nvmlGetFunctionPointer(name)
        except pynvml.NVMLError as error:
            if error.value != FUNCTION_NOT_FOUND:
                raise
            return None
        pointer.argtypes = () if name == "nvmlShutdown" else _SIGNATURES.get(name, _GETTER)
        found: Function = pointer
        return found
