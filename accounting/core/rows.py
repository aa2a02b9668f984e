"""Rows in whole milliseconds and nano-units: merged, divided among lots, rounded so that parts add up, priced."""

from __future__ import annotations

import polars as pl

from accounting.core.measure import CODE, SLICED
from accounting.core.pricing import Price
from accounting.core.rounding import cost_nano, cumulative
from accounting.core.steps import PPM
from accounting.core.ticks import Ticks

NOBODY = -1
BITS = 32


def account_rows(weights: pl.DataFrame, ticks: Ticks, reserved: list[int]) -> pl.DataFrame:
    """One row per place, tick, lot, holder and state, in sort order.

    Adds hour, month, price, list_price, `ms`, `busy_ms`, `bound_ms`, `energy`, `measured` (some of it was told as the
    holder's own part of a device) and `cost` (nano, NULL: unpriced).
    Milliseconds are rounded cumulatively over a place's hour, cost over a place's hour at one price. Free time of the
    `reserved` lots is `unallocated_reserved`.
    """
    merged = _merged(_set_aside(_lotted(weights, ticks), reserved))
    calendar = ticks.table.select("hour", "policy", unit=_unit(ticks.table))
    placed = merged.with_columns(calendar[merged["tick"]]).pipe(_with_lots, ticks)
    rounded = placed.with_columns(
        ms=cumulative(pl.col("weight"), PPM, ["unit"]),
        busy_ms=_rounded("busy"),
        bound_ms=_rounded("bound"),
    ).filter((pl.col("ms") > 0) | (pl.col("busy_ms").fill_null(0) > 0))
    return _priced(rounded, ticks.book).drop("weight", "busy", "bound", "unit")


def _set_aside(weights: pl.DataFrame, reserved: list[int]) -> pl.DataFrame:
    free = pl.col("state").is_between(CODE["unallocated_reserved"], CODE["unobserved"], closed="none")
    said = pl.lit(CODE["unallocated_reserved"], pl.Int64)
    return weights.with_columns(state=pl.when(free & pl.col("lot").is_in(reserved)).then(said).otherwise("state"))


def _lotted(weights: pl.DataFrame, ticks: Ticks) -> pl.DataFrame:
    """Where a pool was bought in several lots at once, every holder has its part of each."""
    if not ticks.shares:
        return weights.with_columns(lot=ticks.lots["lot"].gather(weights["tick"]))
    mix = ticks.lots.select(
        "tick",
        "lot",
        until=pl.col("quantity").cum_sum().over("tick"),
        quantity="quantity",
        total=pl.col("quantity").sum().over("tick"),
    )
    single = mix.filter(pl.col("until") - pl.col("quantity") == 0).filter(pl.col("until") == pl.col("total"))
    plain = weights.join(single.select("tick", "lot"), on="tick")
    split = _summed(weights.join(single.select("tick"), on="tick", how="anti"))
    return pl.concat([plain, *(_split(split, mix, single) if split.height else [])], how="diagonal").select(
        plain.columns
    )


def _summed(weights: pl.DataFrame) -> pl.DataFrame:
    """One row per tick, holder and state, sorted."""
    measured = [pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in ("busy", "bound", "energy")]
    sums = weights.group_by("place", "tick", "ident", "state").agg(
        pl.col("weight").sum(), *measured, pl.col("measured").any()
    )
    return sums.sort("tick", "ident", "state", nulls_last=True)


def _split(weights: pl.DataFrame, mix: pl.DataFrame, single: pl.DataFrame) -> list[pl.DataFrame]:
    """Cumulative in the holders' order per lot, so that each lot's parts add up to that lot."""
    whole = weights.with_columns(cum=pl.col("weight").cum_sum().over("tick"))
    several = mix.join(single.select("tick"), on="tick", how="anti")
    rows = whole.join(several, on="tick")

    def upto(amount: pl.Expr) -> pl.Expr:
        def of(quantity: pl.Expr) -> pl.Expr:
            return amount.cast(pl.Int128) * quantity // pl.col("total")

        return of(pl.col("until")) - of(pl.col("until") - pl.col("quantity"))

    first = pl.col("until") == pl.col("quantity")
    part = {
        c: (pl.col(c).cast(pl.Int128) * pl.col("quantity") // pl.col("total")).cast(pl.Int64)
        for c in ("busy", "bound", "energy")
    }
    rest = {
        c: pl.when(first).then(pl.col(c) - (part[c].sum().over("tick", "ident", "state") - part[c])).otherwise(part[c])
        for c in part
    }
    return [
        rows.with_columns(weight=(upto(pl.col("cum")) - upto(pl.col("cum") - pl.col("weight"))).cast(pl.Int64), **rest)
    ]


def _merged(weights: pl.DataFrame) -> pl.DataFrame:
    """Attempts that agree in everything are one row; sorted by tick, lot, holder (nobody last), state."""
    idents, lots = weights.select(pl.col("ident").max().fill_null(0) + 2, pl.col("lot").max().fill_null(0) + 1).row(0)
    holder = pl.col("ident").fill_null(idents - 1)
    code = ((pl.col("tick") * lots + pl.col("lot")) * idents + holder) * BITS + pl.col("state")
    measured = [pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in ("busy", "bound", "energy")]
    grouped = (
        weights.lazy()
        .select(code=code, weight="weight", busy="busy", bound="bound", energy="energy", measured="measured")
        .group_by("code")
        .agg(pl.col("weight").sum(), *measured, pl.col("measured").any())
        .sort("code")
        .collect(engine="streaming")
    )
    where = pl.col("code") // BITS
    return grouped.select(
        tick=where // idents // lots,
        lot=where // idents % lots,
        ident=pl.when(where % idents == idents - 1).then(NOBODY).otherwise(where % idents),
        state=pl.col("code") % BITS % SLICED,
        sliced=pl.col("code") % BITS >= SLICED,
        weight="weight",
        busy="busy",
        bound="bound",
        energy="energy",
        measured="measured",
    )


def _unit(table: pl.DataFrame) -> pl.Series:
    """Rounding unit: a place's hour."""
    fresh = (pl.col("hour") != pl.col("hour").shift()) | (pl.col("place") != pl.col("place").shift())
    return table.select(fresh.fill_null(True).cum_sum().cast(pl.Int64)).to_series()


def _with_lots(rows: pl.DataFrame, ticks: Ticks) -> pl.DataFrame:
    places = rows.with_columns(place=ticks.table["place"].gather(rows["tick"]))
    if not ticks.shares:
        return places.with_columns(ticks.lots.select("month", "price", "list_price")[rows["tick"]])
    lots = ticks.lots.select("tick", "lot", "month", "price", "list_price")
    return places.join(lots, on=["tick", "lot"], how="left", maintain_order="left")


def _rounded(column: str) -> pl.Expr:
    return pl.when(pl.col(column).is_not_null()).then(cumulative(pl.col(column).fill_null(0), PPM, ["unit"]))


def _priced(rows: pl.DataFrame, book: tuple[Price, ...]) -> pl.DataFrame:
    nano = pl.Series([p.nano for p in book], dtype=pl.Int64)
    if not book:
        return rows.with_columns(cost=pl.lit(None, pl.Int64))
    prices = rows.with_columns(nano=nano.gather(rows["price"].fill_null(0)))
    cost = cost_nano(pl.col("ms"), pl.col("nano"), ["unit", "price"])
    return prices.with_columns(cost=pl.when(pl.col("price").is_not_null()).then(cost)).drop("nano")
