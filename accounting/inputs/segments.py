"""Segments of agents as matrices, and many of them as the rows of `accounting.agent_tables`.

A segment is decoded with a handful of array operations; frames are made of many segments at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN

import numpy as np
import numpy.typing as npt
import polars as pl

from accounting.accelerators import canonical
from accounting.agent_tables import AGENT_DEVICES, AGENT_HOLDINGS, AGENT_NOTES, AGENT_RECORDS
from accounting.inputs.spans import LIMIT_MS
from accounting.mig import profile
from collector import wire

Matrix = npt.NDArray[np.int64]

PPM = 1_000_000
_AT = {table: {name: i for i, name in enumerate(columns)} for table, columns in wire.COLUMNS.items()}
_LONGEST_MS = 366 * 86_400_000
_EARLIEST_MS = 1_262_304_000_000
"""2010-01-01: no device that an agent reads was there before."""
_MOST = 1 << 50
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
        """The latest instant that it tells of, by a record or a holding; None: of none."""
        until = self.column("holdings", "until_ms")
        ends = [end for end in (self.end_ms, int(until.max()) if until.size else None) if end is not None]
        return max(ends, default=None)

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
    names = wire.Names([], [], [])
    for block in segment.blocks:
        names.devices += block.names.devices
        names.workloads += block.names.workloads
        names.texts += block.names.texts
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
    devices, workloads, texts = (len(x) for x in (told.names.devices, told.names.workloads, told.names.texts))
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
    ):
        values = told.column(table, name)
        if values.size and not (least <= values.min() and values.max() < most):
            raise wire.Unreadable(f"{name} of {table} is not what it can be")


@dataclass(frozen=True, slots=True)
class _Many:
    """Segments one after another; `codes` places what each speaks of by position into one list of all."""

    told: Sequence[Told]

    def stack(self, table: str) -> pl.DataFrame:
        matrix = np.concatenate([t.tables[table] for t in self.told], axis=1)
        return pl.DataFrame({name: matrix[i] for i, name in enumerate(wire.COLUMNS[table])})

    def codes(self, table: str, name: str, sizes: list[int]) -> pl.Series:
        counts = [t.tables[table].shape[1] for t in self.told]
        offsets = np.repeat(np.cumsum([0, *sizes[:-1]]), counts)
        local = np.concatenate([t.column(table, name) for t in self.told])
        return pl.Series(np.where(local < 0, sum(sizes), local + offsets))

    def origin(self, table: str) -> pl.Series:
        return pl.Series(np.repeat(np.arange(len(self.told)), [t.tables[table].shape[1] for t in self.told]))

    @property
    def devices(self) -> list[int]:
        return [len(t.names.devices) for t in self.told]

    @property
    def workloads(self) -> list[int]:
        return [len(t.names.workloads) for t in self.told]

    @property
    def texts(self) -> list[int]:
        return [len(t.names.texts) for t in self.told]


def frames(told: Sequence[Told]) -> dict[str, pl.DataFrame]:
    """The rows of `AGENT` tables, by name, in the order of the segments; without `import_seq` and `row`."""
    many, devices, workloads = _Many(told), _devices(told), _workloads(told)
    rows = many.stack("records").with_columns(many.codes("records", "device", many.devices).alias("device"))
    return {
        AGENT_RECORDS.name: _records(rows, many, devices, workloads),
        AGENT_HOLDINGS.name: _holdings(many, devices, workloads),
        AGENT_DEVICES.name: _presence(rows, many, devices),
        AGENT_NOTES.name: _notes(many, devices),
    }


def _devices(told: Sequence[Told]) -> pl.DataFrame:
    """One row per device of each segment, and a last one of NULLs."""
    rows: list[tuple[object, ...]] = []
    for one in told:
        named = {device.uuid: device for device in one.names.devices}
        place = one.header
        where = (place.cluster, place.node, place.pool, place.provider, place.region, place.purchase)
        rows.extend((*where, *_device(device, named)) for device in one.names.devices)
    texts = ("cluster", "node", "pool", "provider", "region", "purchase", "device_id", "instance_id", "told_id")
    schema = {**dict.fromkeys((*texts, "accelerator", "held"), pl.String), "weight": pl.Int64}
    return pl.DataFrame([*rows, (None,) * len(schema)], schema=schema, orient="row")


def _device(device: wire.Device, known: dict[str, wire.Device]) -> tuple[object, ...]:
    """The device, the instance, what was told, the device's name, what a holder has, and its weight in millionths."""
    if not device.parent:
        return (device.uuid, None, device.uuid, device.name, device.name, PPM)
    cut, parent = profile(device.name), known.get(device.parent)
    whole = parent.name if parent else (cut.parent if cut and cut.parent else device.name)
    held = device.name if cut and cut.parent else f"{whole} MIG {device.profile}"
    return (device.parent, device.uuid, device.uuid, whole, held, _weight(held, whole, parent))


