"""Who bears a charge: the holder, the capacity's owner, or by policy many."""

from __future__ import annotations

import polars as pl

from accounting.core.rounding import proportion
from accounting.policy import Policy

UNOWNED = "unowned"
SCOPE = ("day", "month", "pool", "policy")
AMOUNTS = ("ms", "busy_ms", "cost")
SPREADS = ("usage", "allocation", "evenly")
HELD = ("usage", "idle")
"""Kinds that are somebody's use, and count for what a spread divides."""


def borne(rows: pl.DataFrame, policies: tuple[Policy, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with `team` (bearer) and `borne_by_rule`, and the rows that a spread without weights left to the platform.

    `rows`: day, month, pool, policy, kind, holder (team or NULL), capacity_owner, ms, busy_ms, cost (nano). A spread
    divides ms, busy and cost of a row among the teams that held something in the same pool, day, month and policy; the
    parts add up. Overhead is the capacity owner's, else the platform's, whoever held it; no policy moves it.
    """
    rules = pl.DataFrame(
        {
            "policy": pl.Series(range(len(policies)), dtype=pl.Int64),
            "idle_rule": [p.idle for p in policies],
            "unallocated_rule": [p.unallocated for p in policies],
            "platform": [p.platform_team for p in policies],
        }
    )
    kind = pl.col("kind")
    rule = (
        pl.when(kind == "idle")
        .then("idle_rule")
        .when(kind == "unallocated")
        .then("unallocated_rule")
        .when(kind == "overhead")
        .then(pl.lit("owner"))
        .otherwise(pl.lit("holder"))
    )
    ruled = rows.join(rules, on="policy", how="left").with_columns(
        rule=rule,
        holder=pl.when(kind == "unallocated").then("holder").otherwise(pl.coalesce("holder", pl.lit(UNOWNED))),
    )
    fixed = _fixed(ruled.filter(~pl.col("rule").is_in(SPREADS)))
    shared, orphaned = _spread(ruled.filter(pl.col("rule").is_in(SPREADS)), weights(ruled))
    return pl.concat([fixed, shared, orphaned.select(fixed.columns)]).drop(
        "rule", "idle_rule", "unallocated_rule", "platform"
    ), orphaned


def _named() -> pl.Expr:
    return pl.format("{}:{}", "kind", "rule")


def _fixed(rows: pl.DataFrame) -> pl.DataFrame:
    owner = pl.coalesce("capacity_owner", "platform")
    team = (
        pl.when(pl.col("rule") == "platform")
        .then("platform")
        .when(pl.col("rule") == "owner")
        .then(owner)
        .otherwise("holder")
    )
    moved = (pl.col("rule") == "platform") | (pl.col("rule") == "owner") & (pl.col("kind") == "idle")
    return rows.with_columns(team=team, borne_by_rule=pl.when(moved).then(_named()))


def weights(rows: pl.DataFrame) -> pl.DataFrame:
    """Per scope, rule and team what the team counts for: busy time, held time, or presence.

    `until` is the sum of the weights up to the team's, in order of names, `total` that of all. `rows` are those of
    `borne`, before or after: what a spread divides adds up to what it was.
    """
    held = (
        rows.filter(pl.col("kind").is_in(HELD))
        .group_by(*SCOPE, "holder")
        .agg(
            usage=pl.col("busy_ms").sum().cast(pl.Int64),
            allocation=pl.col("ms").sum(),
            evenly=pl.lit(1, pl.Int64).first(),
        )
    )
    long = held.unpivot(SPREADS, index=[*SCOPE, "holder"], variable_name="rule", value_name="weight")
    return (
        long.filter(pl.col("weight") > 0)
        .sort(*SCOPE, "rule", "holder")
        .with_columns(
            until=pl.col("weight").cum_sum().over(*SCOPE, "rule"), total=pl.col("weight").sum().over(*SCOPE, "rule")
        )
        .rename({"holder": "team"})
    )


def _spread(rows: pl.DataFrame, weights: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys = [*SCOPE, "rule"]
    orphaned = rows.join(weights, on=keys, how="anti").with_columns(team=pl.col("platform"), borne_by_rule=_named())
    parts = rows.join(weights, on=keys)

    def part(amount: str) -> pl.Expr:
        until, before = pl.col("until"), pl.col("until") - pl.col("weight")
        return proportion(pl.col(amount), until, pl.col("total")) - proportion(pl.col(amount), before, pl.col("total"))

    moved = parts.with_columns(*(part(a).alias(a) for a in AMOUNTS), borne_by_rule=_named())
    return moved.drop("weight", "until", "total").select(*rows.columns, "team", "borne_by_rule"), orphaned
