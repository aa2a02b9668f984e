"""The usage table: accounted rows with their words, by hour."""

from __future__ import annotations

import polars as pl

from accounting.core.carbon import co2e
from accounting.core.holdings import IDENTITY
from accounting.core.measure import CODE, STATES
from accounting.core.places import nodes
from accounting.core.rounding import to_seconds
from accounting.core.rows import NOBODY
from accounting.core.setting import Setting
from accounting.core.steps import DAY
from accounting.schema import INSTANT
from accounting.tables import USAGE

_GRAIN = ("hour", "month", "place", "place_node", "lot", "ident", "state", "sliced", "price")


def usage_table(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """`accounting.tables.USAGE` without `publication`, one row per grain."""
    hourly = _by_hour(_as_seen(_on_nodes(rows, setting), setting), setting)
    held = hourly["state"].is_between(CODE["allocated_unobserved"], CODE["allocated_active"])
    words = _words(hourly, setting)
    node = pl.coalesce("place_node", "node")
    return (
        co2e(pl.concat([hourly, words], how="horizontal"), setting.partition.grid)
        .select(
            hour=pl.col("hour").cast(INSTANT),
            day=pl.col("hour").cast(pl.Datetime("ms")).dt.date(),
            month="month",
            cluster=setting.cluster,
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
            sharing=_sharing(),
            split_method=pl.when(pl.col("bound_ms") > 0)
            .then(pl.lit("by_share"))
            .when(pl.col("busy_ms").is_not_null() & pl.col("measured"))
            .then(pl.lit("measured"))
            .when(pl.col("busy_ms").is_not_null())
            .then(pl.lit("whole")),
            error_bound=to_seconds(pl.col("bound_ms")),
            device_seconds=to_seconds(pl.col("ms")),
            busy_seconds=to_seconds(pl.col("busy_ms")),
            energy_joules=to_seconds(pl.col("energy")),
            co2e_grams=to_seconds(pl.col("co2e_mg")),
            source=pl.coalesce("source", pl.when(held).then(pl.lit("samples")).otherwise(pl.lit("capacity"))),
            price_id="price_id",
        )
        .select(c for c in USAGE.names if c != "publication")
    )


def _sharing() -> pl.Expr:
    return pl.when("sliced").then(pl.lit("time_sliced")).otherwise("sharing")


def _on_nodes(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """Rows with `place_node`, the node of their device."""
    known = nodes(setting.places, setting.site)
    if not known.height:
        return rows.with_columns(place_node=pl.lit(None, pl.String))
    dated = rows.with_columns(day=pl.col("hour") // DAY)
    named = known.rename({"node": "place_node"})
    return dated.join(named, on=["place", "day"], how="left", maintain_order="left").drop("day")


def _as_seen(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """The place's node and time slicing stand above what holders say: holders who differ in nothing else are one."""
    if not _look_alike(setting):
        return rows
    holders = rows.select(pl.when(pl.col("ident") != NOBODY).then("ident")).to_series()
    named, sliced = pl.col("place_node").is_not_null(), pl.col("sliced")

    def first(*hidden: str) -> pl.Series:
        seen = [c for c in IDENTITY if c not in hidden]
        return setting.identities.select(pl.col("ident").min().over(seen)).to_series().gather(holders)

    ident = (
        pl.when(named & sliced)
        .then(first("node", "sharing"))
        .when(named)
        .then(first("node"))
        .when(sliced)
        .then(first("sharing"))
        .otherwise("ident")
    )
    return rows.with_columns(ident=pl.coalesce(ident, "ident"))


def _look_alike(setting: Setting) -> bool:
    seen = setting.identities.select(c for c in IDENTITY if c not in {"node", "sharing"})
    return seen.n_unique() < seen.height


def _by_hour(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """Rows of one hour that differ in nothing people see (a policy changed in between) are one."""
    sums = [pl.col("ms").sum(), *(_sum(c) for c in ("busy_ms", "bound_ms", "energy")), pl.col("measured").any()]
    if (
        not _look_alike(setting)
        and rows["tick"].n_unique() == rows.select(pl.struct("place", "hour").n_unique()).item()
    ):
        return rows.select(*_GRAIN, "ms", "busy_ms", "bound_ms", "energy", "measured")
    return rows.group_by(_GRAIN, maintain_order=True).agg(sums)


def _sum(column: str) -> pl.Expr:
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum()).alias(column)


def _words(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    where = setting.places.join(setting.site.pools, on="pool", how="left", maintain_order="left").select(
        pool_name="name", accelerator="accelerator", device_id="device_id"
    )
    holders = pl.select(pl.when(rows["ident"] != NOBODY).then(rows["ident"])).to_series()
    who = setting.identities.select(IDENTITY)
    ids = pl.Series("price_id", [p.id for p in setting.book], dtype=pl.String)
    return pl.concat(
        [
            where[rows["place"]],
            setting.lots(rows["lot"]),
            who.select(pl.all().gather(holders)) if who.height else who.clear(rows.height),
            (ids.gather(rows["price"]) if setting.book else ids.clear(rows.height)).to_frame(),
        ],
        how="horizontal",
    )
