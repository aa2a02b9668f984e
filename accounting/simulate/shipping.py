"""Segments in inboxes: what agents recorded, as they would write and ship it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from accounting.simulate.agents import NOBODY
from accounting.simulate.company import AGENTS, POOLS
from accounting.simulate.segments import DAMAGED, LATE, LOST, TWICE
from accounting.simulate.world import World
from collector import wire

INBOX, INBOX_LATE = "inbox", "inbox-late"
MEMORY_BYTES = 143_771 << 20
SM, TENSOR = 820, 430
"""Thousandths of busy time in which the cores, and the tensor cores, work."""
FALLEN = 79
"""The number of the critical error: the device has fallen off the bus."""

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Node:
    """A node: its place, its devices, and as rows of matrices what they held and when they broke.

    `held`: attempt, device (its number), ppm, start, end, closed; `sick`: start, device.
    """

    place: dict[str, Any]
    devices: list[wire.Device]
    held: Array
    sick: Array


@dataclass(frozen=True, slots=True)
class Fleet:
    """The nodes of which agents tell all, by name, and the workloads on them, by attempt."""

    seed: int
    nodes: dict[str, Node]
    workloads: dict[int, wire.Workload]


def fleet(world: World) -> Fleet:
    """All that segments name."""
    told = world.attempts.filter(pl.col("pool").is_in(AGENTS))
    workloads = {int(row["attempt"]): _workload(row) for row in told.iter_rows(named=True)}
    return Fleet(world.window.seed, _nodes(world), workloads)


def _nodes(world: World) -> dict[str, Node]:
    told = world.places.filter(pl.col("pool").is_in(AGENTS)).with_columns(number=pl.int_range(pl.len()).over("node"))
    at = told.select("place", "node", device="number")
    closed = world.attempts.select("attempt", closed=(~pl.col("open")).cast(pl.Int64))
    held = world.holdings.join(at, on="place").join(closed, on="attempt").sort("start", "attempt", "device")
    sick = world.downs.join(at, on="place").sort("start", "device")
    return {
        str(name): Node(
            rows.row(0, named=True),
            [_device(row, POOLS[row["pool"]].told_name) for row in rows.iter_rows(named=True)],
            held.filter(node=name).select("attempt", "device", "ppm", "start", "end", "closed").to_numpy().T,
            sick.filter(node=name).select("start", "device").to_numpy().T,
        )
        for (name,), rows in told.group_by("node", maintain_order=True)
    }


def _device(row: dict[str, Any], name: str) -> wire.Device:
    number = row["number"]
    return wire.Device(
        uuid=row["device_id"], name=name, minor=number, bus=f"00000000:{number + 1:02X}:00.0", memory_bytes=MEMORY_BYTES
    )


def numbered(world: World, interval: int) -> pl.DataFrame:
    """`World.segments` with `first` and `last` of their batches, one for every window, and `previous_last`."""
    batches = -((pl.col("start") - pl.col("end")) // interval)
    counted = world.segments.with_columns(last=batches.cum_sum().over("node", "stream"), batches=batches)
    ends = counted.group_by("node", stream=pl.col("stream") + 1).agg(previous_last=pl.col("last").max())
    both = counted.join(ends, on=["node", "stream"], how="left", maintain_order="left")
    return both.with_columns(
        first=pl.col("last") - pl.col("batches") + 1, previous_last=pl.col("previous_last").fill_null(0)
    )


def ship(known: Fleet, segments: pl.DataFrame, told: pl.DataFrame, folder: Path) -> None:
    """Puts `segments` (rows of `numbered` with their `row`) with the records told of them into the inboxes below.

    One that is late comes into another inbox, and so do the sound copies of what came twice or damaged.
    """
    columns = {name: told[name].to_numpy() for name in told.columns}
    rows = segments["row"].to_numpy()
    begin, end = (np.searchsorted(columns["segment"], rows, side=side) for side in ("left", "right"))
    for segment, low, high in zip(segments.iter_rows(named=True), begin, end, strict=True):
        if segment["fate"] != LOST:
            data = _encoded(known, segment, {name: column[low:high] for name, column in columns.items()})
            name = wire.object_name(segment["node"], _stream(known, segment, 0), segment["first"], segment["last"])
            for inbox, content in _delivered(segment["fate"], data):
                _put(folder / inbox / name, content)


def _delivered(fate: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if fate == DAMAGED:
        middle = len(data) // 2
        yield INBOX, data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]
    elif fate != LATE:
        yield INBOX, data
    if fate in {LATE, TWICE, DAMAGED}:
        yield INBOX_LATE, data


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _stream(known: Fleet, segment: dict[str, Any], before: int) -> str:
    """The name of the segment's stream, or of one before."""
    name = f"{known.seed}/{segment['node']}/{segment['stream'] - before}"
    return f"{zlib.crc32(name.encode()):08x}"


