"""Positions of devices, workloads and texts in one segment."""

from __future__ import annotations

import msgspec

from collector.wire import UNKNOWN, Batch, Device, Holding, Names, Record, Workload

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Interner:
    """Numbers what rows speak of in the order it becomes known; one per segment, as positions mean nothing beyond."""

    def __init__(self) -> None:
        self._devices: dict[Device, int] = {}
        self._workloads: dict[bytes, int] = {}
        self._texts: dict[str, int] = {}
        self._new = Names([], [], [])

    def device(self, device: Device) -> int:
        """The position of a device; one with other facts is another."""
        if device not in self._devices:
            self._new.devices.append(device)
        return self._devices.setdefault(device, len(self._devices))

    def workload(self, workload: Workload) -> int:
        """The position of a workload; one with other claims is another."""
        key = _encode(workload)
        if key not in self._workloads:
            self._new.workloads.append(workload)
        return self._workloads.setdefault(key, len(self._workloads))

    def text(self, text: str) -> int:
        """The position of a text."""
        if text not in self._texts:
            self._new.texts.append(text)
        return self._texts.setdefault(text, len(self._texts))

    @property
    def new(self) -> Names:
        """Those that no written batch has told yet."""
        return self._new

    def told(self) -> None:
        """A batch with all that was new is on disk."""
        self._new = Names([], [], [])

    def check(self, batch: Batch) -> None:
        """Raises `ValueError` where a row speaks of a position that this segment does not have."""
        devices, workloads, texts = range(len(self._devices)), range(UNKNOWN, len(self._workloads)), len(self._texts)
        told: list[Record | Holding] = [*batch.records, *batch.holdings]
        for row in told:
            if row.device not in devices or row.workload not in workloads:
                raise ValueError(f"{row}: its names are not of this segment")
        for note in batch.notes:
            if not UNKNOWN <= note.device < len(devices) or not UNKNOWN <= note.text < texts:
                raise ValueError(f"{note}: its names are not of this segment")
