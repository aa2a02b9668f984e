"""The ladder: what a segment becomes when room is short, as pure functions of its batch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from msgspec import structs

from collector.spool.names import REFERS, Interner
from collector.wire import FLAGS, NOTES, UNKNOWN, Allocation, Batch, Holding, Note, Quota, Record, Served, Stock

MINUTE_MS = 60_000
QUARTER_MS = 900_000
COARSE = next(bit for bit, text in FLAGS.items() if text.startswith("coarse:"))
TOP = 5
"""The last level: nothing but what was lost is told."""

_INTEGRALS = ("busy_ms", "sm_ms", "tensor_ms", "dram_ms", "memory_byte_ms", "energy_mj", "throttled_ms")
_KEPT = ("busy_ms", "energy_mj")
_MEASURES = Record._fields[Record._fields.index("busy_ms") : Record._fields.index("health")]


def coarser(batch: Batch, level: int) -> Batch:
    """A sealed segment's batch at `level`: 1 minutes, 2 quarters, 3 busy and energy only, 4 no records, 5 nothing.

    What is left is exact, and a note tells the last step of each kind. Devices are always told.
    """
    if level == 1:
        return _told(batch, _windowed(batch, MINUTE_MS), "coarsened", MINUTE_MS, "windows")
    if level == 2:
        return _told(batch, _windowed(batch, QUARTER_MS), "coarsened", QUARTER_MS, "windows")
    if level == 3:
        return _told(batch, _narrowed(batch), "coarsened", QUARTER_MS, "measures")
    if level == 4:
        lost_ms = sum(row.length_ms for row in batch.records if row.workload == UNKNOWN)
        return _told(batch, structs.replace(batch, records=[]), "dropped", lost_ms, "records")
    held: list[Holding | Allocation] = [*latest(batch.holdings), *_held(batch)]
    lost_ms = sum(row.until_ms - row.start_ms for row in held)
    return _told(batch, Batch(batch.names, [], [], batch.notes), "dropped", lost_ms, "holdings")


def windows(records: list[Record], window_ms: int) -> list[Record]:
    """Records joined within whole windows, sorted; only neighbors without a gap and with the same unknowns and health.

    Sums are exact, no record crosses the end of its window more than it did, nothing unknown becomes known or zero.
    """
    runs: list[list[Record]] = []
    for row in sorted(records):
        if runs and _adjoins(runs[-1][-1], row, window_ms):
            runs[-1].append(row)
        else:
            runs.append([row])
    return [_sum(run) for run in runs]


def latest(holdings: list[Holding]) -> list[Holding]:
    """The latest of each holding's tellings, sorted."""
    ordered = sorted(holdings, key=lambda row: (row.device, row.workload, row.start_ms, row.until_ms, row.closed))
    return [list(told)[-1] for _, told in groupby(ordered, key=lambda row: row[:3])]


def newest(allocations: list[Allocation]) -> list[Allocation]:
    """The latest of each allocation's tellings, sorted."""
    ordered = sorted(allocations)
    return [list(told)[-1] for _, told in groupby(ordered, key=lambda row: row[:4])]


def _held(batch: Batch) -> list[Allocation]:
    return [row for row in newest(batch.allocations) if row.start_ms != UNKNOWN]


def _windowed(batch: Batch, window_ms: int) -> Batch:
    return structs.replace(batch, records=windows(batch.records, window_ms), holdings=latest(batch.holdings))


def _narrowed(batch: Batch) -> Batch:
    unknown = {name: UNKNOWN for name in _MEASURES if name not in _KEPT}
    records = [row._replace(**unknown, flags=row.flags | COARSE) for row in batch.records]
    return _windowed(structs.replace(batch, records=records), QUARTER_MS)


def _adjoins(before: Record, row: Record, window_ms: int) -> bool:
    return (
        before[:2] == row[:2]
        and before.start_ms + before.length_ms == row.start_ms
        and before.start_ms // window_ms == row.start_ms // window_ms
        and before.health == row.health
        and _unknowns(before) == _unknowns(row)
    )


def _unknowns(row: Record) -> list[bool]:
    return [getattr(row, name) == UNKNOWN for name in _MEASURES]


def _sum(run: list[Record]) -> Record:
    first = run[0]
    if len(run) == 1:
        return first
    sums = {name: sum(getattr(row, name) for row in run) for name in _INTEGRALS if getattr(first, name) != UNKNOWN}
    flags = COARSE
    for row in run:
        flags |= row.flags
    return first._replace(
        **sums,
        length_ms=sum(row.length_ms for row in run),
        memory_peak_bytes=max(row.memory_peak_bytes for row in run),
        flags=flags,
    )


def _told(before: Batch, rest: Batch, kind: str, value: int, what: str) -> Batch:
    notes = [note for note in rest.notes if note.kind != NOTES.index("coarsened")]
    names = rest.names
    if value:
        names = structs.replace(names, texts=[*names.texts, what])
        notes.append(Note(_earliest(before), UNKNOWN, NOTES.index(kind), value, len(names.texts) - 1))
    return _trimmed(structs.replace(rest, names=names, notes=sorted(notes)))


def _earliest(batch: Batch) -> int:
    """When the first of its rows begins."""
    rows: list[Record | Holding | Stock | Served | Quota] = [*batch.records, *batch.holdings, *batch.stock]
    rows += [*batch.served, *batch.quotas]
    starts = [*(row.start_ms for row in rows), *(row.until_ms for row in batch.allocations)]
    return min((*starts, *(note.at_ms for note in batch.notes)), default=0)


def _trimmed(batch: Batch) -> Batch:
    """The batch without workloads, texts and groups that no row speaks of."""
    trimmed, names = batch, batch.names
    for kind in ("workloads", "texts", "groups"):
        columns = [(table, column) for table, of in REFERS.items() for column, name in of.items() if name == kind]
        used = sorted({getattr(row, c) for table, c in columns for row in getattr(batch, table)} - {UNKNOWN})
        moved = {old: new for new, old in enumerate(used)} | {UNKNOWN: UNKNOWN}
        for table, column in columns:
            rows = [row._replace(**{column: moved[getattr(row, column)]}) for row in getattr(trimmed, table)]
            trimmed = structs.replace(trimmed, **{table: rows})
        names = structs.replace(names, **{kind: [getattr(names, kind)[old] for old in used]})
    return structs.replace(trimmed, names=names)


def fused(batches: Iterable[Batch]) -> Batch:
    """Consecutive batches of which only notes are left, as one; what was dropped is added up."""
    names = Interner()
    dropped: dict[tuple[int, int], Note] = {}
    notes: list[Note] = []
    for batch in batches:
        devices = [names.device(device) for device in batch.names.devices]
        for note in batch.notes:
            device = devices[note.device] if note.device != UNKNOWN else UNKNOWN
            text = names.text(batch.names.texts[note.text]) if note.text != UNKNOWN else UNKNOWN
            moved = note._replace(device=device, text=text)
            if note.kind != NOTES.index("dropped"):
                notes.append(moved)
                continue
            before = dropped.get((device, text), moved._replace(value=0))
            dropped[device, text] = before._replace(value=before.value + note.value)
    return Batch(names.new, [], [], sorted([*notes, *dropped.values()]))
