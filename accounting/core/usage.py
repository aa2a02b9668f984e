"""The usage table: accounted rows with their words, by hour."""

from __future__ import annotations

import polars as pl

from accounting.core.holdings import IDENTITY
from accounting.core.measure import CODE, STATES
from accounting.core.places import LOT, Site
from accounting.core.pricing import Price
from accounting.core.rounding import to_seconds
from accounting.core.rows import NOBODY
from accounting.tables import INSTANT, USAGE

_GRAIN = ("hour", "month", "place", "lot", "ident", "state", "sliced", "price")


def usage_table(rows: pl.DataFrame, cluster: str, site: Site, places: pl.DataFrame, identities: pl.DataFrame, book: tuple[Price, ...]) -> pl.DataFrame:
    """`accounting.tables.USAGE` without `publication`, one row per grain."""
    hourly = _by_hour(rows)
    held = hourly["state"] <= CODE["allocated_active"]
    words = _words(hourly, site, places, identities, book)
    node = pl.coalesce("place_node", "node")
    return pl.concat([hourly, words], how="horizontal").select(
        hour=pl.col("hour").cast(INSTANT),
        day=pl.col("hour").cast(pl.Datetime("ms")).dt.date(),
        month="month",
        cluster=pl.lit(cluster),
        pool="pool_name",
        node=node,
        device_id="device_id",
        accelerator="accelerator",
        provider="provider",
        region="region",
        purchase="purchase",
        capacity_owner="owner_team",
        workload_id="workload_id",
        team="team",
        cost_center="cost_center",
        owner_status=pl.coalesce("owner_status", pl.when(held).then(pl.lit("unowned"))),
        model="model",
        purpose="purpose",
        state=pl.col("state").replace_strict(dict(enumerate(STATES)), return_dtype=pl.String),
        sharing=_sharing(held),
        split_method=pl.when(pl.col("bound_ms") > 0).then(pl.lit("by_share")).when(pl.col("busy_ms").is_not_null()).then(pl.lit("whole")),
        error_bound=to_seconds(pl.col("bound_ms")),
        device_seconds=to_seconds(pl.col("ms")),
        busy_seconds=to_seconds(pl.col("busy_ms")),
        energy_joules=to_seconds(pl.col("energy")),
        source=pl.coalesce("source", pl.when(held).then(pl.lit("samples")).otherwise(pl.lit("capacity"))),
        price_id="price_id",
    ).select(c for c in USAGE.names if c != "publication")


def _sharing(held: pl.Series) -> pl.Expr:
    return pl.coalesce(pl.when("sliced").then(pl.lit("time_sliced")), "sharing", pl.when(held).then(pl.lit("exclusive")))


def _by_hour(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of one hour that differ in nothing people see (a policy changed in between) are one."""
    sums = [pl.col("ms").sum(), *(_sum(c) for c in ("busy_ms", "bound_ms", "energy"))]
    if rows["tick"].n_unique() == rows.select(pl.struct("place", "hour").n_unique()).item():
        return rows.select(*_GRAIN, "ms", "busy_ms", "bound_ms", "energy")
    return rows.group_by(_GRAIN, maintain_order=True).agg(sums)


def _sum(column: str) -> pl.Expr:
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias(column)


def _words(rows: pl.DataFrame, site: Site, places: pl.DataFrame, identities: pl.DataFrame, book: tuple[Price, ...]) -> pl.DataFrame:
    where = places.join(site.pools, on="pool", how="left", maintain_order="left").select(
        pool_name="name", accelerator="accelerator", device_id="device_id", place_node="node"
    )
    holder = pl.when(rows["ident"] != NOBODY).then(rows["ident"])
    index = pl.select(holder).to_series()
    price_ids = pl.Series("price_id", [p.id for p in book], dtype=pl.String)
    found = [where[rows["place"]], site.lots.select(LOT)[rows["lot"]]]
    who = identities.select(IDENTITY)
    found.append(who.select(pl.all().gather(index)) if who.height else who.clear(rows.height))
    found.append(pl.DataFrame({"price_id": price_ids.gather(rows["price"]) if book else pl.Series([None] * rows.height, dtype=pl.String)}))
    return pl.concat(found, how="horizontal")
