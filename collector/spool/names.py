"""Positions of devices, workloads, texts and groups in one segment."""

from __future__ import annotations

import msgspec

from collector.wire import TABLES, UNKNOWN, Batch, Device, Group, Names, Workload

REFERS: dict[str, dict[str, str]] = {
    "records": {"device": "devices", "workload": "workloads"},
    "holdings": {"device": "devices", "workload": "workloads"},
    "notes": {"device": "devices", "text": "texts"},
    "allocations": {"group": "groups", "workload": "workloads", "outcome": "texts"},
    "stock": {"group": "groups"},
    "served": {"workload": "workloads", "model": "texts", "engine": "texts"},
    "quotas": {"group": "groups", "queue": "texts", "cohort": "texts", "flavor": "texts"},
}
"""By table, which columns are positions in which list of names."""

OPTIONAL = {
    ("records", "workload"),
    ("notes", "device"),
    ("notes", "text"),
    ("allocations", "outcome"),
    ("quotas", "cohort"),
}
"""Positions that may be UNKNOWN."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Interner:
    """Numbers what rows speak of in the order it becomes known; one per segment, as positions mean nothing beyond."""

    def __init__(self) -> None:
        self._devices: dict[Device, int] = {}
        self._workloads: dict[bytes, int] = {}
        self._texts: dict[str, int] = {}
        self._groups: dict[Group, int] = {}
        self._new = _none()

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

    def group(self, group: Group) -> int:
        """The position of a group."""
        if group not in self._groups:
            self._new.groups.append(group)
        return self._groups.setdefault(group, len(self._groups))

    @property
    def new(self) -> Names:
        """Those that no written batch has told yet."""
        return self._new

    def told(self) -> None:
        """A batch with all that was new is on disk."""
        self._new = _none()

    def check(self, batch: Batch) -> None:
        """Raises `ValueError` where a row speaks of a position that this segment does not have."""
        known = {
            "devices": len(self._devices),
            "workloads": len(self._workloads),
            "texts": len(self._texts),
            "groups": len(self._groups),
        }
        for table, columns in REFERS.items():
            for column, names in columns.items():
                at = TABLES[table]._fields.index(column)  # type: ignore[attr-defined]
                told = [row[at] for row in getattr(batch, table)]
                least = UNKNOWN if (table, column) in OPTIONAL else 0
                if told and not (least <= min(told) and max(told) < known[names]):
                    raise ValueError(f"{column} of {table}: its names are not of this segment")


def _none() -> Names:
    return Names([], [], [], [])
