"""What devices did: from the values of dcgm-exporter to rows of the wire."""

from __future__ import annotations

from collector.central.findings import Activity, Span
from collector.central.series import Increment, Last, Level, increments, levels
from collector.prometheus.devices import DRAM, ENERGY, GRAPHICS, MEMORY, POWER, SM, TENSOR, UTIL, XID, Seen
from collector.prometheus.memory import Memory
from collector.rows import Happened
from collector.source import Event
from collector.wire import UNKNOWN

_CONTRADICTION, _ENERGY_RESTART = 1, 4
_HIGH = 0.9
"""So busy a device has some activity of its SMs."""

_Values = dict[str, dict[int, float]]


def activity(one: Seen, span: Span, step_ms: int, memory: Memory) -> Activity | None:
    """A device's rows in a span, one for each instant of scraping; None where there is nothing to tell."""
    instants = sorted({at for name, points in one.values.items() if name != XID for at in points})
    used = _energy(one, span, memory)
    between = levels([(at, 0.0) for at in instants], 2 * step_ms, span.start_ms, span.end_ms)
    rows = [_row(one, level, used.get(level.end_ms)) for level in between]
    return Activity(one.device, None, rows) if rows else None


def xids(one: Seen, span: Span, memory: Memory) -> list[Happened]:
    """Errors that a device reported in a span: what is there when it is first seen may be old."""
    found: list[Happened] = []
    uuid = one.device.uuid
    for at, value in sorted(one.values.get(XID, {}).items()):
        if at <= span.start_ms and uuid in memory.xids:
            continue
        if memory.xids.get(uuid, value) != value and value > 0 and at > span.start_ms:
            found.append(Happened(at, Event(kind="xid", uuid=uuid, value=int(value)), one.device))
        memory.xids[uuid] = value
    return found


def _row(one: Seen, level: Level, used: Increment | None) -> tuple[int, ...]:
    at, length = level.end_ms, level.end_ms - level.start_ms
    busy, sm = _busy(one, at), _ratio(one.values, SM, at)
    contradicts = busy is not None and busy >= _HIGH and sm == 0
    bytes_ = _bytes(one.values, at)
    return (
        level.start_ms,
        length,
        *(_ms(mean, length) for mean in (busy, sm, _ratio(one.values, TENSOR, at), _ratio(one.values, DRAM, at))),
        UNKNOWN if bytes_ is None else bytes_ * length,
        UNKNOWN if bytes_ is None else bytes_,
        _millijoules(one.values, level, used),
        UNKNOWN,
        0,
        contradicts * _CONTRADICTION | bool(used and used.lost_ms) * _ENERGY_RESTART,
    )


def _busy(one: Seen, at: int) -> float | None:
    """The mean share of time that it was busy; of an instance NVML has none, and profiling tells."""
    graphics = _ratio(one.values, GRAPHICS, at)
    if one.device.parent:
        return _ratio(one.values, SM, at) if graphics is None else graphics
    percent = one.values.get(UTIL, {}).get(at)
    return graphics if percent is None or percent > 110 else min(percent / 100, 1.0)


def _ratio(values: _Values, name: str, at: int) -> float | None:
    value = values.get(name, {}).get(at)
    # An instance may be told to do a little more than all (DCGM issue 152).
    return None if value is None or value > 2 else min(value, 1.0)


def _ms(mean: float | None, length: int) -> int:
    return UNKNOWN if mean is None else round(mean * length)


def _bytes(values: _Values, at: int) -> int | None:
    mebibytes = values.get(MEMORY, {}).get(at)
    return None if mebibytes is None or mebibytes > 1e8 else round(mebibytes * (1 << 20))


def _millijoules(values: _Values, level: Level, used: Increment | None) -> int:
    """By the counter, of which a row has as much as it has of the time; else power over time."""
    length = level.end_ms - level.start_ms
    if used is not None:
        return round(used.value * min(1.0, length / (used.end_ms - used.start_ms)))
    watts = values.get(POWER, {}).get(level.end_ms)
    has_counter = bool(values.get(ENERGY))
    return UNKNOWN if watts is None or has_counter or watts > 1e5 else round(watts * length)


def _energy(one: Seen, span: Span, memory: Memory) -> dict[int, Increment]:
    """What the counter of a device's energy counted, by the instant at which that was known."""
    points = sorted(one.values.get(ENERGY, {}).items())
    if not points:
        return {}
    found = increments(points, memory.energy.get(one.device.uuid), span.start_ms)
    memory.energy[one.device.uuid] = Last(*points[-1])
    return {one.end_ms: one for one in found if one.end_ms > span.start_ms}
