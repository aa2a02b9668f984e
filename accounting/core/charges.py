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


KEYS = ("day", "months", "pool", "lot", "who", "state", "price", "list_price", "policy")
"""What rows of one part of a charge have in common, as codes."""


def charges_table(rows: pl.DataFrame, setting: Setting) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`accounting.tables.CHARGES` without `publication`, and the rows a spread without weights left to the platform."""
    bearing, orphaned = bearers(rows, setting)
    return _finished(_merged(named(bearing, setting))), orphaned


def bearers(rows: pl.DataFrame, setting: Setting) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`rows` summed by KEYS, with their holder in words and who bears them (`accounting.core.bear.borne`)."""
    holders = _holders(setting)
    daily = _by_day(keyed(rows, setting))
    words = _words(daily, setting, holders)
    kinds = {code: CHARGE_KINDS[state] for code, state in enumerate(STATES)}
    said = pl.concat([daily, words], how="horizontal").with_columns(
        kind=pl.col("state").replace_strict(kinds, return_dtype=pl.String), capacity_owner=pl.col("owner_team")
    )
    return borne(said.rename({"team": "holder"}), setting.partition.policies)


def _holders(setting: Setting) -> pl.DataFrame:
    return setting.identities.select(HOLDER).unique().sort(HOLDER, nulls_last=True)


def keyed(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """`rows` with the KEYS of the charge that each is a part of; `who` is the holder without its node."""
    holders = _holders(setting)
    numbered = holders.with_row_index("who").cast({"who": pl.Int64})
    of_ident = setting.identities.join(numbered, on=HOLDER, how="left", nulls_equal=True, maintain_order="left")["who"]
    index = pl.select(pl.when(rows["ident"] != NOBODY).then(rows["ident"])).to_series()
    return rows.with_columns(
        day=pl.col("hour") // DAY,
        pool=setting.places["pool"].gather(rows["place"]),
        who=of_ident.gather(index) if holders.height else pl.lit(None, pl.Int64),
        months=pl.col("month").rank("dense"),
    )


def _by_day(rows: pl.DataFrame) -> pl.DataFrame:
    """Sums per day of everything a charge tells."""
    return (
        rows.lazy()
        .group_by(KEYS)
        .agg(
            pl.col("month").first(),
            pl.col("ms").sum(),
            busy_ms=pl.when(pl.col("busy_ms").count() > 0).then(pl.col("busy_ms").sum()),
            cost=pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()),
        )
        .sort(KEYS, nulls_last=True)
        .collect(engine="streaming")
    )


def _words(rows: pl.DataFrame, setting: Setting, holders: pl.DataFrame) -> pl.DataFrame:
    where = setting.site.pools.select(pool_name="name", accelerator="accelerator")
    who = holders.select(pl.all().gather(rows["who"])) if holders.height else holders.clear(rows.height)
    return pl.concat([where[rows["pool"]], setting.lots(rows["lot"]), who], how="horizontal")


def named(rows: pl.DataFrame, setting: Setting) -> pl.DataFrame:
    """Rows of `bearers` in the same order, with the columns of GRAIN in words."""
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
    return rows.join(prices, on="price", how="left", maintain_order="left").with_columns(
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


def _merged(rows: pl.DataFrame) -> pl.DataFrame:
    """Two policies of one day, or lots of two owners, may say the same of a row; the grain has it once."""
    if not rows.select(GRAIN).is_duplicated().any():
        return rows
    total = [pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in ("ms", "busy_ms", "cost")]
    same = [pl.col(c).first() for c in ("currency", "unit_nano")]
    return rows.group_by(GRAIN, maintain_order=True).agg(*total, *same)


def charge_ids(rows: pl.DataFrame) -> pl.Series:
    """The `charge_id` of rows with the columns of GRAIN."""
    said = rows.select(
        pl.concat_str(
            pl.col(GRAIN[:-1]).cast(pl.String).fill_null("\0"), "list_nano", separator="\x1f", ignore_nulls=True
        )
    ).to_series()
    return pl.Series("charge_id", [hashlib.sha256(text.encode()).hexdigest()[:32] for text in said], dtype=pl.String)


def _finished(rows: pl.DataFrame) -> pl.DataFrame:
    list_cost = half_even(pl.col("list_nano").cast(pl.Int128) * pl.col("ms"), MS_PER_HOUR).cast(pl.Int64)
    return (
        rows.with_columns(
            charge_id=charge_ids(rows),
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
