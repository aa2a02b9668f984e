"""Every charge can be traced, and what it was made of adds up to it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings

from accounting.core.account import Accounted, account, priced
from accounting.core.charges import KEYS
from accounting.core.evidence import evidence
from accounting.core.lineage import Lineage, holdings, lineage
from accounting.core.partition import Partition
from accounting.policy import Policy
from tests.worlds import A100, ONE, World, agents, at, minutes, price, worlds


def nano(amount: Decimal | None) -> int | None:
    return None if amount is None else int(amount * 10**9)


def total(column: pl.Series) -> int | None:
    return int(column.sum()) if column.count() else None


def every_charge_adds_up(p: Partition) -> int:
    """How many charges of the partition were traced."""
    charges, done = account(p).charges, priced(p)
    for charge in charges.iter_rows(named=True):
        found = lineage(done, charge["charge_id"])
        assert found is not None
        assert total(found.parts["ms"]) == int(charge["device_seconds"] * 1000)
        assert total(found.parts["cost"]) == nano(charge["cost"])
        assert set(found.parts["team"]) == {charge["team"]}
        parts_are_shares_of_rows(found)
        held = holdings(done, found)
        assert held.height > 0 or (found.rows["ident"] == -1).all()
        if done.activity is not None:
            told = evidence(done.activity, held, found).told
            assert told.filter(pl.col("covered") <= 0).is_empty()
    assert lineage(done, "none") is None
    return charges.height


def parts_are_shares_of_rows(found: Lineage) -> None:
    sums = [pl.when(pl.col(c).count() > 0).then(pl.col(c).sum()).alias(c) for c in ("ms", "cost")]
    whole = found.rows.group_by(KEYS).agg(sums).sort(KEYS, nulls_last=True)
    assert found.shares.group_by(KEYS).agg(sums).sort(KEYS, nulls_last=True).equals(whole)
    mine = found.parts.select(*KEYS, "team", "ms", "cost")
    columns = [*KEYS, "team"]
    assert mine.join(found.shares, on=[*columns, "ms", "cost"], how="anti", nulls_equal=True).is_empty()


@settings(max_examples=25, deadline=None)
@given(world=worlds())
def test_every_charge_of_any_world_adds_up(world: World) -> None:
    every_charge_adds_up(world.partition())


@settings(max_examples=15, deadline=None)
@given(world=agents())
def test_every_charge_of_any_watched_world_adds_up(world: World) -> None:
    every_charge_adds_up(world.partition())


JOBS = [
    {"workload_id": "a", "team": "x", "quantity_ppm": ONE, "device_id": "g1", "start_ms": at(1), "end_ms": at(3)},
    {"workload_id": "b", "team": "y", "quantity_ppm": ONE, "device_id": "g2", "start_ms": at(1), "end_ms": at(2)},
]
CAPACITY = [{"device_id": "g1"}, {"device_id": "g2"}]
SAMPLES = [*minutes("g1", at(1), [0] * 60 + [50] * 60), *minutes("g2", at(1), [80] * 60)]
DAY_OF_TWO = World(jobs=JOBS, capacity=CAPACITY, prices=[price("0.000000007")], samples=SAMPLES)


def charges(world: World) -> tuple[Accounted, list[dict[str, Any]]]:
    return priced(world.partition()), account(world.partition()).charges.to_dicts()


@pytest.mark.parametrize("rule", ["usage", "allocation", "evenly"])
def test_a_spread_names_the_teams_and_what_they_count_for(rule: str) -> None:
    policy = Policy(name="spread", unallocated=rule)  # type: ignore[arg-type]
    done, found = charges(replace(DAY_OF_TWO, policies=(policy,)))
    free = [c for c in found if c["charge_kind"] == "unallocated"]
    assert {c["team"] for c in free} == {"x", "y"}
    for charge in free:
        traced = lineage(done, charge["charge_id"])
        assert traced is not None
        weights = dict(traced.weights.select("team", "weight").iter_rows())
        minute = 60_000
        busy = {"x": 30 * minute, "y": 48 * minute}
        held = {"x": 120 * minute, "y": 60 * minute}
        assert weights == {"usage": busy, "allocation": held, "evenly": {"x": 1, "y": 1}}[rule]
        assert set(traced.shares["team"]) == {"x", "y"}
        assert total(traced.shares["ms"]) == 43 * 3_600_000
    assert every_charge_adds_up(replace(DAY_OF_TWO, policies=(policy,)).partition()) == len(found)


def test_idle_time_has_its_run_in_whole() -> None:
    done, found = charges(DAY_OF_TWO)
    (idle,) = [c for c in found if c["charge_kind"] == "idle"]
    traced = lineage(done, idle["charge_id"])
    assert traced is not None
    assert done.activity is not None
    told = evidence(done.activity, holdings(done, traced), traced)
    assert told.runs.rows() == [("g1", None, at(1), at(2))]
    assert told.told.filter("idle").height == 60


def test_only_the_holder_s_own_jobs_are_named() -> None:
    done, found = charges(DAY_OF_TWO)
    for charge in found:
        traced = lineage(done, charge["charge_id"])
        assert traced is not None
        held = holdings(done, traced)
        assert set(held["workload_id"]) == ({charge["workload_id"]} - {None})
        assert set(held["row"]) == {{"a": 1, "b": 2}[w] for w in held["workload_id"]}


def test_time_of_a_pool_is_traced_to_the_jobs_that_drew_on_it() -> None:
    jobs: list[dict[str, Any]] = [
        {"workload_id": None, "quantity_ppm": ONE, "accelerator": A100, "start_ms": at(1), "end_ms": at(2)},
        {"workload_id": None, "quantity_ppm": ONE, "start_ms": at(3), "end_ms": at(4)},
    ]
    done, found = charges(World(jobs=jobs, capacity=[{"quantity_ppm": 4 * ONE}]))
    (charge,) = [c for c in found if c["accelerator"] == A100]
    traced = lineage(done, charge["charge_id"])
    assert traced is not None
    assert charge["cost"] is None
    assert holdings(done, traced)["row"].to_list() == [1]
    assert traced.rows["device_id"].to_list() == [None]


def test_of_a_pool_s_jobs_of_one_hour_only_the_holder_s_are_named() -> None:
    jobs = [
        {"workload_id": name, "team": team, "quantity_ppm": ONE, "start_ms": at(1), "end_ms": at(2)}
        for name, team in (("a", "x"), ("b", "x"), ("c", "y"))
    ]
    done, found = charges(World(jobs=jobs, capacity=[{"quantity_ppm": 4 * ONE}], prices=[price("2")]))
    for charge in found:
        traced = lineage(done, charge["charge_id"])
        assert traced is not None
        assert set(holdings(done, traced)["workload_id"]) == {charge["workload_id"]} - {None}
