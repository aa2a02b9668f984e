"""What many findings say once it does not matter any more in which spans they were found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from collector.central.findings import Allocated, Findings, Quoted, Source, Span, Stocked
from collector.holders import Hold
from collector.rows import Happened
from collector.wire import Group

Intervals = list[tuple[int, int]]


class Told:
    """The last word on every row."""

    def __init__(self, found: Iterable[Findings]) -> None:
        self.rows: dict[str, list[tuple[int, ...]]] = {}
        self.holds: dict[tuple[str, str, int], tuple[int, bool]] = {}
        self.allocated: dict[tuple[Group, str, int | None, int | None], tuple[int, bool, int, str, str]] = {}
        self.stocked: dict[tuple[Group, str, int], Intervals] = {}
        self.quoted: dict[tuple[Group, str, str, str, int, int], Intervals] = {}
        self.happened: list[Happened] = []
        for one in found:
            self._add(one)
        self.rows = {uuid: sorted(set(rows)) for uuid, rows in self.rows.items()}
        self.happened = sorted(set(self.happened), key=lambda h: (h.at_ms, h.event.uuid))

    def hours(self, workload: str, uuid: str = "") -> float:
        """So long a workload held devices, by name."""
        held = [until - start for (u, w, start), (until, _) in self.holds.items() if w == workload and uuid in {"", u}]
        return sum(held) / 3_600_000

    def total(self, uuid: str, column: int) -> int:
        """The sum of a column of a device's rows."""
        return sum(row[column] for row in self.rows[uuid])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Told) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(vars(self))

    def _add(self, found: Findings) -> None:
        for activity in found.activity:
            self.rows.setdefault(activity.device.uuid, []).extend(activity.rows)
        for hold in found.holds:
            self._hold(hold)
        for allocated in found.allocated:
            self._allocate(allocated)
        for stocked in found.stocked:
            key = (stocked.group, stocked.condition, stocked.quantity_ppm)
            _join(self.stocked.setdefault(key, []), stocked)
        for one in found.quoted:
            queue = (one.group, one.queue, one.cohort, one.flavor, one.nominal_ppm, one.used_ppm)
            _join(self.quoted.setdefault(queue, []), one)
        self.happened += found.happened

    def _hold(self, hold: Hold) -> None:
        key = (hold.device.uuid, hold.workload.id, hold.start_ms)
        self.holds[key] = max(self.holds.get(key, (0, False)), (hold.until_ms, hold.closed))

    def _allocate(self, one: Allocated) -> None:
        key = (one.group, one.workload.id, one.submitted_ms, one.start_ms)
        value = (one.until_ms, one.closed, one.quantity_ppm, one.outcome, one.workload.owner)
        self.allocated[key] = max(self.allocated.get(key, (0, False, 0, "", "")), value)


def _join(where: Intervals, one: Stocked | Quoted) -> None:
    if where and where[-1][0] <= one.start_ms <= where[-1][1]:
        where[-1] = (where[-1][0], max(where[-1][1], one.until_ms))
    else:
        where.append((one.start_ms, one.until_ms))


def spans(*edges: int) -> list[Span]:
    """The spans between instants."""
    return [Span(start, end) for start, end in pairwise(edges)]


def read(source: Source, asked: Sequence[Span]) -> Told:
    """All that a source finds in spans, one after the other."""
    return Told([source.read(span) for span in asked])
