"""What an agent sees now, as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from collector.attribution import Seen
from collector.sharing import Use
from collector.source import Reading, Tick
from collector.wire import HEALTH, UNKNOWN, Device, Workload

COLUMNS = ("GPU", "device", "busy", "SM", "tensor", "DRAM", "memory", "power", "temp", "state", "held by")
NOTHING = "–"


def lines(tick: Tick, seen: Seen) -> list[str]:
    """A line per device, then one per workload on it with what its processes use."""
    read = {reading.uuid: reading for reading in tick.readings}
    rows: list[tuple[str, ...]] = [COLUMNS]
    for device in tick.devices:
        holders = [s.workload for s in seen.shares if s.device.uuid == device.uuid]
        rows.append(_device(device, read.get(device.uuid), holders))
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    table = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    return [table[0], "  ".join("-" * w for w in widths), *table[1:], *map(plain, _workloads(tick, seen))]


def plain(text: str) -> str:
    """A line without what a terminal would obey: names of others may hold anything."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    numbers = range(2, 9)
    return [
        cell.rjust(w) if i in numbers else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]


def _device(device: Device, reading: Reading | None, holders: Sequence[Workload]) -> tuple[str, ...]:
    name = f"  MIG {device.profile}" if device.parent else device.name
    number = "" if device.minor == UNKNOWN or device.parent else str(device.minor)
    held = plain(", ".join(w.id for w in holders)) or "nobody"
    if reading is None:
        return (number, name, *[NOTHING] * 7, "not reached", held)
    return (
        number,
        name,
        *(_percent(getattr(reading, what)) for what in ("busy", "sm", "tensor", "dram")),
        _memory(reading, device),
        NOTHING if reading.power_mw is None else f"{reading.power_mw / 1000:.0f} W",
        NOTHING if reading.temperature is None else f"{reading.temperature} °C",
        _state(reading),
        held,
    )


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:.0f} %"


def _memory(reading: Reading, device: Device) -> str:
    if reading.memory_bytes is None:
        return NOTHING
    total = f" / {device.memory_bytes / 2**30:.0f}" if device.memory_bytes != UNKNOWN else ""
    return f"{reading.memory_bytes / 2**30:.1f}{total} GiB"


def _state(reading: Reading) -> str:
    wrong = [text.partition(":")[0] for bit, text in HEALTH.items() if reading.health & bit]
    return ", ".join(wrong) or ("throttled" if reading.throttled else "ok")


def _workloads(tick: Tick, seen: Seen) -> list[str]:
    found: list[str] = []
    for device in tick.devices:
        strangers = {workload.id for at, workload in seen.strangers if at.uuid == device.uuid}
        for name, use in sorted(seen.uses.get(device.uuid, {}).items()):
            stranger = "  (the device was allocated to others)" if name in strangers else ""
            found.append(f"  {_short(device)}  {name}: {_used(use)}{stranger}")
    workloads = {share.workload.id: share.workload for share in seen.shares}
    known = [f"  {w.id}: {_said(w)}" for _, w in sorted(workloads.items())]
    return [
        *(["", "processes:", *found] if found else []),
        *(["", "workloads:", *known] if known else []),
        *(["", f"{seen.nameless} processes belong to nobody that this agent can name"] if seen.nameless else []),
    ]


def _short(device: Device) -> str:
    return f"GPU {device.minor}" if device.minor != UNKNOWN and not device.parent else device.uuid[:12]


def _used(use: Use) -> str:
    memory = "memory unknown" if use.memory_bytes is None else f"{use.memory_bytes / 2**30:.1f} GiB"
    return memory if use.busy_ms is None else f"{memory}, busy {use.busy_ms / 1000:.1f} s"


def _said(workload: Workload) -> str:
    facts = {name: getattr(workload, name) for name in ("namespace", "user", "account", "owner")}
    told = [f"{name} {value}" for name, value in facts.items() if value]
    claims = [f"{name} {value} (claim)" for name, value in sorted(workload.claims.items())]
    hints = [f"{name} {value} (hint)" for name, value in sorted(workload.hints.items())]
    return f"{workload.kind} ({workload.trust})" + "".join(f", {text}" for text in (*told, *claims, *hints))
