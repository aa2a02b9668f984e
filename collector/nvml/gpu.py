"""One GPU as the source knows it, across losses of its handle."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref

import pynvml

from collector.nvml import gpm
from collector.nvml.accounting import Accounting
from collector.nvml.board import Board
from collector.nvml.counters import Energy, Memory, Utilization, throttled
from collector.nvml.errors import SUCCESS
from collector.nvml.health import Health
from collector.nvml.mig import Layout
from collector.nvml.processes import Activity, Lists, poll
from collector.source import Ended, Process, Reading
from collector.wire import UNKNOWN, Device

_CONTRADICTION, _ENERGY_RESTART = 1, 4
_memory = Memory()


class Gpu:
    """State that outlives sessions of NVML, by UUID; `board` is None while there is no handle.

    `lost` are bits of `wire.HEALTH`: why there is none.
    """

    def __init__(self, uuid: str, board: Board) -> None:
        self.device = _identity(uuid, board)
        self.board: Board | None = None
        self.lost = 0
        self.layout = Layout()
        self.health = Health()
        self.pids: frozenset[int] = frozenset()
        self._utilization = Utilization()
        self._energy = Energy()
        self._activity = Activity()
        self._accounting = Accounting()
        self._window: gpm.Window | None = None
        self._has_gpm = False
        self._busy: list[float] = []
        self._processes: list[Process] = []

    def attach(self, board: Board) -> None:
        """Go on with a handle of a new session, or after the mode of MIG changed."""
        self.detach()
        self._has_gpm = gpm.supported(board)
        self._window = gpm.Window(board) if self._has_gpm else None
        self._accounting.enable(board)
        self.board, self.lost = board, 0

    def detach(self) -> None:
        """Free what the driver holds for this device; none of its calls may be in flight."""
        if self._window is not None:
            self._window.free()
        self._window, self.board = None, None
        self.layout.detach()

    def forget_clock(self) -> None:
        """The wall clock stepped: the driver's timestamps are no longer comparable."""
        self._utilization = Utilization()
        self._activity.restart()

    def devices(self) -> Iterator[Device]:
        """This GPU, and the MIG instances that it has, or had when it was lost."""
        yield self.device
        for instance in self.layout.instances.values():
            yield instance.device

    def refresh(self, board: Board) -> bool:
        """Look at the MIG layout; whether it changed."""
        turned = self.layout.turn(board)
        if turned:
            # What was not supported with MIG is without it, and the other way around.
            board = Board(board.library, board.handle)
            self.attach(board)
        return self.layout.refresh(board, self.device, has_gpm=self._has_gpm) or turned

    def readings(self, board: Board) -> Iterator[Reading]:
        """What the GPU did since the tick before, then its MIG instances."""
        reading = self._reading(board)
        yield reading
        for instance in self.layout.instances.values():
            activity = instance.activity()
            yield Reading(
                uuid=instance.device.uuid,
                busy=activity.sm if activity.graphics is None else activity.graphics,
                sm=activity.sm,
                tensor=activity.tensor,
                dram=activity.dram,
                memory_bytes=_memory.read(instance.board)[0],
                throttled=reading.throttled,
                health=reading.health,
            )

    def lost_readings(self) -> Iterator[Reading]:
        """That it is lost, and nothing else: what it did is unknown."""
        for device in self.devices():
            yield Reading(uuid=device.uuid, health=self.lost)

    def _reading(self, board: Board) -> Reading:
        energy, restarted = self._energy.read(board)
        if restarted:
            self.health.recover()
        partitioned = self.layout.enabled
        busy = None if partitioned else self._utilization.read(board)
        activity = gpm.UNKNOWN if partitioned or self._window is None else self._window.read()
        busy = activity.graphics if busy is None else busy
        if busy is not None:
            self._busy.append(busy)
        return Reading(
            uuid=self.device.uuid,
            busy=busy,
            sm=activity.sm,
            tensor=activity.tensor,
            dram=activity.dram,
            memory_bytes=_memory.read(board)[0],
            energy_mj=energy,
            power_mw=board.u32("nvmlDeviceGetPowerUsage"),
            temperature=board.u32("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU),
            throttled=throttled(board),
            health=self.health.bits(board),
            flags=_contradict(busy, activity.sm) * _CONTRADICTION | restarted * _ENERGY_RESTART,
        )

    def processes(self, board: Board, lists: Lists) -> list[Process]:
        """Who holds a context now, with each one's share since the poll before."""
        busy = sum(self._busy) / len(self._busy) if self._busy else None
        self._busy.clear()
        self._processes = list(self._poll(board, lists, busy))
        self.pids = frozenset(process.pid for process in self._processes)
        self.health.examine(board, self.pids, busy=bool(busy))
        return self._processes

    def _poll(self, board: Board, lists: Lists, busy: float | None) -> Iterator[Process]:
        uuid, parts = self.device.uuid, self.layout.instances.items()
        asked = {uuid: instance.board for uuid, instance in parts} if self.layout.enabled else {uuid: board}
        for uuid, each in asked.items():
            contexts = lists.contexts(each)
            if contexts is None:
                yield from self._still_there(lists, uuid)
            elif self.layout.enabled:
                yield from (Process(uuid=uuid, pid=pid, memory_bytes=memory) for pid, memory in contexts.items())
            else:
                yield from poll(lists, board, self._activity, uuid, contexts, busy)

    def _still_there(self, lists: Lists, uuid: str) -> Iterator[Process]:
        # A list that failed is not an empty one: those go on that were there and live, with nothing known of them.
        for process in self._processes:
            if process.uuid == uuid and lists.alive(process.pid):
                yield Process(uuid=uuid, pid=process.pid)

    def ended(self, board: Board, since_ms: int) -> list[Ended]:
        """Processes that ended after `since_ms`, as accounting knows them."""
        return self._accounting.ended(board, self.device.uuid, self.pids, since_ms)


def _contradict(busy: float | None, sm: float | None) -> bool:
    return sm == 0 and busy is not None and busy >= 0.99


def _identity(uuid: str, board: Board) -> Device:
    minor = board.u32("nvmlDeviceGetMinorNumber")
    total = _memory.read(board)[1]
    pci = pynvml.nvmlPciInfo_t()
    has_pci = board.ask("nvmlDeviceGetPciInfo_v3", byref(pci)) == SUCCESS
    return Device(
        uuid=uuid,
        name=board.text("nvmlDeviceGetName"),
        minor=UNKNOWN if minor is None else minor,
        bus=str(pci.busId) if has_pci else "",
        serial=board.text("nvmlDeviceGetSerial"),
        memory_bytes=UNKNOWN if total is None else total,
    )
