"""What a person wants to know of the driver and its devices before trusting the readings."""

from __future__ import annotations

from ctypes import byref, c_uint, c_void_p, create_string_buffer

from msgspec import Struct

from collector.nvml import gpm
from collector.nvml.board import Board
from collector.nvml.errors import SUCCESS, DeviceGone, DriverGone
from collector.nvml.gpu import Gpu
from collector.nvml.library import Library
from collector.wire import Device


class DeviceFacts(Struct, frozen=True, kw_only=True):
    """One GPU; None: the driver does not tell. `trouble` is why nothing is known of it, or ''.

    `told` is it and its MIG instances, as records speak of them.
    """

    index: int
    uuid: str = ""
    name: str = ""
    persistence: bool | None = None
    accounting: bool | None = None
    mig: bool | None = None
    gpm: bool = False
    told: tuple[Device, ...] = ()
    trouble: str = ""


class DriverFacts(Struct, frozen=True, kw_only=True):
    """The driver and its GPUs; `trouble` is why there is none, or ''."""

    driver: str = ""
    nvml: str = ""
    devices: tuple[DeviceFacts, ...] = ()
    trouble: str = ""


def facts() -> DriverFacts:
    """Open NVML, look, and close it again; raises `errors.Restart` where driver and library do not fit."""
    library = Library()
    code = library.open()
    if code != SUCCESS:
        return DriverFacts(trouble=f"NVML could not be initialized: error {code}")
    try:
        return _look(library)
    except DriverGone as error:
        return DriverFacts(trouble=str(error))
    finally:
        library.close()


def _look(library: Library) -> DriverFacts:
    count = c_uint()
    code = library.call("nvmlDeviceGetCount_v2", byref(count))
    return DriverFacts(
        driver=_version(library, "nvmlSystemGetDriverVersion"),
        nvml=_version(library, "nvmlSystemGetNVMLVersion"),
        devices=tuple(_device(library, index) for index in range(count.value if code == SUCCESS else 0)),
    )


def _version(library: Library, name: str) -> str:
    buffer = create_string_buffer(96)
    return buffer.value.decode() if library.call(name, buffer, len(buffer)) == SUCCESS else ""


def _device(library: Library, index: int) -> DeviceFacts:
    handle = c_void_p()
    code = library.call("nvmlDeviceGetHandleByIndex_v2", index, byref(handle))
    if code != SUCCESS:
        return DeviceFacts(index=index, trouble=f"NVML error {code}")
    board = Board(library, handle)
    try:
        return DeviceFacts(
            index=index,
            uuid=board.text("nvmlDeviceGetUUID"),
            name=board.text("nvmlDeviceGetName"),
            persistence=_switch(board.u32("nvmlDeviceGetPersistenceMode")),
            accounting=_switch(board.u32("nvmlDeviceGetAccountingMode")),
            mig=_mig(board),
            gpm=gpm.supported(board),
            told=_told(board),
        )
    except DeviceGone as error:
        return DeviceFacts(index=index, trouble=str(error))


def _told(board: Board) -> tuple[Device, ...]:
    gpu = Gpu(board.text("nvmlDeviceGetUUID"), board)
    gpu.layout.turn(board)
    gpu.layout.refresh(board, gpu.device, has_gpm=False)
    return tuple(gpu.devices())


def _switch(value: int | None) -> bool | None:
    return None if value is None else bool(value)


def _mig(board: Board) -> bool | None:
    current, pending = c_uint(), c_uint()
    code = board.ask("nvmlDeviceGetMigMode", byref(current), byref(pending))
    return bool(current.value) if code == SUCCESS else None
