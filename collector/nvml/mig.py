"""MIG: the instances of one GPU as they are now; the layout may change while we look."""

from __future__ import annotations

from ctypes import byref, c_uint, c_void_p

from msgspec import structs

from collector.nvml import gpm
from collector.nvml.board import Board
from collector.nvml.counters import Memory
from collector.nvml.errors import SUCCESS
from collector.nvml.gpm import Window
from collector.wire import UNKNOWN, Device


class Instance:
    """A MIG instance; its UUID lives as long as it does, its handle and the id of its GPU instance are reused."""

    def __init__(self, board: Board, uuid: str, parent: Device) -> None:
        self.board = board
        self.gi = board.u32("nvmlDeviceGetGpuInstanceId")
        self.window: Window | None = None
        _, total = Memory().read(board)
        self.device = structs.replace(
            parent,
            uuid=uuid,
            name=parent.name,
            memory_bytes=UNKNOWN if total is None else total,
            parent=parent.uuid,
            profile=board.text("nvmlDeviceGetName").rpartition("MIG ")[2],
            instance=UNKNOWN if self.gi is None else self.gi,
        )

    def activity(self) -> gpm.Activity:
        """What its GPU instance did since the call before."""
        return gpm.UNKNOWN if self.window is None else self.window.read()


class Layout:
    """The MIG instances of one GPU."""

    def __init__(self) -> None:
        self.enabled = False
        self.instances: dict[str, Instance] = {}
        self._stale = False

    def turn(self, board: Board) -> bool:
        """See whether MIG is enabled; whether that is not as it was."""
        before, self.enabled = self.enabled, _enabled(board)
        return self.enabled != before

    def refresh(self, board: Board, parent: Device, *, has_gpm: bool) -> bool:
        """Look again; whether other instances are there than were."""
        before = set(self.instances)
        known = {} if self._stale else self.instances
        self._replace(_enumerate(board, parent, known) if self.enabled else {})
        self._stale = False
        if has_gpm and self.enabled:
            self._watch(board)
        return set(self.instances) != before

    def _replace(self, now: dict[str, Instance]) -> None:
        for uuid, instance in self.instances.items():
            if uuid not in now and instance.window is not None:
                instance.window.free()
        self.instances = now

    def _watch(self, board: Board) -> None:
        gis = [instance.gi for instance in self.instances.values()]
        for instance in self.instances.values():
            # GPM sees GPU instances: where several compute instances share one, it is nobody's alone.
            alone = instance.gi is not None and gis.count(instance.gi) == 1
            if alone and instance.window is None:
                instance.window = Window(board, instance.gi)
            elif not alone and instance.window is not None:
                instance.window.free()
                instance.window = None

    def detach(self) -> None:
        """Free what belongs to the session of NVML that ends; what was there is still told."""
        self._stale = True
        for instance in self.instances.values():
            if instance.window is not None:
                instance.window.free()
                instance.window = None


def _enabled(board: Board) -> bool:
    current, pending = c_uint(), c_uint()
    return board.ask("nvmlDeviceGetMigMode", byref(current), byref(pending)) == SUCCESS and bool(current.value)


def _enumerate(board: Board, parent: Device, known: dict[str, Instance]) -> dict[str, Instance]:
    found: dict[str, Instance] = {}
    for index in range(board.u32("nvmlDeviceGetMaxMigDeviceCount") or 0):
        handle = c_void_p()
        if board.ask("nvmlDeviceGetMigDeviceHandleByIndex", index, byref(handle)) != SUCCESS:
            continue  # a hole: instances are numbered sparsely
        fresh = Board(board.library, handle)
        uuid = fresh.text("nvmlDeviceGetUUID")
        if not uuid:
            continue  # it was destroyed between the two calls
        if uuid in known:
            known[uuid].board.handle = handle
        found[uuid] = known.get(uuid) or Instance(fresh, uuid, parent)
    return found
