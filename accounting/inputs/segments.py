"""Segments as matrices: a segment is decoded with a handful of array operations, and checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collector import wire

Matrix = npt.NDArray[np.int64]

_AT = {table: {name: i for i, name in enumerate(columns)} for table, columns in wire.COLUMNS.items()}


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
        columns = [
            served,
            *(self.column(table, "until_ms") for table in ("holdings", "allocations", "stock", "quotas")),
        ]
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
    positions = (
        ("records", "device", 0, devices),
        ("records", "workload", -1, workloads),
        ("holdings", "device", 0, devices),
        ("holdings", "workload", 0, workloads),
        ("notes", "device", -1, devices),
        ("notes", "kind", 0, len(wire.NOTES)),
        ("notes", "text", -1, texts),
        ("allocations", "group", 0, groups),
        ("allocations", "workload", 0, workloads),
        ("allocations", "outcome", -1, texts),
        ("stock", "group", 0, groups),
        ("stock", "condition", 0, len(wire.CONDITIONS)),
        ("served", "workload", 0, workloads),
        ("served", "model", 0, texts),
        ("served", "engine", 0, texts),
        ("quotas", "group", 0, groups),
        ("quotas", "queue", 0, texts),
        ("quotas", "cohort", -1, texts),
        ("quotas", "flavor", 0, texts),
    )
    limits = ((table, name, *limit) for table, columns in wire.LIMITS.items() for name, limit in columns.items())
    for table, name, least, most in (*positions, *limits):
        values = told.column(table, name)
        if values.size and not (least <= values.min() and values.max() < most):
            raise wire.Unreadable(f"{name} of {table} is not what it can be")
