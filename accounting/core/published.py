"""The tables that stand beside usage and charges: capacity, workloads, prices."""

from __future__ import annotations

import polars as pl

from accounting.core.occupancy import Occupancy
from accounting.core.ownership import own
from accounting.core.partition import Partition
from accounting.core.places import NO_LOT, nodes, with_place
from accounting.core.pricing import Price, spans
from accounting.core.rounding import cumulative, to_money, to_seconds
from accounting.core.setting import Setting
from accounting.core.steps import DAY, PPM, daily
from accounting.schema import INSTANT
from accounting.tables import CAPACITY, PRICES, WORKLOADS


def capacity_table(setting: Setting, occupancy: Occupancy) -> pl.DataFrame:
    """`CAPACITY` without `publication`: stated, and raised by what was held beyond."""
    site, places = setting.site, setting.places
    stated = daily(with_place(site.capacity, places).select("place", "lot", "start", "end", "quantity"))
    lots = stated.group_by("place", "day").agg(lot=pl.col("lot").min())
    excess = (
        daily(occupancy.excess)
        .join(lots, on=["place", "day"], how="left")
        .with_columns(lot=pl.col("lot").fill_null(NO_LOT))
    )
    weight = pl.col("quantity").cast(pl.Int128) * (pl.col("end") - pl.col("start"))
    zero = pl.lit(0, pl.Int128)
    both = pl.concat(
        [
            stated.select("day", "place", "lot", stated=weight, raised=weight),
            excess.select("day", "place", "lot", stated=zero, raised=weight),
        ]
    )
    sums = (
        both.group_by("day", "place", "lot")
        .agg(pl.col("stated", "raised").sum())
        .join(places, on="place")
        .sort("day", "place", "lot")
    )
    rounded = sums.with_columns(
        stated=cumulative(pl.col("stated"), PPM, ["day", "pool"]),
        raised=cumulative(pl.col("raised"), PPM, ["day", "pool"]),
    )
    return (
        rounded.join(nodes(places, site), on=["place", "day"], how="left", maintain_order="left")
        .join(site.pools, on="pool", how="left", suffix="_", maintain_order="left")
        .join(site.lots, on="lot", how="left", maintain_order="left")
        .with_columns(
            day=_date("day"),
            cluster=setting.cluster,
            pool="name",
            stated_seconds=to_seconds(pl.col("stated").cast(pl.Int64)),
            raised_seconds=to_seconds(pl.col("raised").cast(pl.Int64)),
        )
        .select(c for c in CAPACITY.names if c != "publication")
    )


def workloads_table(p: Partition) -> pl.DataFrame:
    """`WORKLOADS` without `publication`: attempts that started, or were submitted and never started, in the window."""
    at = pl.coalesce("start_ms", "submitted_ms", "end_ms")
    begun = p.jobs.with_columns(start=at, end=at).filter((at >= p.start) & (at < p.end))
    owned = own(begun, p.teams)
    instant = {name: pl.col(f"{name}_ms").cast(INSTANT) for name in ("submitted", "start", "end")}
    sort = [
        "day",
        "workload_id",
        "start_ms",
        "pool",
        "node",
        "device_id",
        "accelerator",
        "end_ms",
        "submitted_ms",
        "quantity_ppm",
        "team",
        "user",
        "model",
        *("purpose", "account", "namespace", "outcome", "priority", "cost_center"),
    ]
    table = owned.with_columns(day=pl.col("start") // DAY).sort(sort, nulls_last=True)
    return table.with_columns(
        cluster=pl.lit(p.cluster),
        attempt=pl.int_range(1, pl.len() + 1).over("day"),
        quantity=to_money(pl.col("quantity_ppm") * 1000),
        day=_date("day"),
        **instant,
    ).select(c for c in WORKLOADS.names if c != "publication")


def prices_table(setting: Setting, accounted: pl.DataFrame) -> pl.DataFrame:
    """`PRICES` without `publication`: by day each SKU's price that had time in the `accounted` rows, cut at changes."""
    start, end = setting.partition.start, setting.partition.end
    skus = _skus(setting, accounted)
    rows = [
        (*sku, span.start, span.end, *_said(span.price))
        for sku in skus.drop("day").unique().iter_rows()
        for span in spans(setting.book, sku, start, end)
    ]
    schema = {
        **dict.fromkeys(("accelerator", "provider", "region", "purchase"), pl.String),
        **dict.fromkeys(("start", "end"), pl.Int64),
        "price_id": pl.String,
        "nano": pl.Int64,
        **dict.fromkeys(("currency", "covers", "kind"), pl.String),
    }
    return (
        daily(pl.DataFrame(rows, schema=schema, orient="row"))
        .join(skus, on=skus.columns, how="semi", nulls_equal=True)
        .sort("day", "accelerator", "provider", "region", "purchase", "start", nulls_last=True)
        .with_columns(
            day=_date("day"),
            cluster=setting.cluster,
            start=pl.col("start").cast(INSTANT),
            end=pl.col("end").cast(INSTANT),
            price_per_hour=to_money(pl.col("nano")),
        )
        .select(c for c in PRICES.names if c != "publication")
    )


def _skus(setting: Setting, accounted: pl.DataFrame) -> pl.DataFrame:
    used = accounted.select(pl.col("hour") // DAY, "place", "lot").unique().rename({"hour": "day"})
    named = used.join(setting.places, on="place").join(setting.site.pools, on="pool").join(setting.site.lots, on="lot")
    return named.select("day", "accelerator", "provider", "region", "purchase").unique()


def _said(price: Price | None) -> tuple[str | int | None, ...]:
    return (None,) * 5 if price is None else (price.id, price.nano, price.currency, price.covers, price.kind)


def _date(day: str) -> pl.Expr:
    return pl.col(day).cast(pl.Int32).cast(pl.Date)
