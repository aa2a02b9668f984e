"""Segments as matrices: a segment is decoded with a handful of array operations, and checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accounting.inputs.spans import LIMIT_MS
from collector import wire

Matrix = npt.NDArray[np.int64]

PPM = 1_000_000
_AT = {table: {name: i for i, name in enumerate(columns)} for table, columns in wire.COLUMNS.items()}
_LONGEST_MS = 366 * 86_400_000
_EARLIEST_MS = 1_262_304_000_000
"""2010-01-01: no device that an agent reads was there before."""
_MOST = 1 << 50
_MOST_HELD = 1 << 40
"""A million accelerators, in millionths."""
_MOST_BYTE_MS = 1 << 62
_MOST_MJ = 10**14
"""A rack for a week; sums of a device's day stay far from what 64 bits hold."""


@dataclass(frozen=True, slots=True)
class Told:
    """One segment: who told it, batches `first` to `last`, its names and, by table, a matrix of one row per column.

    Every position of a name is known to lie inside its list, and every time inside what can be accounted.
    """

    header: wire.Header
    first: int
    last: int
    names: wire.Names
    tables: dict[str, Matrix]

    @property
    def bytes(self) -> int:
        """What its matrices take."""
        return sum(matrix.nbytes for matrix in self.tables.values())

    @property
    def start_ms(self) -> int | None:
        """When its first record begins; None: it has none."""
        starts = self.column("records", "start_ms")
        return int(starts.min()) if starts.size else None

    @property
    def end_ms(self) -> int | None:
        """When its last record ends; None: it has none."""
        ends = self.column("records", "start_ms") + self.column("records", "length_ms")
        return int(ends.max()) if ends.size else None

    @property
    def latest_ms(self) -> int | None:
        """The latest instant that it tells of; None: of none."""
        served = self.column("served", "start_ms") + self.column("served", "length_ms")
        columns = [served, *(self.column(table, "until_ms") for table in ("holdings", "allocations", "stock"))]
        ends = [self.end_ms, *(int(column.max()) for column in columns if column.size)]
        return max((end for end in ends if end is not None), default=None)

    def column(self, table: str, name: str) -> Matrix:
        """A column of a table; UNKNOWN stands for NULL."""
        values: Matrix = self.tables[table][_AT[table][name]]
        return values


def decode(data: bytes) -> Told:
    """A whole, sound, sealed segment; raises `wire.Unreadable` with the reason where it is not."""
    segment = wire.read_segment(data)
    if not segment.sealed:
        raise wire.Unreadable(segment.wrong or "cut off: it was never sealed")
    if segment.bytes_read != len(data) or not segment.blocks:
        raise wire.Unreadable("it has no batches" if not segment.blocks else "something follows its end")
    names = wire.Names([], [], [], [])
    for block in segment.blocks:
        names.devices += block.names.devices
        names.workloads += block.names.workloads
        names.texts += block.names.texts
        names.groups += block.names.groups
    tables = {table: np.concatenate([_matrix(b, table) for b in segment.blocks], axis=1) for table in wire.TABLES}
    told = Told(segment.header, segment.header.first, segment.blocks[-1].last, names, tables)
    _check(told)
    return told


def _matrix(block: wire.Block, table: str) -> Matrix:
    count, planes = block.tables[table]
    width = len(wire.COLUMNS[table])
    bytes_of = np.frombuffer(planes, np.uint8).reshape(8, width * count)
    differences: Matrix = np.ascontiguousarray(bytes_of.T).view("<i8").reshape(width, count)
    matrix: Matrix = np.cumsum(differences, axis=1, dtype=np.int64)
    return matrix


def _check(told: Told) -> None:
    if told.header.source not in wire.SOURCES:
        raise wire.Unreadable(f"a source of a kind that is not known: {told.header.source}")
    names = told.names
    devices, workloads = len(names.devices), len(names.workloads)
    texts, groups = len(names.texts), len(names.groups)
    for table, name, least, most in (
        ("records", "device", 0, devices),
        ("records", "workload", -1, workloads),
        ("records", "start_ms", _EARLIEST_MS, LIMIT_MS),
        ("records", "length_ms", 1, _LONGEST_MS),
        ("records", "busy_ms", -1, _MOST),
        ("records", "sm_ms", -1, _MOST),
        ("records", "tensor_ms", -1, _MOST),
        ("records", "memory_byte_ms", -1, _MOST_BYTE_MS),
        ("records", "energy_mj", -1, _MOST_MJ),
        ("records", "health", 0, 1 << 31),
        ("records", "flags", 0, 1 << 31),
        ("holdings", "device", 0, devices),
        ("holdings", "workload", 0, workloads),
        ("holdings", "start_ms", _EARLIEST_MS, LIMIT_MS),
        ("holdings", "until_ms", _EARLIEST_MS, LIMIT_MS),
        ("holdings", "closed", 0, 2),
        ("holdings", "share_ppm", 0, PPM + 1),
        ("notes", "device", -1, devices),
        ("notes", "kind", 0, len(wire.NOTES)),
        ("notes", "text", -1, texts),
        ("notes", "at_ms", 0, LIMIT_MS),
        ("allocations", "group", 0, groups),
        ("allocations", "workload", 0, workloads),
        ("allocations", "submitted_ms", -1, LIMIT_MS),
        ("allocations", "start_ms", -1, LIMIT_MS),
        ("allocations", "until_ms", _EARLIEST_MS, LIMIT_MS),
        ("allocations", "closed", 0, 2),
        ("allocations", "quantity_ppm", 0, _MOST_HELD),
        ("allocations", "outcome", -1, texts),
        ("stock", "group", 0, groups),
        ("stock", "start_ms", _EARLIEST_MS, LIMIT_MS),
        ("stock", "until_ms", _EARLIEST_MS, LIMIT_MS),
        ("stock", "quantity_ppm", 0, _MOST_HELD),
        ("stock", "condition", 0, len(wire.CONDITIONS)),
        ("served", "workload", 0, workloads),
        ("served", "model", 0, texts),
        ("served", "engine", 0, texts),
        ("served", "start_ms", _EARLIEST_MS, LIMIT_MS),
        ("served", "length_ms", 1, _LONGEST_MS),
        ("served", "requests", -1, _MOST),
        ("served", "input_tokens", -1, _MOST),
        ("served", "output_tokens", -1, _MOST),
        ("served", "busy_ms", -1, _MOST),
    ):
        values = told.column(table, name)
        if values.size and not (least <= values.min() and values.max() < most):
            raise wire.Unreadable(f"{name} of {table} is not what it can be")
