"""Findings as batches of the spool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from msgspec import structs

from collector.central.findings import Activity, Allocated, Counted, Findings, Quoted, Stocked
from collector.central.sound import sound
from collector.rows import holdings, notes
from collector.spool.names import Interner
from collector.spool.spool import Spool
from collector.wire import CONDITIONS, NOTES, TABLES, UNKNOWN, Allocation, Batch, Note, Quota, Record, Served, Stock

MOST_ROWS = 20_000
"""Rows of one batch: what is in memory twice while it is written."""

MOST_UNSEALED = 100_000
"""Rows of one segment: sealing holds them all, and regular ones compress so well that bytes say little."""


def tell(spool: Spool, findings: Findings) -> int:
    """Appends all that was found, and how many rows that were; raises `SpoolError`, and then some of it may be told."""
    rows = unsealed = 0
    for part in _parts(findings):
        batch, lost = sound(batch_of(part, spool.names))
        if lost:
            batch.notes.append(_overflow(batch, lost, spool.names))
        spool.append(batch)
        told = sum(len(getattr(batch, name)) for name in TABLES)
        rows, unsealed = rows + told, unsealed + told
        if unsealed >= MOST_UNSEALED:
            spool.seal()
            unsealed = 0
    return rows


def batch_of(found: Findings, names: Interner) -> Batch:
    """Findings as rows whose names are positions in `names`."""
    return Batch(
        records=[row for one in found.activity for row in _records(one, names)],
        holdings=holdings(found.holds, names),
        notes=notes(found.happened, names),
        allocations=[_allocation(one, names) for one in found.allocated],
        stock=[_stock(one, names) for one in found.stocked],
        served=[_served(one, names) for one in found.counted],
        quotas=[_quota(one, names) for one in found.quoted],
    )


_LISTS = ("holds", "allocated", "stocked", "counted", "quoted", "happened")


def _parts(found: Findings) -> Iterator[Findings]:
    """The findings in parts of at most MOST_ROWS rows of each kind."""
    yield from _activities(found.activity)
    for name in _LISTS:
        rest = iter(getattr(found, name))
        while some := list(islice(rest, MOST_ROWS)):
            yield structs.replace(Findings(), **{name: some})


def _activities(activity: list[Activity]) -> Iterator[Findings]:
    part, room = Findings(activity=[]), MOST_ROWS
    for one in activity:
        for start in range(0, len(one.rows), MOST_ROWS):
            rows = one.rows[start : start + MOST_ROWS]
            if len(rows) > room:
                yield part
                part, room = Findings(activity=[]), MOST_ROWS
            part.activity.append(structs.replace(one, rows=rows))
            room -= len(rows)
    if part.activity:
        yield part


def _overflow(batch: Batch, lost: int, names: Interner) -> Note:
    told: list[Record | Stock | Served | Quota] = [*batch.records, *batch.stock, *batch.served, *batch.quotas]
    at_ms = max((row.start_ms for row in told), default=0)
    return Note(at_ms, UNKNOWN, NOTES.index("overflow"), lost, names.text("rows with values that cannot be"))


def _records(one: Activity, names: Interner) -> list[Record]:
    device = names.device(one.device)
    workload = UNKNOWN if one.workload is None else names.workload(one.workload)
    make: Callable[..., Record] = Record
    return [make(device, workload, *row) for row in one.rows]


def _allocation(one: Allocated, names: Interner) -> Allocation:
    return Allocation(
        names.group(one.group),
        names.workload(one.workload),
        _known(one.submitted_ms),
        _known(one.start_ms),
        one.until_ms,
        int(one.closed),
        one.quantity_ppm,
        _known(one.priority),
        names.text(one.outcome) if one.outcome else UNKNOWN,
    )


def _stock(one: Stocked, names: Interner) -> Stock:
    condition = CONDITIONS.index(one.condition)
    return Stock(names.group(one.group), one.start_ms, one.until_ms, one.quantity_ppm, condition)


def _served(one: Counted, names: Interner) -> Served:
    return Served(
        names.workload(one.workload),
        names.text(one.model),
        names.text(one.engine),
        one.start_ms,
        one.end_ms - one.start_ms,
        one.requests,
        one.input_tokens,
        one.output_tokens,
        one.busy_ms,
    )


def _quota(one: Quoted, names: Interner) -> Quota:
    return Quota(
        names.group(one.group),
        names.text(one.queue),
        names.text(one.cohort) if one.cohort else UNKNOWN,
        names.text(one.flavor),
        one.start_ms,
        one.until_ms,
        one.nominal_ppm,
        one.used_ppm,
    )


def _known(value: int | None) -> int:
    return UNKNOWN if value is None else value
