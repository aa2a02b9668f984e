"""From a charge back to what it was made of: parts, shares, accounted rows and holdings."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core.account import Accounted
from accounting.core.bear import SCOPE, SPREADS, weights
from accounting.core.charges import HOLDER, KEYS, bearers, charge_ids, keyed, named
from accounting.core.places import nodes, placed, pool_codes, with_place
from accounting.core.rows import NOBODY

_PARTS = (*KEYS, "month", "kind", "holder", "capacity_owner", "ms", "busy_ms", "cost", "team", "borne_by_rule")


@dataclass(frozen=True, slots=True)
class Lineage:
    """What one charge was made of. Codes are those of the partition's `Setting`; times in ms, costs in nano-units.

    `parts`: the sums that make the charge, one for each lot and policy, as its bearer has them.
    `shares`: of every part all who bear it: KEYS, team, ms, busy_ms, cost; one row where the holder bears it alone.
    `weights`: what the teams of spread parts count for: team, rule, weight, and SCOPE.
    `rows`: the accounted rows of the parts, whoever bears them, with start, end, node and device_id.
    """

    parts: pl.DataFrame
    shares: pl.DataFrame
    weights: pl.DataFrame
    rows: pl.DataFrame


def lineage(done: Accounted, charge_id: str) -> Lineage | None:
    """What the charge was made of; None where the partition has no such charge."""
    bearing, _ = bearers(done.rows, done.setting)
    mine = charge_ids(named(bearing, done.setting)) == charge_id
    parts = bearing.filter(mine).select(_PARTS)
    if not parts.height:
        return None
    shares = bearing.join(parts.select(KEYS).unique(), on=KEYS, how="semi", nulls_equal=True)
    rule = pl.col("borne_by_rule").str.split(":").list.last()
    spread = parts.select(*SCOPE, rule=rule).filter(pl.col("rule").is_in(SPREADS)).unique()
    told = weights(bearing).join(spread, on=[*SCOPE, "rule"], how="semi")
    return Lineage(
        parts,
        shares.select(*KEYS, "team", "ms", "busy_ms", "cost").sort(*KEYS, "team", nulls_last=True),
        told.select(*SCOPE, "rule", "team", "weight"),
        _rows(done, parts),
    )


def _rows(done: Accounted, parts: pl.DataFrame) -> pl.DataFrame:
    setting = done.setting
    rows = keyed(done.rows, setting).join(parts.select(KEYS).unique(), on=KEYS, how="semi", nulls_equal=True)
    when = setting.ticks.table.select("tick", "start", "end")
    placed_at = setting.places.select("place", "device_id")
    dated = rows.join(when, on="tick", maintain_order="left").join(placed_at, on="place", maintain_order="left")
    where = nodes(setting.places, setting.site).select("place", "day", "node")
    return dated.join(where, on=["place", "day"], how="left", maintain_order="left")


def holdings(done: Accounted, found: Lineage) -> pl.DataFrame:
    """The jobs, and what agents told, that held in the charge's rows: columns of `accounting.core.holdings.held`.

    `start` and `end` are those of the holding, clipped to the partition and cut where its team changes; `place` is the
    one that accounts it, `observed` the device that it named, `asked_pool` and `asked_accelerator` are its own words.
    """
    setting, held = done.setting, found.rows.filter(pl.col("ident") != NOBODY)
    idents = setting.identities.filter(pl.col("ident").is_in(held["ident"].unique().to_list()))
    own = done.owned.with_columns(asked_pool="pool", asked_accelerator="accelerator")
    mine = own.join(idents.select(HOLDER).unique(), on=HOLDER, how="semi", nulls_equal=True)
    located = _located(done, mine).with_row_index("_holding")
    spans = held.select("place", since="start", until="end").unique()
    during = located.join(spans, on="place").filter(
        (pl.col("start") < pl.col("until")) & (pl.col("end") > pl.col("since"))
    )
    return located.join(during, on="_holding", how="semi").drop("_holding").sort("start", "observed", nulls_last=True)


def _located(done: Accounted, owned: pl.DataFrame) -> pl.DataFrame:
    setting = done.setting
    return with_place(placed(pool_codes(owned, setting.site.pools), setting.site), setting.places)