def _encoded(known: Fleet, segment: dict[str, Any], columns: dict[str, Array]) -> bytes:
    node = known.nodes[segment["node"]]
    stream, first, last = _stream(known, segment, 0), segment["first"], segment["last"]
    attempt, device, ppm, start, end, closed = node.held[:, _overlapping(node.held, segment)]
    workloads = np.unique(attempt)
    here = (node.sick[0] >= segment["start"]) & (node.sick[0] < segment["end"])
    over = closed.astype(bool) & (end <= segment["end"])
    holdings = [device, np.searchsorted(workloads, attempt), start, np.minimum(end, segment["end"]), ppm, over]
    at, sick = node.sick[:, here]
    notes = [at, sick, *(np.full(at.size, x) for x in (wire.NOTES.index("xid"), FALLEN, wire.UNKNOWN))]
    tables = {name: np.zeros((len(of), 0), dtype=np.int64) for name, of in wire.COLUMNS.items()}
    tables |= {"records": _records(columns, workloads), "holdings": _ordered(holdings), "notes": _ordered(notes)}
    names = wire.Names(node.devices, [known.workloads[one] for one in workloads.tolist()], [])
    block = wire.Block(first, last, names, {name: (m.shape[1], planes(m)) for name, m in tables.items()})
    head = wire.encode_header(_header(known, segment))
    return head + wire.encode_planes(stream, block) + wire.encode_end(stream, first, last)


def _overlapping(held: Array, segment: dict[str, Any]) -> Array:
    return np.asarray((held[3] < segment["end"]) & (held[4] > segment["start"]))


def _header(known: Fleet, segment: dict[str, Any]) -> wire.Header:
    place = known.nodes[segment["node"]].place
    pool = POOLS[place["pool"]]
    return wire.Header(
        agent=segment["node"],
        stream=_stream(known, segment, 0),
        first=segment["first"],
        node=segment["node"],
        cluster=pool.cluster,
        pool=pool.name,
        provider=pool.provider,
        region=pool.region,
        purchase=place["purchase"],
        window_ms=segment["interval"],
        previous=_stream(known, segment, 1) if segment["stream"] else "",
        previous_last=segment["previous_last"],
    )


def _workload(row: dict[str, Any]) -> wire.Workload:
    claims = {name: row[name] for name in ("team", "model", "purpose") if row[name]}
    return wire.Workload(id=row["workload_id"], kind="kubernetes", namespace=row["facts"], claims=claims)


def _records(columns: dict[str, Array], workloads: Array) -> Array:
    """A row per column of `wire.Record`."""
    attempt, busy, whole = columns["attempt"], columns["busy"], columns["attempt"] == NOBODY
    known = whole & (busy != NOBODY)
    told = {
        "device": columns["device"],
        "workload": np.where(whole, wire.UNKNOWN, np.searchsorted(workloads, attempt)),
        "start_ms": columns["start"],
        "length_ms": columns["length"],
        "busy_ms": busy,
        "sm_ms": np.where(known, busy * SM // 1000, wire.UNKNOWN),
        "tensor_ms": np.where(known, busy * TENSOR // 1000, wire.UNKNOWN),
        "energy_mj": columns["energy"],
        "health": columns["health"],
        "flags": np.zeros_like(busy),
    }
    unknown = np.full_like(busy, wire.UNKNOWN)
    return np.stack([told.get(name, unknown) for name in wire.COLUMNS["records"]])


def _ordered(columns: list[Array]) -> Array:
    table = np.stack([np.asarray(column, dtype=np.int64) for column in columns])
    return np.asarray(table[:, np.lexsort(table[::-1])])


def planes(table: Array) -> bytes:
    """A matrix of one row per column as the wire has it: differences, split into eight byte planes."""
    differences = np.diff(table, axis=1, prepend=0).astype("<i8")
    return np.ascontiguousarray(differences.reshape(-1).view(np.uint8).reshape(-1, 8).T).tobytes()
