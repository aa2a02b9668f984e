"""What was published of clusters that only APIs tell of, held against the truth: exact, or within their sampling."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

import sql
from accounting.project import Project
from accounting.simulate.answer import Answer
from accounting.simulate.remote.fleet import CLUSTERS

BUSY_TOLERANCE = 0.005
"""Whole percents are told: each may be half of one off."""
_COUNTS = ("requests", "input_tokens", "output_tokens")
_HOURS = ("quota", "used", "borrowed")
_FREE = ("unallocated_free", "unallocated_queued", "unobserved", "maintenance")
_HOLDER = ["cluster", "team", "model"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was published beside what is true; all empty where the company has no such clusters.

    `allowed` is one sampling interval for every start and every end. `states`: cluster, state, truth, accounted,
    difference, allowed (hours). `bill`: cluster, team, model (both NULL: of what nobody held), truth, accounted,
    difference, allowed (cost). `busy`: cluster, truth, accounted (hours), difference (part of one). `tokens`: cluster,
    team, model, and of each of _COUNTS itself (true) and accounted; exact. `quotas`: cluster, queue, of each of _HOURS
    itself (true) and accounted, allowed (hours). `failures`: what is not as it must be.
    """

    states: pl.DataFrame
    bill: pl.DataFrame
    busy: pl.DataFrame
    tokens: pl.DataFrame
    quotas: pl.DataFrame
    failures: list[str]


def judge(project: Project, answer: Answer) -> Verdict:
    """The verdict on what `project` has published of these clusters."""
    states, bill = _states(project, answer), _bill(project, answer)
    busy, tokens, quotas = (ask(project, answer) for ask in (_busy, _tokens, _quotas))
    failures = [*_beyond(states, "hours"), *_beyond(bill, "cost"), *_miscounted(tokens), *_misquoted(quotas)]
    failures += [
        f"{r['cluster']}: busy time {r['difference']:.3%} off"
        for r in busy.iter_rows(named=True)
        if abs(r["difference"]) > BUSY_TOLERANCE
    ]
    return Verdict(states, bill, busy, tokens, quotas, failures)


def _found(project: Project, name: str) -> pl.DataFrame:
    return project.query(sql.read(f"simulate/{name}")).filter(pl.col("cluster").is_in(CLUSTERS))


def _hours(seconds: pl.Expr) -> pl.Expr:
    return seconds.cast(float).sum() / 3600


def _states(project: Project, answer: Answer) -> pl.DataFrame:
    right = answer.remote.group_by("cluster", "state").agg(truth=_hours(pl.col("device_seconds")))
    own = answer.blur.group_by("cluster", "state").agg(own=_hours(pl.col("did")))
    holders = answer.blur.group_by("cluster").agg(holders=_hours(pl.col("held")))
    # Who holds a little longer or less takes it from what nobody holds.
    free = pl.when(pl.col("state").is_in(_FREE)).then("holders").otherwise(0)
    both = _beside(right, _found(project, "states"), ["cluster", "state"], "accounted")
    known = both.join(own, on=["cluster", "state"], how="left").join(holders, on="cluster", how="left")
    return _compared(known.with_columns(allowed=pl.col("own").fill_null(0) + free)).drop("own", "holders")


def _bill(project: Project, answer: Answer) -> pl.DataFrame:
    held = _found(project, "bill").select(*_HOLDER, "accounted")
    nobody = pl.concat([_found(project, name).select("cluster", "accounted") for name in ("unheld", "overhead")])
    none = [pl.lit(None, pl.String).alias(name) for name in _HOLDER[1:]]
    found = pl.concat([held, nobody.select("cluster", *none, "accounted")], how="vertical_relaxed")
    right = answer.remote.group_by(_HOLDER).agg(truth=pl.col("cost").cast(float).sum())
    own = answer.blur.group_by(_HOLDER).agg(pl.col("cost").sum())
    whole = own.group_by("cluster").agg(whole=pl.col("cost").sum())
    both = _beside(right, found.group_by(_HOLDER).agg(pl.col("accounted").sum()), _HOLDER, "accounted")
    known = both.join(own, on=_HOLDER, how="left", nulls_equal=True).join(whole, on="cluster", how="left")
    allowed = pl.when(pl.col("team").is_null()).then("whole").otherwise(pl.col("cost").fill_null(0))
    return _compared(known.with_columns(allowed=allowed)).drop("cost", "whole")


def _busy(project: Project, answer: Answer) -> pl.DataFrame:
    right = answer.remote.group_by("cluster").agg(truth=_hours(pl.col("busy_seconds")))
    both = _beside(right, _found(project, "busy"), ["cluster"], "accounted")
    return both.with_columns(difference=pl.col("accounted") / pl.col("truth") - 1).sort("cluster")


def _tokens(project: Project, answer: Answer) -> pl.DataFrame:
    right = answer.tokens.group_by(_HOLDER).agg(pl.col(_COUNTS).sum())
    found = _found(project, "tokens").select(*_HOLDER, *(pl.col(c).cast(pl.Int64).alias(f"{c}_told") for c in _COUNTS))
    both = right.join(found, on=_HOLDER, how="full", coalesce=True, nulls_equal=True)
    return both.with_columns(pl.col(pl.Int64).fill_null(0)).sort(_HOLDER, nulls_last=True)


def _quotas(project: Project, answer: Answer) -> pl.DataFrame:
    keys = ["cluster", "queue"]
    found = _found(project, "quotas").select(
        *keys, *(pl.col(name).cast(float).alias(f"{name}_told") for name in _HOURS)
    )
    both = answer.quotas.join(found, on=keys, how="full", coalesce=True)
    return both.with_columns(pl.col(pl.Float64).fill_null(0)).sort(keys)


def _beside(right: pl.DataFrame, found: pl.DataFrame, keys: list[str], column: str) -> pl.DataFrame:
    both = right.join(found.select(*keys, column), on=keys, how="full", coalesce=True, nulls_equal=True)
    return both.with_columns(pl.col("truth", column).cast(float).fill_null(0))


def _compared(both: pl.DataFrame) -> pl.DataFrame:
    keys = both.columns[: both.columns.index("truth")]
    return both.with_columns(
        difference=pl.col("accounted") - pl.col("truth"), allowed=pl.col("allowed").fill_null(0)
    ).sort(keys, nulls_last=True)


def _beyond(table: pl.DataFrame, what: str) -> list[str]:
    names = table.columns[: table.columns.index("truth")]
    return [
        f"{' '.join(str(r[n] or '-') for n in names)}: {r['difference']:.3f} {what} off, {r['allowed']:.3f} allowed"
        for r in table.iter_rows(named=True)
        if abs(r["difference"]) > r["allowed"]
    ]


def _miscounted(tokens: pl.DataFrame) -> list[str]:
    return [
        f"{r['team'] or '-'} {r['model']}: {r[f'{c}_told'] - r[c]} {c.replace('_', ' ')} off"
        for r in tokens.iter_rows(named=True)
        for c in _COUNTS
        if r[f"{c}_told"] != r[c]
    ]


def _misquoted(quotas: pl.DataFrame) -> list[str]:
    return [
        f"{r['cluster']} {r['queue']}: {r[f'{name}_told'] - r[name]:.3f} {name} hours off, {r['allowed']:.3f} allowed"
        for r in quotas.iter_rows(named=True)
        for name in _HOURS
        if abs(r[f"{name}_told"] - r[name]) > r["allowed"]
    ]
