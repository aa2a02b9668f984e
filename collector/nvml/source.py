"""The source of NVIDIA GPUs: one tick of all of them."""

from __future__ import annotations

import os
from pathlib import Path

from collector.nvml.board import Board
from collector.nvml.errors import DeviceGone, DriverGone
from collector.nvml.gpu import Gpu
from collector.nvml.looks import Looks
from collector.nvml.processes import Lists
from collector.nvml.session import Session
from collector.source import Event, Instant, Tick

_STEP_MS = 1000


class Nvml:
    """A `Source`: processes at every `processes_every`-th tick and when memory moves, /proc of the host at `proc`.

    `tick`, `close` and nothing else call the driver; they are one thread's. NVML does not survive a fork.
    """

    name = "nvml"

    def __init__(self, *, processes_every: int = 10, proc: Path = Path("/proc")) -> None:
        self._looks = Looks(processes_every)
        self._lists = Lists(proc)
        self._session = Session()
        self._released = False
        self._since_ms = 0
        self._offset_ms: int | None = None
        self._process = os.getpid()

    @property
    def trouble(self) -> str:
        """What keeps the source from reading all devices, one line; '' where nothing does."""
        return self._session.trouble

    @property
    def holds_driver(self) -> bool:
        """Whether a session of NVML is open, which keeps the driver from being unloaded."""
        return self._session.is_open

    def release(self) -> None:
        """Let the driver go at the next tick, until `acquire`; from any thread."""
        self._released = True

    def acquire(self) -> None:
        """Take the driver again at the next tick; from any thread."""
        self._released = False

    def tick(self, at: Instant) -> Tick:
        """Everything there is to say at this instant.

        Raises `errors.Restart` where only a new process reaches the driver. While the driver is gone or
        released, the devices last known are told without a reading.
        """
        if os.getpid() != self._process:
            raise RuntimeError("NVML does not survive a fork: make a new source in the new process")
        tick = Tick(at=at)
        try:
            self._ready(at, tick)
            tick.events.extend(self._session.hear())
            if self._session.is_open:
                self._sample(at, tick)
        except DriverGone as error:
            self._session.fail(error, at.boot_ns)
        tick.devices = tuple(device for gpu in self._session.gpus.values() for device in gpu.devices())
        tick.epoch = self._session.epoch
        return tick

    def close(self) -> None:
        """Let go of the driver; not while a tick is in flight."""
        self._session.close()

    def _ready(self, at: Instant, tick: Tick) -> None:
        if self._released:
            if self._session.is_open:
                self._session.close()
            return
        tick.events.extend(self._session.ready(at.boot_ns))

    def _sample(self, at: Instant, tick: Tick) -> None:
        self._watch_clock(at)
        for gpu in self._session.gpus.values():
            if gpu.board is None:
                tick.readings.extend(gpu.lost_readings())
                continue
            try:
                self._read(gpu, gpu.board, tick)
            except DeviceGone as error:
                self._lose(gpu, error, tick)
        if self._looks.due(tick):
            self._look(tick)

    def _lose(self, gpu: Gpu, error: DeviceGone, tick: Tick) -> None:
        tick.events.append(self._session.lose(gpu, error, tick.at.boot_ns))
        told = {reading.uuid for reading in tick.readings}
        tick.readings.extend(reading for reading in gpu.lost_readings() if reading.uuid not in told)

    def _read(self, gpu: Gpu, board: Board, tick: Tick) -> None:
        if gpu.refresh(board):
            profiles = [instance.device.profile for instance in gpu.layout.instances.values()]
            tick.events.append(Event(kind="layout", uuid=gpu.device.uuid, text=" ".join(profiles)))
        tick.readings.extend(gpu.readings(gpu.board or board))

    def _look(self, tick: Tick) -> None:
        tick.processes = []
        for gpu in self._session.gpus.values():
            if gpu.board is None:
                continue
            try:
                tick.processes.extend(gpu.processes(gpu.board, self._lists))
                tick.ended.extend(gpu.ended(gpu.board, self._since_ms))
            except DeviceGone as error:
                self._lose(gpu, error, tick)

    def _watch_clock(self, at: Instant) -> None:
        self._since_ms = self._since_ms or at.wall_ms
        offset = at.wall_ms - at.boot_ns // 1_000_000
        if self._offset_ms is not None and abs(offset - self._offset_ms) > _STEP_MS:
            for gpu in self._session.gpus.values():
                gpu.forget_clock()
        self._offset_ms = offset
