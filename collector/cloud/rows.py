"""Cells of devices and their parts as rows of the wire, each as often as it has become fuller."""

from __future__ import annotations

from collections.abc import Iterable

from collector.central.findings import Activity, Span
from collector.cloud.grid import CELL_MS, bits, end_ms, first_cell, members
from collector.cloud.memory import Bits, Host, Memory
from collector.cloud.subjects import Subject
from collector.wire import UNKNOWN

IDLE = "idle"
"""Beside the measures in `Memory.told`: cells for which a duty cycle that is missing was taken to be 0."""


def activity(memory: Memory, found: dict[str, Subject], settled: Span, duties: set[str]) -> list[Activity]:
    """What of a window was not told yet; a cell is told as a whole again when another of its measures has come.

    A TPU tells no duty cycle of a chip that does nothing. Where the node's series told something else of the chip in a
    minute, and nothing more is looked for (`settled`), it was idle; where they told nothing, nothing is known. `duties`
    are the resources whose duty cycles are read: of others nothing is decided.
    """
    devices = [one for one in found.values() if one.workload is None]
    parts = [one for one in found.values() if one.workload is not None]
    fresh = {one.key: _fresh(memory, one) for one in found.values()}
    busy = _busy_parts(memory, parts)
    for one in devices:
        if one.tpu and one.resource in duties:
            near = _other(memory, one) & ~busy.get(one.device.uuid, 0)
            fresh[one.key] |= _decide(memory, one, near, settled)
    for one in parts:
        if one.tpu:
            near = _other(memory, one) & memory.told.get(one.device.uuid, {}).get(IDLE, 0)
            fresh[one.key] |= _decide(memory, one, near, settled)
    return [
        Activity(one.device, one.workload, _rows(memory, one, fresh[one.key]))
        for one in found.values()
        if fresh[one.key]
    ]


def _fresh(memory: Memory, subject: Subject) -> int:
    """The cells in which a measure is new, which counts as told from here on."""
    known = memory.told.setdefault(subject.key, {})
    fresh = 0
    for measure, cells in subject.measures.items():
        mask, before = bits(cells, memory.base), known.get(measure, 0)
        fresh |= mask & ~before
        known[measure] = before | mask
    return fresh


def _decide(memory: Memory, subject: Subject, near: int, settled: Span) -> int:
    """The cells of `near` in which the subject is idle from here on, as its duty cycle is missing."""
    known = memory.told[subject.key]
    within = _range(memory, memory.hosts[subject.host], settled)
    idle = near & within & ~known.get("busy", 0) & ~known.get(IDLE, 0)
    if idle:
        known[IDLE] = known.get(IDLE, 0) | idle
    return idle


def _other(memory: Memory, subject: Subject) -> int:
    mask = 0
    for measure, cells in subject.measures.items():
        mask |= bits(cells, memory.base) if measure != "busy" else 0
    return mask


def _busy_parts(memory: Memory, parts: Iterable[Subject]) -> Bits:
    found: Bits = {}
    for part in parts:
        mask = bits(part.measures.get("busy", {}), memory.base)
        found[part.device.uuid] = found.get(part.device.uuid, 0) | mask
    return found


def _range(memory: Memory, host: Host, span: Span) -> int:
    first = max(first_cell(span.start_ms, host.phase_ms) - memory.base, 0)
    after = max(first_cell(span.end_ms, host.phase_ms) - memory.base, first)
    return (1 << after) - (1 << first)


def _rows(memory: Memory, subject: Subject, cells: int) -> list[tuple[int, ...]]:
    phase_ms = memory.hosts[subject.host].phase_ms
    idle = memory.told[subject.key].get(IDLE, 0)
    base = memory.base
    return [_row(subject, cell, phase_ms, bool(idle >> (cell - base) & 1)) for cell in members(cells, base)]


def _row(subject: Subject, cell: int, phase_ms: int, idle: bool) -> tuple[int, ...]:
    length = subject.step * CELL_MS
    measures = subject.measures
    busy = _share(measures, "busy", cell, length)
    if busy == UNKNOWN and idle:
        busy = 0
    memory_bytes = measures.get("memory", {}).get(cell)
    return (
        end_ms(cell, phase_ms) - length,
        length,
        busy,
        UNKNOWN,
        _share(measures, "tensor", cell, length),
        _share(measures, "dram", cell, length),
        UNKNOWN if memory_bytes is None else round(memory_bytes) * length,
        UNKNOWN,
        UNKNOWN,
        UNKNOWN,
        0,
        0,
    )


def _share(measures: dict[str, dict[int, float]], name: str, cell: int, length: int) -> int:
    value = measures[name].get(cell) if name in measures else None
    return UNKNOWN if value is None else min(max(round(value * length), 0), length)
