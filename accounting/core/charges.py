"""The charges table: priced usage by day, and who bears it."""

from __future__ import annotations

import hashlib

import polars as pl

from accounting.core.bear import UNOWNED, borne
from accounting.core.measure import STATES
from accounting.core.rounding import MS_PER_HOUR, half_even, proportion, to_money, to_seconds
from accounting.core.rows import NOBODY
from accounting.core.setting import Setting
from accounting.core.steps import DAY
from accounting.tables import CHARGE_KINDS, CHARGES

HOLDER = ("workload_id", "team", "cost_center", "model", "purpose")
GRAIN = (
    *("day", "month", "team", "owner_team", "cost_center", "model", "purpose", "workload_id", "cluster", "pool"),
    *("accelerator", "provider", "region", "purchase", "state", "charge_kind", "borne_by_rule", "price_id"),
    "list_nano",
)


def charges_table(rows: pl.DataFrame, setting: Setting) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`accounting.tables.CHARGES` without `publication`, and the rows a spread without weights left to the platform."""
    holders = setting.identities.select(HOLDER).unique().sort(HOLDER, nulls_last=True)
    daily = _by_day(rows, setting, holders)
    words = _words(daily, setting, holders)
    kinds = {code: CHARGE_KINDS[state] for code, state in enumerate(STATES)}
    named = pl.concat([daily, words], how="horizontal").with_columns(
        kind=pl.col("state").replace_strict(kinds, return_dtype=pl.String), capacity_owner=pl.col("owner_team")
    )
    bearing, orphaned = borne(named.rename({"team": "holder"}), setting.partition.policies)
    return _table(bearing, setting), orphaned


def _by_day(rows: pl.DataFrame, setting: Setting, holders: pl.DataFrame) -> pl.DataFrame:
    """Sums per day of everything a charge tells; `who` is the holder without its node."""
    numbered = holders.with_row_index("who").cast({"who": pl.Int64})
    of_ident = setting.identities.join(numbered, on=HOLDER, how="left", nulls_equal=True, maintain_order="left")["who"]
    index = pl.select(pl.when(rows["ident"] != NOBODY).then(rows["ident"])).to_series()
    keyed = rows.with_columns(
        day=pl.col("hour") // DAY,
        pool=setting.places["pool"].gather(rows["place"]),
        who=of_ident.gather(index) if holders.height else pl.lit(None, pl.Int64),
        months=pl.col("month").rank("dense"),
    )
    keys = ["day", "months", "pool", "lot", "who", "state", "price", "list_price", "policy"]
    return (
        keyed.lazy()
        .group_by(keys)
        .agg(
            pl.col("month").first(),
            pl.col("ms").sum(),
            busy_ms=pl.when(pl.col("busy_ms").count() > 0).then(pl.col("busy_ms").sum()),
            cost=pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()),
        )
        .sort(keys, nulls_last=True)
        .collect(engine="streaming")
        .drop("months")
    )


def _words(rows: pl.DataFrame, setting: Setting, holders: pl.DataFrame) -> pl.DataFrame:
    where = setting.site.pools.select(pool_name="name", accelerator="accelerator")
    who = holders.select(pl.all().gather(rows["who"])) if holders.height else holders.clear(rows.height)
    return pl.concat([where[rows["pool"]], setting.lots(rows["lot"]), who], how="horizontal")


def _table(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    book = setting.book
    prices = pl.DataFrame(
        {
            "price": pl.Series(range(len(book)), dtype=pl.Int64),
            "price_id": pl.Series([p.id for p in book], dtype=pl.String),
            "currency": pl.Series([p.currency for p in book], dtype=pl.String),
        }
    )
    nobody = pl.when(pl.col("kind") == "unallocated").then("capacity_owner").otherwise(pl.lit(UNOWNED))
    overhead = pl.col("kind") == "overhead"
    named = rows.join(prices, on="price", how="left", maintain_order="left").with_columns(
        unit_nano=setting.nano(rows["price"]),
        list_nano=setting.nano(rows["list_price"]),
        day=pl.col("day").cast(pl.Int32).cast(pl.Date),
        cluster=setting.cluster,
        pool="pool_name",
        charge_kind="kind",
        state=pl.col("state").replace_strict(dict(enumerate(STATES)), return_dtype=pl.String),
        owner_team=pl.when(overhead).then("capacity_owner").otherwise(pl.coalesce("holder", nobody)),
        cost_center=pl.when(~overhead).then("cost_center"),
    )
    return _finished(_merged(named))


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    """Two policies of one day, or lots of two owners, may say the same of a row; the grain has it once."""
    if not rows.select(GRAIN).is_duplicated().any():
        return rows
    total = [pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in ("ms", "busy_ms", "cost")]
    same = [pl.col(c).first() for c in ("currency", "unit_nano")]
    return rows.group_by(GRAIN, maintain_order=True).agg(*total, *same)


def _finished(rows: pl.DataFrame) -> pl.DataFrame:
    list_cost = half_even(pl.col("list_nano").cast(pl.Int128) * pl.col("ms"), MS_PER_HOUR).cast(pl.Int64)
    ids = rows.select(
        pl.concat_str(
            pl.col(GRAIN[:-1]).cast(pl.String).fill_null("\0"), "list_nano", separator="\x1f", ignore_nulls=True
        )
    ).to_series()
    return (
        rows.with_columns(
            charge_id=pl.Series([hashlib.sha256(text.encode()).hexdigest()[:32] for text in ids], dtype=pl.String),
            device_seconds=to_seconds(pl.col("ms")),
            unit_price=to_money(pl.col("unit_nano")),
            price_status=pl.when(pl.col("price_id").is_null()).then(pl.lit("unpriced")).otherwise(pl.lit("priced")),
            used_cost=to_money(proportion(pl.col("cost"), pl.col("busy_ms"), pl.col("ms"))),
            cost=to_money(pl.col("cost")),
            list_cost=to_money(list_cost),
        )
        .select(c for c in CHARGES.names if c != "publication")
        .sort("day", "team", "charge_kind", "charge_id")
    )
