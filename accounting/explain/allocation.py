"""The rows that say who held the charge's accelerators, and that they were there."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from accounting.agent_tables import AGENT_ALLOCATIONS, AGENT_HOLDINGS
from accounting.core.partition import RANKS
from accounting.core.places import LOT
from accounting.explain.scene import Scene
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import counted, instant, share
from accounting.inputs.observations import renames
from accounting.schema import Table
from accounting.tables import STATES

_SOURCES = {-rank: source for source, rank in RANKS.items()}


def allocation(scene: Scene) -> Section:
    """Holdings with the import, file and row that they stand in; what collectors told, as it came."""
    held, state = scene.held, scene.charge["state"]
    told = list(_told(scene))
    said = [f"{state}: {STATES[state]}"]
    if held.is_empty():
        said.append("no row of a job log and no agent says that somebody held it in these hours")
        return Section("allocation", "Who held it", said)
    logged = held.filter(pl.col("import_seq") > 0)
    jobs = logged.select("import_seq", "row").n_unique()
    if jobs:
        files = sorted({scene.file(seq) for seq in logged["import_seq"]})
        said.append(f"{counted(jobs, 'row')} of {', '.join(files)}")
    for seq in sorted(set(held["import_seq"]) - set(logged["import_seq"]), reverse=True):
        number = held.filter(import_seq=seq).height
        said.append(f"{counted(number, 'holding')} that {_SOURCES[seq]} told of")
    grids = [Grid("holdings", "what held it", _HOLDING, list(_holdings(scene))), *told]
    seqs = {*logged["import_seq"], *(seq for grid in told for seq in grid_imports(grid))}
    return Section("allocation", "Who held it", said, {"holdings": held.height}, grids, frozenset(seqs))


_HOLDING = (
    *("source", "import", "row", "file", "workload_id", "node", "device_id", "quantity", "sharing"),
    *("held from", "held to", "row from", "row to"),
)


def _holdings(scene: Scene) -> Iterator[tuple[Value, ...]]:
    """The holding as it counts in the day, and the row's own times."""
    for row in scene.held.iter_rows(named=True):
        seq = row["import_seq"]
        where = (seq, row["row"], scene.file(seq)) if seq > 0 else (None, None, None)
        yield (
            *(_SOURCES.get(seq, "job log"), *where, row["workload_id"], row["node"], row["observed"]),
            *(share(row["quantity"]), row["sharing"], instant(row["start"]), instant(row["end"])),
            *(instant(row["start_ms"]), instant(row["end_ms"])),
        )


def grid_imports(grid: Grid) -> set[int]:
    """The imports that a table names."""
    column = grid.columns.index("import")
    return {seq for row in grid.rows if isinstance(seq := row[column], int)}


def _told(scene: Scene) -> Iterator[Grid]:
    """Rows of collectors on the workloads that they say held it, in the charge's time."""
    by_collectors = scene.held.filter(pl.col("import_seq") <= 0)
    if by_collectors.is_empty():
        return
    workloads = by_collectors["workload_id"].unique()
    devices = by_collectors["observed"].unique().to_list()
    for table, title in ((AGENT_HOLDINGS, "holdings as told last"), (AGENT_ALLOCATIONS, "allocations as told last")):
        rows = _of_workloads(scene, table, workloads)
        if "device_id" in rows.columns:
            rows = rows.filter(pl.col("device_id").is_in(devices))
        if rows.height:
            yield Grid(table.name, title, _AS_TOLD, list(_as_told(scene, rows)))


_HOLDING_OF = ("source", "workload_id", "node", "device_id", "instance_id", "start_ms")


def _of_workloads(scene: Scene, table: Table, workloads: pl.Series) -> pl.DataFrame:
    """Each holding as it was told last, and how often it was `told`."""
    lake = scene.project.lake
    known = renames(lake).filter(pl.col("name").is_in(workloads.to_list()))
    names = [*workloads, *known["workload_id"]]
    during = (pl.col("start_ms") < scene.end) & (pl.col("until_ms") > scene.start)
    rows = lake.scan_input(table.name).filter(
        (pl.col("cluster") == scene.partition.cluster) & pl.col("workload_id").is_in(names) & during
    )
    told = rows.collect(engine="streaming").sort("until_ms", "import_seq", "row", descending=True)
    of = [name for name in _HOLDING_OF if name in told.columns]
    times = told.with_columns(told=pl.len().over(of).cast(pl.Int64))
    return times.unique(of, keep="first", maintain_order=True).sort("start_ms", *of, nulls_last=True)