def _weight(held: str, whole: str, parent: wire.Device | None) -> int | None:
    """The instance's share of its device in millionths; None where neither name nor memory tells."""
    cut, memory = profile(held), canonical(whole, {}).memory_gib
    if memory is None and parent is not None and parent.memory_bytes > 0:
        memory = round(parent.memory_bytes / (1 << 30))
    found = cut.of(memory) if cut else None
    return int((found[1] * PPM).to_integral_value(ROUND_HALF_EVEN)) if found else None


def _workloads(told: Sequence[Told]) -> pl.DataFrame:
    """One row per workload of each segment, and a last one of NULLs."""
    rows = [_workload(workload) for one in told for workload in one.names.workloads]
    names = ("workload_id", "kind", "trust", "uid", "namespace", "user", "account", "team", "model", "purpose")
    return pl.DataFrame([*rows, (None,) * len(names)], schema=dict.fromkeys(names, pl.String), orient="row")


def _workload(w: wire.Workload) -> tuple[str | None, ...]:
    said = (w.uid, w.namespace, w.user, w.account, *(w.claims.get(name, "") for name in ("team", "model", "purpose")))
    return (w.id, w.kind, w.trust, *(text or None for text in said))


def _records(rows: pl.DataFrame, many: _Many, devices: pl.DataFrame, workloads: pl.DataFrame) -> pl.DataFrame:
    facts = devices.select("cluster", "node", "device_id", "instance_id", "weight")[rows["device"]]
    holder = workloads["workload_id"].gather(many.codes("records", "workload", many.workloads))
    length = pl.col("length_ms")

    def ppm(name: str) -> pl.Expr:
        spent = pl.when(pl.col(name) >= 0).then(pl.min_horizontal(name, length))
        return (spent * PPM + length // 2) // length * pl.col("weight") // PPM

    placed = rows.drop("device", "workload").hstack(facts).with_columns(holder.alias("workload_id"))
    told = placed.with_columns(
        end_ms=pl.col("start_ms") + length,
        busy_ppm=ppm("busy_ms"),
        sm_active_ppm=ppm("sm_ms"),
        tensor_active_ppm=ppm("tensor_ms"),
        memory_bytes=_known("memory_byte_ms") // length,
        energy_mj=_known("energy_mj"),
    )
    return told.select(AGENT_RECORDS.names[2:])


def _known(name: str) -> pl.Expr:
    return pl.when(pl.col(name) >= 0).then(name)


def _presence(rows: pl.DataFrame, many: _Many, devices: pl.DataFrame) -> pl.DataFrame:
    """When each device was there: observed, itself or by one of its instances, or known to be held."""
    names = AGENT_DEVICES.names[2:]
    coded = many.stack("holdings").with_columns(many.codes("holdings", "device", many.devices).alias("device"))
    held = coded.filter(pl.col("until_ms") > pl.col("start_ms")).select(
        "device", first_ms="start_ms", last_ms="until_ms"
    )
    seen = rows.select("device", first_ms="start_ms", last_ms=pl.col("start_ms") + pl.col("length_ms"))
    reach = pl.col("first_ms").min(), pl.col("last_ms").max()
    told = pl.concat([seen, held]).group_by("device").agg(*reach).sort("device")
    placed = devices[told["device"]].hstack(told.drop("device"))
    return placed.group_by(names[:-2], maintain_order=True).agg(*reach).select(names)


def _holdings(many: _Many, devices: pl.DataFrame, workloads: pl.DataFrame) -> pl.DataFrame:
    rows = many.stack("holdings").rename({"share_ppm": "quantity_ppm"})
    facts = devices[many.codes("holdings", "device", many.devices)].with_columns(accelerator="held")
    holders = workloads[many.codes("holdings", "workload", many.workloads)]
    placed = rows.drop("device", "workload").hstack(facts).hstack(holders)
    return placed.filter(pl.col("until_ms") > pl.col("start_ms")).select(AGENT_HOLDINGS.names[2:])


def _notes(many: _Many, devices: pl.DataFrame) -> pl.DataFrame:
    rows, origin = many.stack("notes"), many.origin("notes")
    concerned = devices["told_id"].gather(many.codes("notes", "device", many.devices))
    texts = pl.Series([*(text for t in many.told for text in t.names.texts), None], dtype=pl.String)
    headers = [t.header for t in many.told]
    return rows.select(
        pl.Series("cluster", [h.cluster for h in headers], pl.String).gather(origin),
        pl.Series("node", [h.node for h in headers], pl.String).gather(origin),
        concerned.alias("device_id"),
        "at_ms",
        pl.Series("kind", wire.NOTES).gather(rows["kind"]),
        _known("value").alias("value"),
        texts.gather(many.codes("notes", "text", many.texts)).alias("text"),
    ).select(AGENT_NOTES.names[2:])
