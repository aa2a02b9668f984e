"""What was published, held against the truth of the simulated company."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

import sql
from accounting.project import Project
from accounting.simulate.answer import Facts, load

BUSY_TOLERANCE = Decimal("0.001")
ROUNDING = Decimal("0.0005")
"""Seconds by which a row of usage may be rounded."""
EXACT = ("allocated_unobserved",)
"""States that no sample moves: hours agree but for rounding."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was published beside what is true.

    `states`: state, truth, accounted, difference, allowed (hours). `bill`: team, model, truth, accounted, difference
    (cost of what was held, exact), idle_truth, idle_accounted. `busy`: cluster, truth, accounted (hours), difference
    (part of one). `unheld`: cluster, pool, truth, accounted, difference (cost of what nobody held). `really`: hours by
    the full taxonomy. `failures` says in words what is not as it must be.
    """

    facts: Facts
    states: pl.DataFrame
    bill: pl.DataFrame
    unheld: pl.DataFrame
    busy: pl.DataFrame
    really: pl.DataFrame
    failures: list[str]

    @property
    def misbilled(self) -> Decimal:
        """How far all costs are off, added up."""
        off = pl.concat([self.bill.select("difference"), self.unheld.select("difference")])["difference"]
        return sum((abs(amount) for amount in off), Decimal(0))


def judge(project: Project, folder: Path) -> Verdict:
    """The verdict on what `project` has published; `folder` holds the truth."""
    facts, truth, really = load(folder)
    states, busy = _states(project, truth, facts), _busy(project, truth)
    bill, unheld = _bill(project, truth), _unheld(project, truth)
    return Verdict(facts, states, bill, unheld, busy, really, _failures(states, bill, unheld, busy))


def _hours(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Decimal(38, 9)).sum() / Decimal(3600)


def _states(project: Project, truth: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    right = truth.group_by("state").agg(truth=_hours("device_seconds"), rows=pl.len())
    found = project.query(sql.read("simulate/states"))
    both = right.join(found, on="state", how="full", coalesce=True).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    rounding = pl.col("rows").fill_null(0) * float(ROUNDING) / 3600
    did = pl.col("state").is_in(["allocated_active", "allocated_idle"])
    edges = pl.when(pl.col("state").is_in(EXACT)).then(0.0).when(did).then(facts.blur).otherwise(facts.blur_unheld)
    allowed = rounding + edges
    return both.select(
        "state", "truth", "accounted", difference=pl.col("accounted") - pl.col("truth"), allowed=allowed
    ).sort("state")


def _busy(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    right = truth.group_by("cluster").agg(truth=_hours("busy_seconds")).filter(pl.col("truth") > 0)
    found = project.query(sql.read("simulate/busy"))
    both = right.join(found, on="cluster", how="full", coalesce=True).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    return both.with_columns(difference=pl.col("accounted").cast(float) / pl.col("truth").cast(float) - 1).sort(
        "cluster"
    )


def _bill(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    held = truth.filter(pl.col("workload_id").is_not_null()).with_columns(pl.col("team").fill_null("unowned"))
    idle = pl.col("cost").filter(pl.col("state") == "allocated_idle").sum()
    right = held.group_by("team", "model").agg(truth=pl.col("cost").sum(), idle_truth=idle)
    found = project.query(sql.read("simulate/bill"))
    both = right.join(found, on=["team", "model"], how="full", coalesce=True, nulls_equal=True)
    filled = both.with_columns(pl.col("truth", "accounted", "idle_truth", "idle_accounted").fill_null(0))
    columns = ("team", "model", "truth", "accounted", "difference", "idle_truth", "idle_accounted")
    return filled.with_columns(difference=pl.col("accounted") - pl.col("truth")).select(columns).sort("team", "model")


def _unheld(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    right = truth.filter(pl.col("workload_id").is_null()).group_by("cluster", "pool").agg(truth=pl.col("cost").sum())
    found = project.query(sql.read("simulate/unheld"))
    both = right.join(found, on=["cluster", "pool"], how="full", coalesce=True).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    return both.with_columns(difference=pl.col("accounted") - pl.col("truth")).sort("cluster", "pool")


def _failures(states: pl.DataFrame, bill: pl.DataFrame, unheld: pl.DataFrame, busy: pl.DataFrame) -> list[str]:
    cent = Decimal("0.01")
    found = [f"{r['state']}: {r['difference']:.3f} hours off" for r in states.iter_rows(named=True)
             if abs(float(r["difference"])) > r["allowed"]]  # fmt: skip
    found += [
        f"{r['team']} {r['model']}: {r['difference']} off"
        for r in bill.iter_rows(named=True)
        if abs(r["difference"]) >= cent
    ]
    found += [
        f"{r['cluster']} {r['pool']}: {r['difference']} off"
        for r in unheld.iter_rows(named=True)
        if abs(r["difference"]) >= cent
    ]
    found += [f"{r['cluster']}: busy time {r['difference']:.3%} off" for r in busy.iter_rows(named=True)
              if abs(r["difference"]) > float(BUSY_TOLERANCE)]  # fmt: skip
    return found
