"""The ladder: what a segment becomes when room is short, as pure functions of its batch."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from collector.spool.names import Interner
from collector.wire import FLAGS, NOTES, UNKNOWN, Batch, Holding, Names, Note, Record

MINUTE_MS = 60_000
QUARTER_MS = 900_000
COARSE = next(bit for bit, text in FLAGS.items() if text.startswith("coarse:"))
TOP = 5
"""The last level: nothing but what was lost is told."""

_INTEGRALS = ("busy_ms", "sm_ms", "tensor_ms", "dram_ms", "memory_byte_ms", "energy_mj", "throttled_ms")
_KEPT = ("busy_ms", "energy_mj")
_MEASURES = Record._fields[Record._fields.index("busy_ms") : Record._fields.index("health")]


def coarser(batch: Batch, level: int) -> Batch:
    """A sealed segment's batch at `level`: 1 minutes, 2 quarters, 3 busy and energy only, 4 holdings only, 5 nothing.

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
        rest = Batch(batch.names, [], batch.holdings, batch.notes)
        return _told(batch, rest, "dropped", lost_ms, "records")
    lost_ms = sum(row.until_ms - row.start_ms for row in latest(batch.holdings))
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


def _windowed(batch: Batch, window_ms: int) -> Batch:
    return Batch(batch.names, windows(batch.records, window_ms), latest(batch.holdings), batch.notes)


def _narrowed(batch: Batch) -> Batch:
    unknown = {name: UNKNOWN for name in _MEASURES if name not in _KEPT}
    records = [row._replace(**unknown, flags=row.flags | COARSE) for row in batch.records]
    return _windowed(Batch(batch.names, records, batch.holdings, batch.notes), QUARTER_MS)


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
    texts = rest.names.texts
    if value:
        texts = [*texts, what]
        notes.append(Note(_earliest(before), UNKNOWN, NOTES.index(kind), value, len(texts) - 1))
    names = Names(rest.names.devices, rest.names.workloads, texts)
    return _trimmed(Batch(names, rest.records, rest.holdings, sorted(notes)))


def _earliest(batch: Batch) -> int:
    rows: list[Record | Holding] = [*batch.records, *batch.holdings]
    return min((*(row.start_ms for row in rows), *(note.at_ms for note in batch.notes)), default=0)


def _trimmed(batch: Batch) -> Batch:
    """The batch without workloads and texts that no row speaks of."""
    rows: list[Record | Holding] = [*batch.records, *batch.holdings]
    used = sorted({row.workload for row in rows} - {UNKNOWN})
    workloads = {old: new for new, old in enumerate(used)} | {UNKNOWN: UNKNOWN}
    said = sorted({note.text for note in batch.notes} - {UNKNOWN})
    texts = {old: new for new, old in enumerate(said)} | {UNKNOWN: UNKNOWN}
    return Batch(
        Names(
            batch.names.devices,
            [batch.names.workloads[old] for old in used],
            [batch.names.texts[old] for old in said],
        ),
        [row._replace(workload=workloads[row.workload]) for row in batch.records],
        [row._replace(workload=workloads[row.workload]) for row in batch.holdings],
        [note._replace(text=texts[note.text]) for note in batch.notes],
    )


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
