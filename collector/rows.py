"""From what the agent found in a window to rows of the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from collector.holders import Hold
from collector.observed import Interval, Rounding
from collector.source import Event
from collector.wire import NOTES, UNKNOWN, Device, Holding, Note, Record, Workload


class Interner(Protocol):
    """Positions of names in the segment that is being written."""

    def device(self, device: Device) -> int: ...
    def workload(self, workload: Workload) -> int: ...
    def text(self, text: str) -> int: ...


class Happened(Struct, frozen=True):
    """An event, when it was, and the device that it speaks of."""

    at_ms: int
    event: Event
    device: Device | None = None


def records(intervals: Iterable[Interval], names: Interner, rounding: Rounding) -> list[Record]:
    """Observed intervals as rows."""
    return [_record(interval, names, rounding) for interval in intervals]


def holdings(holds: Iterable[Hold], names: Interner) -> list[Holding]:
    """Holdings as rows."""
    return [
        Holding(names.device(h.device), names.workload(h.workload), h.start_ms, h.until_ms, h.share_ppm, int(h.closed))
        for h in holds
    ]


def notes(happened: Iterable[Happened], names: Interner) -> list[Note]:
    """Events as rows."""
    return [
        Note(
            one.at_ms,
            UNKNOWN if one.device is None else names.device(one.device),
            NOTES.index(one.event.kind),
            one.event.value,
            names.text(one.event.text) if one.event.text else UNKNOWN,
        )
        for one in happened
    ]


def _record(interval: Interval, names: Interner, rounding: Rounding) -> Record:
    piece, amounts = interval.piece, rounding.amounts(interval)
    return Record(
        names.device(interval.device),
        UNKNOWN if interval.workload is None else names.workload(interval.workload),
        piece.start_ms,
        piece.length,
        amounts["busy"],
        amounts["sm"],
        amounts["tensor"],
        amounts["dram"],
        amounts["memory"],
        UNKNOWN if piece.peak is None else piece.peak,
        amounts["energy"],
        amounts["throttled"],
        piece.health,
        piece.flags,
    )
