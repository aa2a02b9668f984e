"""What was accounted of the simulated company is what truly happened; and a wrong answer is seen."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from accounting import gaps
from accounting.core.faults import KINDS
from accounting.inputs.importing import silent
from accounting.simulate.answer import load
from accounting.simulate.demo import Built, Plan, build_demo
from accounting.simulate.segments import LATE
from accounting.simulate.verdict import Verdict, judge
from accounting.simulate.world import World
from accounting.tables import CHARGE_KINDS, STATES


def test_the_accounting_agrees_with_the_truth(verdict: Verdict) -> None:
    assert verdict.failures == []


def test_cost_is_exact_where_devices_are_whole(verdict: Verdict) -> None:
    whole = pl.concat([f.filter("whole").select("truth", "difference") for f in (verdict.bill, verdict.unheld)])

    assert whole.height > 12
    assert (whole["truth"] > 0).all()
    assert set(whole["difference"]) == {Decimal(0)}
    assert verdict.misbilled < Decimal("0.001")


def test_busy_time_is_within_a_thousandth(verdict: Verdict) -> None:
    assert verdict.busy.height >= 3
    assert verdict.busy["difference"].abs().max() < 0.001  # type: ignore[operator]


def test_the_company_has_every_state_kind_and_fault(verdict: Verdict, built: Built) -> None:
    text = "SELECT DISTINCT charge_kind FROM charges WHERE cost > 0 AND cluster IS NOT NULL"
    kinds = built.project.query(text)["charge_kind"]

    both = [frame.select("state", "truth", "accounted").cast(dict.fromkeys(("truth", "accounted"), pl.Float64))
            for frame in (verdict.states, verdict.remote.states)]  # fmt: skip
    for table, names in ((pl.concat(both), STATES), (verdict.faults, KINDS)):
        assert set(table[table.columns[0]]) == set(names)
        for column in ("truth", "accounted"):
            assert (table[column] > 0).all(), table
    assert set(kinds) == set(CHARGE_KINDS.values())


def test_it_has_owners_of_every_kind_and_a_team_that_changes(built: Built) -> None:
    status = built.project.query("SELECT DISTINCT owner_status FROM usage WHERE workload_id IS NOT NULL")
    ads = built.project.query("SELECT DISTINCT owner_team FROM charges WHERE model = 'fraud-v2'")
    prices = built.project.query(
        "SELECT COUNT(DISTINCT unit_price) AS n FROM charges WHERE purchase = 'on_demand' AND pool = 'h100'"
    )

    assert set(status["owner_status"]) == {"fact", "claim", "unowned"}
    assert {"ads", "search"} <= set(ads["owner_team"])
    assert prices["n"][0] == 2


def test_late_samples_are_accounted_in_a_second_run(built: Built) -> None:
    first, second = built.runs

    assert first.days > second.days > 0
    assert second.up_to_date == first.days - second.days
    assert {report.residual_seconds for report in built.runs} == {Decimal(0)}


def test_segments_arrive_late_twice_damaged_or_never(built: Built, world: World) -> None:
    late = world.segments.filter(fate=LATE).height
    first, second = built.tallies
    (refused,) = first.refused
    said = gaps.said(built.project.lake)

    assert "damaged" in refused.reason
    assert (second.known, second.refused) == (1, [])
    assert second.segments > late + 1 > 5, "and the sound copy of the damaged one, and what was collected late"
    assert said == ["missing: 720 batches that agents wrote have not come, of fleet-h200-0000"]


def test_busy_time_of_each_who_shares_a_device_is_told(verdict: Verdict) -> None:
    assert verdict.parts.height >= 3
    assert (verdict.parts["truth"] > 0).all()
    assert verdict.parts["difference"].abs().max() < 0.0001  # type: ignore[operator]


def test_the_platform_bears_what_is_broken_whoever_holds_it(verdict: Verdict, built: Built) -> None:
    rows = built.project.query("SELECT DISTINCT workload_id IS NULL AS free FROM charges WHERE state = 'unhealthy'")

    assert verdict.overhead["team"].to_list() == ["platform"]
    assert set(rows["free"]) == {True, False}


def test_agents_alone_tell_a_pool_from_its_devices_to_its_holders(built: Built) -> None:
    """Neither a job log nor an inventory speaks of it."""
    rows = built.project.query(
        """SELECT COUNT(DISTINCT device_id) AS devices, COUNT(DISTINCT workload_id) AS workloads,
          COUNT(DISTINCT owner_status) AS owners FROM usage WHERE cluster = 'fleet'"""
    )
    states = built.project.query("SELECT DISTINCT state FROM usage WHERE cluster = 'fleet'")["state"]

    for kind in ("capacity", "jobs"):
        assert not built.project.lake.scan_input(kind).filter(cluster="fleet").collect().height
    assert rows["devices"][0] == 8
    assert rows["workloads"][0] > 50
    assert rows["owners"][0] == 3
    assert {"allocated_unobserved", "unobserved", "unhealthy", "unallocated_free"} <= set(states)


@dataclass(frozen=True)
class Lie:
    """One row of the truth, told otherwise, and the start of what the judge must say."""

    where: pl.Expr
    column: str
    add: Decimal
    said: str


FIRST = pl.int_range(pl.len()) == 0
HELD = pl.col("workload_id").is_not_null() & (pl.col("cluster") == "hpc") & (pl.col("team") == "robotics")
LIES = {
    "a nano-unit": Lie(HELD, "cost", Decimal("0.000000001"), "robotics policy-net: -1E-9 off"),
    "a free hour": Lie(pl.col("state") == "unallocated_free", "device_seconds", Decimal(360_000), "unallocated_free:"),
    "a blind second": Lie(pl.col("state") == "allocated_unobserved", "device_seconds", Decimal(60), "allocated_unob"),
    "a broken device": Lie(pl.col("state") == "unhealthy", "cost", Decimal("0.02"), "overhead of platform: -0.02"),
    "busy time": Lie(pl.col("busy_seconds") > 0, "busy_seconds", Decimal(90_000), "train: busy time"),
}


@pytest.mark.parametrize("name", LIES)
def test_the_judge_sees_a_lie(built: Built, folder: Path, tmp_path: Path, name: str) -> None:
    lie = LIES[name]
    shutil.copytree(folder / "truth", tmp_path / "truth")
    file = tmp_path / "truth" / "usage.parquet"
    rows = pl.read_parquet(file).with_columns(hit=lie.where)
    changed = rows.with_columns(
        pl.when(pl.col("hit") & (pl.col("hit").cum_sum() == 1))
        .then(pl.col(lie.column) + pl.lit(lie.add).cast(rows.schema[lie.column]))
        .otherwise(lie.column)
        .alias(lie.column)
    )
    changed.drop("hit").write_parquet(file)

    failures = judge(built.project, tmp_path).failures
    assert len(failures) == 1
    assert failures[0].startswith(lie.said)


def test_finer_samples_blur_less(tmp_path: Path) -> None:
    """Idle time at the edges of a run is taken for active: a quarter of the interval, about a quarter of it."""
    where = "state = 'allocated_idle' AND cluster NOT IN ('tpu', 'assist', 'gke')"
    off = []
    for interval in (20, 5):
        plan = Plan(devices=24, days=3, until=date(2026, 11, 23), seed=3, interval=interval)
        built = build_demo(plan, tmp_path / str(interval), silent)
        right = load(tmp_path / str(interval)).usage.sql(f"SELECT SUM(device_seconds) FROM self WHERE {where}")
        found = built.project.query(f"SELECT SUM(device_seconds) FROM usage WHERE {where}")
        off.append(right.item() - found.item())

    assert 0 < off[1] < off[0] / 2
