"""What was published, held against the truth of the simulated company."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

import sql
from accounting.project import Project
from accounting.simulate.answer import Answer, Facts, load
from accounting.simulate.company import HOUR
from accounting.simulate.remote import verdict as remote
from accounting.simulate.remote.fleet import CLUSTERS, INTERVAL

BUSY_TOLERANCE = Decimal("0.001")
ROUNDING = Decimal("0.0005")
"""Seconds by which a row of usage may be rounded."""
CENT = Decimal("0.01")
"""By which the cost of a holder of parts of devices may be rounded, a millisecond here and there."""
_USABLE = pl.col("state") != "unhealthy"
_WHOLE = (pl.col("device_seconds") * 1000 == (pl.col("device_seconds") * 1000).round(0)).all()
PLATFORM = "platform"
"""Who bears the overhead of capacity that is nobody's, unless a policy names another team."""
EXACT = ("allocated_unobserved", "unhealthy")
"""States that no sample moves: hours agree but for rounding."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was published beside what is true.

    `states`: state, truth, accounted, difference, allowed (hours). `bill`: team, model, truth, accounted, difference
    (cost of what was held), idle_truth, idle_accounted. `busy`: cluster, truth, accounted (hours), difference
    (part of one). `unheld`: cluster, pool, truth, accounted, difference (cost of what nobody held). Both say whether
    only `whole` devices were held: then cost is exact. So does `overhead` (cost of what could not be used, by bearer).
    `parts`: team, model, truth, accounted (busy hours), difference (part of one): of workloads that share devices, told
    apart by agents. `faults`: fault, truth, accounted (hours, or how many samples),
    difference, allowed. `really`: hours by the full taxonomy; `served`: model, hours of each that shares a server.
    `bills`: month, and total, unused and credits of the invoice, true and as charged (`…_told`); exact.
    `remote` is of the clusters that only APIs tell of, which are in none of the others.
    `failures` says in words what is not as it must be.
    """

    states: pl.DataFrame
    bill: pl.DataFrame
    unheld: pl.DataFrame
    overhead: pl.DataFrame
    busy: pl.DataFrame
    parts: pl.DataFrame
    faults: pl.DataFrame
    really: pl.DataFrame
    served: pl.DataFrame
    bills: pl.DataFrame
    remote: remote.Verdict
    failures: list[str]

    @property
    def misbilled(self) -> Decimal:
        """How far all costs are off, added up."""
        off = pl.concat([frame["difference"] for frame in (self.bill, self.unheld, self.overhead)])
        return sum((abs(amount) for amount in off), Decimal(0))


def judge(project: Project, folder: Path) -> Verdict:
    """The verdict on what `project` has published; `folder` holds the truth."""
    answer = load(folder)
    states, busy = _states(project, answer.usage, answer.facts), _busy(project, answer.usage)
    bill, unheld, overhead = (ask(project, answer.usage) for ask in (_bill, _unheld, _overhead))
    faults, parts = _faults(project, answer), _parts(project, answer.parts)
    failures = [*_misplaced(states), *_misplaced(faults), *_misbilled(bill, unheld, overhead)]
    apis = remote.judge(project, answer)
    bills = _bills(project, answer.bills)
    failures += [*_misjudged(busy), *_misjudged(parts), *apis.failures, *_misreconciled(bills)]
    told = (answer.really, answer.served, bills, apis, failures)
    return Verdict(states, bill, unheld, overhead, busy, parts, faults, *told)


def _found(project: Project, name: str) -> pl.DataFrame:
    """What was published, less the clusters that are known only through APIs."""
    return project.query(sql.read(f"simulate/{name}")).filter(~pl.col("cluster").is_in(CLUSTERS))


def _hours(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Decimal(38, 9)).sum() / Decimal(3600)