_AS_TOLD = (
    "source",
    "import",
    "row",
    "file",
    "workload_id",
    "trust",
    "node",
    "device_id",
    "from",
    "until",
    "closed",
    "told",
)


def _as_told(scene: Scene, rows: pl.DataFrame) -> Iterator[tuple[Value, ...]]:
    for row in rows.iter_rows(named=True):
        yield (
            *(row["source"] or "agent", row["import_seq"], row["row"], scene.file(row["import_seq"])),
            *(row["workload_id"], row["trust"], row["node"], row.get("device_id")),
            *(instant(row["start_ms"]), instant(row["until_ms"]), "yes" if row["closed"] else "no", row["told"]),
        )


def capacity(scene: Scene) -> Section:
    """Rows that say that the accelerators were there, and how they were bought."""
    charge, rows = scene.charge, _stated(scene)
    if rows.is_empty():
        stated = scene.done.setting.site.pools.filter(name=charge["pool"], accelerator=charge["accelerator"])
        other = "mismatch" in stated["stated"].to_list()
        line = (
            "capacity of the pool is of other accelerators (fault no_matching_capacity): what was held counts as there"
            if other
            else "no capacity row speaks of it: what was held counts as there"
        )
        return Section("capacity", "That it was there", [line])
    by_file = rows.filter(pl.col("import_seq") > 0)
    files = sorted({scene.file(seq) for seq in by_file["import_seq"]})
    said = [f"{counted(by_file.height, 'capacity row')} of {', '.join(files)}"] if files else []
    if rows.height > by_file.height:
        said.append(f"{counted(rows.height - by_file.height, 'capacity row')} of what collectors saw")
    columns = (
        *("import", "row", "file", "node", "device_id", "quantity", "purchase", "region", "provider", "owner_team"),
        *("from", "to"),
    )
    grid = Grid("capacity", "capacity", columns, list(_capacity(scene, rows)))
    return Section("capacity", "That it was there", said, {}, [grid], frozenset(by_file["import_seq"]))


def _stated(scene: Scene) -> pl.DataFrame:
    charge = scene.charge
    lots = scene.done.setting.site.lots.filter(pl.col("lot").is_in(scene.found.rows["lot"].unique().to_list()))
    devices = scene.found.rows["device_id"].unique()
    on = pl.col("device_id").is_null() if devices.null_count() else pl.lit(False)
    during = (pl.col("start_ms") < scene.end) & (pl.col("end_ms") > scene.start)
    mine = (pl.col("pool") == charge["pool"]) & (pl.col("accelerator") == charge["accelerator"]) & during
    rows = scene.partition.capacity.filter(mine).join(lots, on=LOT, how="semi", nulls_equal=True)
    drawn = _any_device(scene) if devices.null_count() else pl.lit(False)
    return rows.filter(on | drawn | pl.col("device_id").is_in(devices.drop_nulls().to_list())).sort("import_seq", "row")


def _any_device(scene: Scene) -> pl.Expr:
    """Who named no device drew on the devices of the pool."""
    return pl.lit(scene.done.setting.places.filter(pl.col("device_id").is_not_null()).height > 0)


def _capacity(scene: Scene, rows: pl.DataFrame) -> Iterator[tuple[Value, ...]]:
    for row in rows.iter_rows(named=True):
        seq = row["import_seq"]
        where = (seq, row["row"], scene.file(seq)) if seq > 0 else (None, None, "collectors")
        yield (
            *(*where, row["node"], row["device_id"], share(row["quantity_ppm"]), row["purchase"], row["region"]),
            *(row["provider"], row["owner_team"], instant(row["start_ms"]), instant(row["end_ms"])),
        )
