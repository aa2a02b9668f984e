"""Where time is accounted: a device or a pool as a whole (device_id NULL), and the lots that capacity came in."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.partition import Partition
from accounting.core.steps import daily, label

LOT = ("provider", "region", "purchase", "owner_team")
NO_LOT = 0


@dataclass(frozen=True, slots=True)
class Site:
    """The cluster's pools and lots as codes, and its capacity in the window.

    `pools`: pool (code), name, accelerator, stated ("stated", "mismatch": the pool has other accelerators, "none").
    `lots`: lot (code; 0 is the lot that says nothing) and its fields.
    `capacity`: pool, device_id, node, lot, start, end, quantity (millionths).
    `devices`: every device that any capacity row names, with all its rows: device_id, pool, start, end.
    """

    pools: pl.DataFrame
    lots: pl.DataFrame
    capacity: pl.DataFrame
    devices: pl.DataFrame


def survey(p: Partition) -> Site:
    """Pools, lots and capacity of the partition."""
    both = pl.concat([p.capacity.select("pool", "accelerator"), p.jobs.select("pool", "accelerator")])
    names = both.unique().sort("pool", "accelerator").with_row_index("code").cast({"code": pl.Int64})
    exact = p.capacity.select("pool", "accelerator").unique().with_columns(exact=pl.lit(True))
    named = p.capacity.select("pool").unique().with_columns(named=pl.lit(True))
    stated = pl.when("exact").then(pl.lit("stated")).when("named").then(pl.lit("mismatch")).otherwise(pl.lit("none"))
    pools = (
        names.join(exact, on=["pool", "accelerator"], how="left")
        .join(named, on="pool", how="left")
        .select(pl.col("code").alias("pool"), pl.col("pool").alias("name"), "accelerator", stated=stated)
        .sort("pool")
    )
    lots = _lots(p.capacity)
    coded = (
        p.capacity.rename({"pool": "name"})
        .join(pools.select("pool", "name", "accelerator"), on=["name", "accelerator"], how="left")
        .join(lots, on=LOT, how="left", nulls_equal=True)
        .select("pool", "device_id", "node", "lot", start="start_ms", end="end_ms", quantity="quantity_ppm")
        .sort("pool", "device_id", "node", "lot", "start", nulls_last=True)
    )
    inside = coded.with_columns(
        start=pl.max_horizontal("start", pl.lit(p.start)), end=pl.min_horizontal("end", pl.lit(p.end))
    )
    devices = coded.filter(pl.col("device_id").is_not_null()).select("device_id", "pool", "start", "end")
    return Site(pools, lots, inside.filter((pl.col("end") > pl.col("start")) & (pl.col("quantity") > 0)), devices)


def _lots(capacity: pl.DataFrame) -> pl.DataFrame:
    said = capacity.select(LOT).unique().filter(~pl.all_horizontal(pl.col(LOT).is_null())).sort(LOT, nulls_last=True)
    blank = pl.DataFrame(schema=said.schema).clear(1)
    return pl.concat([blank, said]).with_row_index("lot").cast({"lot": pl.Int64})


def pool_codes(frame: pl.DataFrame, pools: pl.DataFrame) -> pl.DataFrame:
    """`pool` (name) and `accelerator` replaced by the pool's code."""
    return (
        frame.rename({"pool": "name"})
        .join(
            pools.select("pool", "name", "accelerator"), on=["name", "accelerator"], how="left", maintain_order="left"
        )
        .drop("name", "accelerator")
    )


def placed(holdings: pl.DataFrame, site: Site) -> pl.DataFrame:
    """Holdings with `pool` and `device_id` of the place that accounts them; `observed` keeps the device they named.

    A named device that capacity knows is accounted by device while it is online; one in a pool without any capacity
    rows too. Everything else draws on its pool as a whole (`device_id` NULL).
    """
    named = holdings.with_columns(observed=pl.col("device_id"))
    known = named.join(site.devices.select("device_id").unique(), on="device_id", how="semi")
    if not known.height and not named["device_id"].count():
        return named
    others = named.join(site.devices.select("device_id").unique(), on="device_id", how="anti").join(
        site.pools.select("pool", "stated"), on="pool", how="left"
    )
    alone = pl.when(pl.col("stated") == "none").then("device_id")
    return pl.concat([_online(known, site.devices), others.with_columns(device_id=alone).drop("stated")])


def _online(holdings: pl.DataFrame, devices: pl.DataFrame) -> pl.DataFrame:
    """Cut at the edges of the devices' capacity rows; outside of them the holding draws on its own pool."""
    codes = devices.select("device_id").unique().sort("device_id").with_row_index("device").cast({"device": pl.Int64})
    spans = devices.join(codes, on="device_id").rename({"pool": "online"})
    pieces = label(holdings.join(codes, on="device_id"), "device", spans, "online")
    return pieces.with_columns(
        pool=pl.coalesce("online", "pool"), device_id=pl.when(pl.col("online").is_not_null()).then("device_id")
    ).select(holdings.columns)


def places(holdings: pl.DataFrame, site: Site) -> pl.DataFrame:
    """All places of the window: `place` (code, in sort order), pool, device_id."""
    keys = pl.concat([site.capacity.select("pool", "device_id"), holdings.select("pool", "device_id")]).unique()
    pooled = keys.select("pool").unique().with_columns(device_id=pl.lit(None, pl.String))
    found = pl.concat([keys, pooled]).unique().sort("pool", "device_id", nulls_last=True)
    return found.with_row_index("place").cast({"place": pl.Int64})


def nodes(places: pl.DataFrame, site: Site) -> pl.DataFrame:
    """The node of each device and day, the last one where it moved: `place, day, node`."""
    devices = daily(site.capacity.filter(pl.col("device_id").is_not_null() & pl.col("node").is_not_null()))
    return (
        with_place(devices, places)
        .sort("start", "node")
        .group_by("place", "day", maintain_order=True)
        .agg(pl.col("node").last())
    )


def with_place(frame: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Adds `place` by (pool, device_id)."""
    return frame.join(
        places.select("pool", "device_id", "place"), on=["pool", "device_id"], how="left", nulls_equal=True
    )