def _states(project: Project, truth: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    right = truth.group_by("state").agg(truth=_hours("device_seconds"), rows=pl.len())
    found = _found(project, "states").group_by("state").agg(pl.col("accounted").sum())
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
    found = _found(project, "busy")
    both = right.join(found, on="cluster", how="full", coalesce=True).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    return both.with_columns(difference=pl.col("accounted").cast(float) / pl.col("truth").cast(float) - 1).sort(
        "cluster"
    )


def _parts(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    right = truth.select("team", "model", truth=pl.col("hours"))
    found = _found(project, "parts").group_by("team", "model").agg(pl.col("accounted").sum())
    both = right.join(found, on=["team", "model"], how="full", coalesce=True, nulls_equal=True)
    filled = both.with_columns(pl.col("truth").fill_null(0), pl.col("accounted").cast(float).fill_null(0))
    return filled.with_columns(difference=pl.col("accounted") / pl.col("truth") - 1).sort("team", "model")


def _bill(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    held = truth.filter(_USABLE & pl.col("workload_id").is_not_null()).with_columns(pl.col("team").fill_null("unowned"))
    idle = pl.col("cost").filter(pl.col("state") == "allocated_idle").sum()
    right = held.group_by("team", "model").agg(truth=pl.col("cost").sum(), idle_truth=idle, whole=_WHOLE)
    found = _found(project, "bill").group_by("team", "model").agg(pl.col("accounted", "idle_accounted").sum())
    both = right.join(found, on=["team", "model"], how="full", coalesce=True, nulls_equal=True)
    filled = both.with_columns(pl.col("truth", "accounted", "idle_truth", "idle_accounted").fill_null(0))
    return filled.with_columns(difference=pl.col("accounted") - pl.col("truth")).sort("team", "model")


def _bills(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    found = project.query(sql.read("simulate/invoices"))
    told = pl.col("total_told", "unused_told", "credits_told").fill_null(0)
    return truth.join(found, on="month", how="left").with_columns(told).sort("month")


def _misreconciled(bills: pl.DataFrame) -> list[str]:
    return [
        f"invoice of {row['month']}: {what} {row[f'{what}_told']}, where {row[what]} is true"
        for row in bills.iter_rows(named=True)
        for what in ("total", "unused", "credits")
        if row[what] != row[f"{what}_told"]
    ]


def _unheld(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    free = truth.filter(_USABLE & pl.col("workload_id").is_null())
    right = free.group_by("cluster", "pool").agg(truth=pl.col("cost").sum(), whole=_WHOLE)
    found = _found(project, "unheld")
    both = right.join(found, on=["cluster", "pool"], how="full", coalesce=True).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    return both.with_columns(difference=pl.col("accounted") - pl.col("truth")).sort("cluster", "pool")


def _overhead(project: Project, truth: pl.DataFrame) -> pl.DataFrame:
    """Whoever held it: what could not be used is borne by the owner of the capacity, else by the platform."""
    bearer = pl.coalesce("capacity_owner", pl.lit(PLATFORM))
    broken = truth.filter(~_USABLE).group_by(team=bearer)
    right = broken.agg(truth=pl.col("cost").sum(), whole=_WHOLE)
    found = _found(project, "overhead").group_by("team").agg(pl.col("accounted").sum())
    both = right.join(found, on="team", how="full", coalesce=True).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    return both.with_columns(difference=pl.col("accounted") - pl.col("truth")).sort("team")


def _faults(project: Project, answer: Answer) -> pl.DataFrame:
    """Samples move only where somebody was seen at work behind the scheduler."""
    found = _found(project, "faults").group_by("fault").agg(pl.col("count", "hours").sum())
    right = answer.faults.select(
        "fault", truth=pl.coalesce("hours", "count").cast(float), counted=pl.col("hours").is_null()
    )
    both = right.join(found, on="fault", how="full", coalesce=True)
    figures = both.with_columns(accounted=pl.when("counted").then("count").otherwise("hours").cast(float)).with_columns(
        pl.col("truth", "accounted").fill_null(0)
    )
    blurred = (
        pl.when(pl.col("fault") == "unallocated_use")
        .then(answer.facts.blur_unheld)
        .when(pl.col("fault") == "disagreeing_holders")
        .then(3 * INTERVAL / HOUR)
        .otherwise(float(ROUNDING))
    )
    return figures.select(
        "fault", "truth", "accounted", difference=pl.col("accounted") - pl.col("truth"), allowed=blurred
    ).sort("fault")


def _misplaced(hours: pl.DataFrame) -> list[str]:
    name = hours.columns[0]
    return [f"{r[name]}: {r['difference']:.3f} hours off" for r in hours.iter_rows(named=True)
            if abs(float(r["difference"])) > r["allowed"]]  # fmt: skip


def _misbilled(bill: pl.DataFrame, unheld: pl.DataFrame, overhead: pl.DataFrame) -> list[str]:
    costs = [(f"{r['team']} {r['model']}", r) for r in bill.iter_rows(named=True)]
    costs += [(f"{r['cluster']} {r['pool']}", r) for r in unheld.iter_rows(named=True)]
    costs += [(f"overhead of {r['team']}", r) for r in overhead.iter_rows(named=True)]
    return [f"{name}: {r['difference']} off" for name, r in costs if abs(r["difference"]) > (0 if r["whole"] else CENT)]


def _misjudged(busy: pl.DataFrame) -> list[str]:
    name = busy.columns[: busy.columns.index("truth")]
    return [f"{' '.join(str(r[n]) for n in name)}: busy time {r['difference']:.3%} off"
            for r in busy.iter_rows(named=True) if abs(r["difference"]) > float(BUSY_TOLERANCE)]  # fmt: skip
