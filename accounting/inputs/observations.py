"""What agents told, as far as it counts: free of the order and the division in which it came, and of repetitions."""

from __future__ import annotations

import polars as pl

from accounting.agent_tables import AGENT_DEVICES, AGENT_HOLDINGS, AGENT_RECORDS
from accounting.core.partition import AGENT
from accounting.inputs.counts import rank, without_overlaps
from accounting.stores.lake import Lake
from accounting.tables import INPUT_CAPACITY, INPUT_JOBS

PPM = 1_000_000

_RECORD = ["rank", "cluster", "device_id", "instance_id", "workload_id", "start_ms"]
_HOLDING = ["rank", "cluster", "workload_id", "device_id", "instance_id", "start_ms", "accelerator"]
_DEVICE = ["rank", "cluster", "node", "device_id"]
_WORDS = ("team", "model", "purpose", "user", "account", "namespace", "priority")
_MEAN = ("busy_ppm", "sm_active_ppm", "tensor_active_ppm")
_SUM = ("memory_bytes", "energy_mj")
_BITS = ("health", "flags")
_PLACED = ("import_seq", "row", "node")
_TOLD = ("import_seq", "row", "source")


def records(lake: Lake) -> pl.LazyFrame:
    """All rows of `AGENT_RECORDS` that count, and `rank`: take those of some days, then `distinct` and `by_device`."""
    return _renamed(lake, lake.scan_input(AGENT_RECORDS.name)).with_columns(rank=rank()).drop("source")


def renames(lake: Lake) -> pl.DataFrame:
    """Ids that stood for a workload while its name was not to be had: cluster, workload_id, name.

    An agent that the API server or squeue does not answer tells `pod:UID` or a job's raw number; any other telling of
    that uid, by any agent of the cluster, says what its name is.
    """
    rows = lake.scan_input(AGENT_HOLDINGS.name).filter(pl.col("uid").is_not_null())
    told = rows.select("cluster", "kind", "uid", "workload_id").unique().collect(engine="streaming")
    stand_in = (pl.col("workload_id") == pl.col("uid")) | (pl.col("workload_id") == "pod:" + pl.col("uid"))
    key = ["cluster", "kind", "uid"]
    names = told.filter(~stand_in).group_by(key).agg(name=pl.col("workload_id").min())
    return told.filter(stand_in).join(names, on=key).select("cluster", "workload_id", "name").sort("cluster", "name")


def _renamed(lake: Lake, rows: pl.LazyFrame) -> pl.LazyFrame:
    known = renames(lake)
    if not known.height:
        return rows
    named = rows.join(known.lazy(), on=["cluster", "workload_id"], how="left")
    return named.with_columns(workload_id=pl.coalesce("name", "workload_id")).drop("name")


