"""Many segments at once as the rows of `accounting.agent_tables`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN

import numpy as np
import polars as pl

from accounting.accelerators import canonical
from accounting.agent_tables import (
    AGENT_ALLOCATIONS,
    AGENT_DEVICES,
    AGENT_HOLDINGS,
    AGENT_NOTES,
    AGENT_QUOTAS,
    AGENT_RECORDS,
    AGENT_SERVED,
    AGENT_STOCK,
)
from accounting.inputs.segments import Told
from accounting.mig import profile
from collector import wire

PPM = 1_000_000


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

    @property
    def groups(self) -> list[int]:
        return [len(t.names.groups) for t in self.told]

    def named(self, table: str, name: str) -> pl.Series:
        """The texts that a column speaks of."""
        every = pl.Series([*(text for t in self.told for text in t.names.texts), None], dtype=pl.String)
        return every.gather(self.codes(table, name, self.texts))


def frames(told: Sequence[Told]) -> dict[str, pl.DataFrame]:
    """The rows of `AGENT` tables, by name, in the order of the segments; without `import_seq` and `row`."""
    many, devices, workloads, groups = _Many(told), _devices(told), _workloads(told), _groups(told)
    rows = many.stack("records").with_columns(many.codes("records", "device", many.devices).alias("device"))
    return {
        AGENT_RECORDS.name: _records(rows, many, devices, workloads),
        AGENT_HOLDINGS.name: _holdings(many, devices, workloads),
        AGENT_DEVICES.name: _presence(rows, many, devices),
        AGENT_NOTES.name: _notes(many, devices),
        AGENT_ALLOCATIONS.name: _allocations(many, workloads, groups),
        AGENT_STOCK.name: _stock(many, groups),
        AGENT_SERVED.name: _served(many, workloads),
        AGENT_QUOTAS.name: _quotas(many, groups),
    }


def _devices(told: Sequence[Told]) -> pl.DataFrame:
    """One row per device of each segment, and a last one of NULLs."""
    rows: list[tuple[object, ...]] = []
    for one in told:
        named = {device.uuid: device for device in one.names.devices}
        rows.extend((*_where(device.place, one.header), *_device(device, named)) for device in one.names.devices)
    texts = (*_PLACE, "device_id", "instance_id", "told_id")
    schema = {**dict.fromkeys((*texts, "accelerator", "held"), pl.String), "weight": pl.Int64}
    return pl.DataFrame([*rows, (None,) * len(schema)], schema=schema, orient="row")


_PLACE = ("source", "cluster", "node", "pool", "provider", "region", "purchase")


def _where(place: wire.Place | None, header: wire.Header) -> tuple[str | None, ...]:
    """`_PLACE` of what a segment tells of; what its own place leaves out is as the header says."""
    own = place or wire.Place()
    return (
        header.source,
        own.cluster or header.cluster,
        own.node if place else header.node,
        own.pool or header.pool,
        own.provider or header.provider,
        own.region or header.region,
        own.purchase or header.purchase,
    )


def _groups(told: Sequence[Told]) -> pl.DataFrame:
    """One row per group of each segment."""
    rows = [(*_where(group.place, one.header), group.accelerator) for one in told for group in one.names.groups]
    schema = dict.fromkeys((*_PLACE, "accelerator"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(node=pl.col("node").replace("", None))


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
    rows = [
        (one.header.source, workload.cluster or one.header.cluster, *_workload(workload))
        for one in told
        for workload in one.names.workloads
    ]
    said = ("workload_id", "kind", "trust", "uid", "namespace", "user", "account", "team", "model", "purpose")
    names = ("source", "cluster", *said)
    return pl.DataFrame([*rows, (None,) * len(names)], schema=dict.fromkeys(names, pl.String), orient="row")


def _workload(w: wire.Workload) -> tuple[str | None, ...]:
    said = (w.uid, w.namespace, w.user, w.account, *(w.claims.get(name, "") for name in ("team", "model", "purpose")))
    return (w.id, w.kind, w.trust, *(text or None for text in said))


def _records(rows: pl.DataFrame, many: _Many, devices: pl.DataFrame, workloads: pl.DataFrame) -> pl.DataFrame:
    facts = devices.select("source", "cluster", "node", "device_id", "instance_id", "weight")[rows["device"]]
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
    holders = workloads.drop("source", "cluster")[many.codes("holdings", "workload", many.workloads)]
    placed = rows.drop("device", "workload").hstack(facts).hstack(holders)
    return placed.filter(pl.col("until_ms") > pl.col("start_ms")).select(AGENT_HOLDINGS.names[2:])


def _notes(many: _Many, devices: pl.DataFrame) -> pl.DataFrame:
    rows, origin = many.stack("notes"), many.origin("notes")
    concerned = devices["told_id"].gather(many.codes("notes", "device", many.devices))
    headers = [t.header for t in many.told]

    def said(field: str) -> pl.Series:
        return pl.Series(field, [getattr(h, field) for h in headers], pl.String).gather(origin)

    return rows.select(
        said("source"),
        said("cluster"),
        said("node"),
        concerned.alias("device_id"),
        "at_ms",
        pl.Series("kind", wire.NOTES).gather(rows["kind"]),
        _known("value").alias("value"),
        many.named("notes", "text").alias("text"),
    ).select(AGENT_NOTES.names[2:])


def _allocations(many: _Many, workloads: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    where = groups[many.codes("allocations", "group", many.groups)]
    who = workloads.drop("source", "cluster")[many.codes("allocations", "workload", many.workloads)]
    rows = many.stack("allocations").with_columns(
        *(_known(name).alias(name) for name in ("submitted_ms", "start_ms", "priority")),
        many.named("allocations", "outcome").alias("outcome"),
    )
    return rows.drop("group", "workload").hstack(where).hstack(who).select(AGENT_ALLOCATIONS.names[2:])


def _stock(many: _Many, groups: pl.DataFrame) -> pl.DataFrame:
    rows = many.stack("stock")
    condition = pl.Series("condition", wire.CONDITIONS).gather(rows["condition"])
    names = pl.Series("collector", [t.header.agent for t in many.told], pl.String).gather(many.origin("stock"))
    placed = rows.drop("group").with_columns(condition, names).hstack(groups[many.codes("stock", "group", many.groups)])
    return placed.filter(pl.col("until_ms") > pl.col("start_ms")).select(AGENT_STOCK.names[2:])


def _served(many: _Many, workloads: pl.DataFrame) -> pl.DataFrame:
    rows = many.stack("served").with_columns(
        *(_known(name).alias(name) for name in ("requests", "input_tokens", "output_tokens", "busy_ms")),
        many.named("served", "model").alias("model"),
        many.named("served", "engine").alias("engine"),
        end_ms=pl.col("start_ms") + pl.col("length_ms"),
    )
    who = workloads.select("source", "cluster", "workload_id")[many.codes("served", "workload", many.workloads)]
    return rows.drop("workload").hstack(who).select(AGENT_SERVED.names[2:])


def _quotas(many: _Many, groups: pl.DataFrame) -> pl.DataFrame:
    said = (many.named("quotas", name).alias(name) for name in ("queue", "cohort", "flavor"))
    where = groups.select("source", "cluster", "accelerator")[many.codes("quotas", "group", many.groups)]
    rows = many.stack("quotas").drop("group").with_columns(*said).hstack(where)
    return rows.filter(pl.col("until_ms") > pl.col("start_ms")).select(AGENT_QUOTAS.names[2:])