def distinct(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each device or instance, workload and start: the longest, then the busiest."""
    doubled = rows.select(_RECORD).hash_rows().is_duplicated()
    if not doubled.any():
        return rows
    rest = [c for c in rows.columns if c not in (*_RECORD, *_PLACED, "end_ms", "busy_ppm")]
    best = rows.filter(doubled).sort("end_ms", "busy_ppm", *rest, descending=True, nulls_last=True)
    return pl.concat([rows.filter(~doubled), best.unique(_RECORD, keep="first", maintain_order=True)])


def by_device(rows: pl.DataFrame, instances: pl.DataFrame) -> pl.DataFrame:
    """`distinct` rows; the instances of a device that one workload held in an interval are one, the others left out.

    What is told of all of an instance is its holder's where `instances` (effective holdings) has exactly one then.
    """
    cut = rows.filter(pl.col("instance_id").is_not_null())
    if not cut.height:
        return rows
    named = cut.filter(pl.col("workload_id").is_not_null())
    told = ["rank", "instance_id", "start_ms"]
    whole = cut.filter(pl.col("workload_id").is_null()).join(named, on=told, how="anti")
    held = _attributed(whole, instances).select(rows.columns)
    return pl.concat([rows.filter(pl.col("instance_id").is_null()), _summed(pl.concat([named, held]), rows.columns)])


def _attributed(whole: pl.DataFrame, instances: pl.DataFrame) -> pl.DataFrame:
    holders = instances.select("cluster", "instance_id", holder="workload_id", since="start_ms", until="until_ms")
    during = (pl.col("since") < pl.col("end_ms")) & (pl.col("until") > pl.col("start_ms"))
    of = ["rank", "cluster", "instance_id", "start_ms"]
    pairs = whole.join(holders, on=["cluster", "instance_id"]).filter(during)
    one = pairs.group_by(of).agg(pl.col("holder").unique())
    sole = one.filter(pl.col("holder").list.len() == 1).with_columns(pl.col("holder").list.first())
    return whole.join(sole, on=of).with_columns(workload_id="holder")


def _summed(pairs: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """A part that is not known makes the sum unknown."""
    end = pl.col("end_ms").max()
    longest, length = end - pl.col("start_ms").first(), pl.col("end_ms") - pl.col("start_ms")
    known = {name: ~pl.col(name).is_null().any() for name in (*_MEAN, *_SUM)}
    added = pairs.group_by("rank", "cluster", "device_id", "workload_id", "start_ms").agg(
        *(pl.when(known[c]).then((pl.col(c) * length).sum() // longest).clip(0, PPM).alias(c) for c in _MEAN),
        *(pl.when(known[c]).then(pl.col(c).sum()).alias(c) for c in _SUM),
        *(pl.col(c).bitwise_or() for c in _BITS),
        *(pl.col(c).min() for c in _PLACED),
        end.alias("end_ms"),
        instance_id=pl.lit(None, pl.String),
    )
    return added.select(columns)


def holdings(lake: Lake) -> pl.DataFrame:
    """One row of `AGENT_HOLDINGS` (and `rank`) for each holding: as it was told last, closed if it ever was."""
    rows = _renamed(lake, lake.scan_input(AGENT_HOLDINGS.name)).with_columns(rank=rank())
    told = rows.group_by(_HOLDING).agg(until_ms=pl.col("until_ms").max(), ended=pl.col("closed").max())
    last = rows.join(told, on=[*_HOLDING, "until_ms"], nulls_equal=True).collect(engine="streaming")
    named = (*_HOLDING, *_TOLD, "until_ms", "closed", "quantity_ppm", "pool")
    rest = [c for c in AGENT_HOLDINGS.names if c not in named]
    best = last.sort("quantity_ppm", "pool", *rest, descending=True, nulls_last=True)
    one = best.unique(_HOLDING, keep="first", maintain_order=True).with_columns(closed="ended")
    newest, agents = one.drop("ended"), pl.col("rank") == 0
    others = without_overlaps(newest.filter(~agents), [c for c in _HOLDING if c not in ("start_ms", "accelerator")])
    return pl.concat([newest.filter(agents), others]).sort(_HOLDING)


def jobs(held: pl.DataFrame, counted: pl.DataFrame, logged: pl.DataFrame) -> pl.DataFrame:
    """Holdings and allocations (both with `rank`) as rows of `INPUT_JOBS`: each held as far as it is known.

    What a collector does not know of a workload, the `logged` job of that id tells: its latest attempt.
    """
    rows = pl.concat([shaped(told.with_columns(end_ms="until_ms"), INPUT_JOBS.schema) for told in (held, counted)])
    key = ["cluster", "workload_id"]
    latest = logged.sort("start_ms", "import_seq", "row", nulls_last=False).unique(
        key, keep="last", maintain_order=True
    )
    known = latest.select(*key, *(pl.col(c).alias(f"_{c}") for c in _WORDS))
    return rows.join(known, on=key, how="left", maintain_order="left").select(
        pl.coalesce(c, f"_{c}").alias(c) if c in _WORDS else c for c in rows.columns
    )


def devices(lake: Lake) -> pl.DataFrame:
    """One row of `AGENT_DEVICES` (and `rank`) for each collector's device of a node: from first to last sight.

    What is said of it is as it was seen last.
    """
    rows = lake.scan_input(AGENT_DEVICES.name).with_columns(rank=rank()).collect()
    reach = rows.group_by(_DEVICE).agg(pl.col("first_ms").min(), pl.col("last_ms").max())
    rest = [c for c in AGENT_DEVICES.names if c not in (*_DEVICE, *_TOLD, "first_ms", "last_ms")]
    last = rows.sort("last_ms", *rest, descending=True, nulls_last=True)
    one = last.unique(_DEVICE, keep="first", maintain_order=True).drop("first_ms", "last_ms").join(reach, on=_DEVICE)
    return one.sort(_DEVICE)


def capacity(seen: pl.DataFrame) -> pl.DataFrame:
    """Devices as rows of `INPUT_CAPACITY`; a device that moves to another node leaves the one before.

    While several nodes knew it before and after, it is at the one that came to know it last; where collectors differ
    the most trusted one places it.
    """
    ends = pl.concat([seen.select("device_id", start_ms="first_ms"), seen.select("device_id", start_ms="last_ms")])
    cut = (
        ends.unique().sort("device_id", "start_ms").with_columns(end_ms=pl.col("start_ms").shift(-1).over("device_id"))
    )
    covers = (pl.col("first_ms") <= pl.col("start_ms")) & (pl.col("last_ms") >= pl.col("end_ms"))
    order = ["device_id", "start_ms", -pl.col("rank"), "first_ms", "cluster", "node"]
    pieces = cut.join(seen, on="device_id").filter(covers).sort(order)
    placed = pieces.unique(["device_id", "start_ms"], keep="last", maintain_order=True)
    return shaped(placed.with_columns(quantity_ppm=pl.lit(PPM, pl.Int64)), INPUT_CAPACITY.schema)


def unstated(seen: pl.DataFrame, stated: pl.DataFrame) -> pl.DataFrame:
    """Capacity that agents saw, without what imported capacity speaks of: by device, by node, or by pool."""
    device, node = pl.col("device_id").is_not_null(), pl.col("node").is_not_null()
    pool = ["cluster", "pool", "accelerator"]
    rest = seen.join(stated.filter(device), on="device_id", how="anti")
    rest = rest.join(stated.filter(~device & node), on=["cluster", "node"], how="anti")
    return rest.join(stated.filter(~device & ~node), on=pool, how="anti")


def shaped(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """The columns of another table; what it has more is NULL, and the number of the import 0, less the rank."""
    none = [pl.lit(None, t).alias(c) for c, t in schema.items() if c not in rows.columns]
    seq = -pl.col("rank") if "rank" in rows.columns else pl.lit(AGENT, pl.Int64)
    told = rows.with_columns(*none).with_columns(import_seq=seq, row=pl.lit(0, pl.Int64))
    return told.select(schema.names())
