"""SEMANTICS, price, charge, identity and ownership."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from accounting.errors import InputError
from accounting.policy import IdleBearer, Policy, UnallocatedBearer
from tests.worlds import HOUR, ONE, START, World, at, minutes, ms, price

Row = dict[str, Any]
DAY_OF_ONE = World(jobs=[{"workload_id": "a", "team": "red", "start_ms": START}], capacity=[{"start_ms": START}])


def cost(world: World) -> Decimal:
    return Decimal(world.account().charges["cost"].sum())


def bought(**lot: object) -> World:
    return DAY_OF_ONE.revised(capacity=[{"start_ms": START, **lot}])


@pytest.mark.parametrize(
    ("lot", "per_hour"),
    [
        ({}, 1),
        ({"purchase": "spot"}, 2),
        ({"provider": "gcp"}, 4),
        ({"provider": "gcp", "region": "eu", "purchase": "spot"}, 7),
        ({"provider": "gcp", "region": "eu"}, 5),
        ({"provider": "gcp", "region": "us", "purchase": "spot"}, 6),
        ({"provider": "aws", "region": "eu"}, 3),
    ],
)
def test_most_matching_fields_win_then_purchase_then_region(lot: Row, per_hour: int) -> None:
    book = [
        price("1"),
        price("2", purchase="spot"),
        price("3", region="eu"),
        price("4", provider="gcp"),
        price("5", region="eu", provider="gcp"),
        price("6", purchase="spot", provider="gcp"),
        price("7", purchase="spot", region="eu"),
    ]
    assert cost(bought(**lot).revised(prices=book)) == 24 * per_hour


def test_of_equal_matches_the_negotiated_price_holds_and_the_list_price_is_the_list_cost() -> None:
    book = [
        price("3", provider="gcp", purchase="on_demand"),
        price("2", provider="gcp", purchase="on_demand", kind="negotiated", start_ms=at(6), end_ms=at(12)),
        price("9", kind="negotiated"),
    ]
    results = bought(provider="gcp", purchase="on_demand").revised(prices=book).account()

    assert results.charges.select(pl.col("cost", "list_cost").sum()).row(0) == (18 * 3 + 6 * 2, 24 * 3)
    listed = results.prices.sort("start").select("price_per_hour", "kind")
    assert listed.rows() == [(3, "list"), (2, "negotiated"), (3, "list")]
    assert results.prices["price_id"].n_unique() == 2


def test_a_negotiated_price_alone_is_no_list_price() -> None:
    book = [price("2", purchase="on_demand", kind="negotiated")]
    charges = bought(purchase="on_demand").revised(prices=book).account().charges

    assert charges.select("cost", "list_cost").rows() == [(48, None)]


def test_two_prices_that_match_equally_are_an_error_naming_both() -> None:
    book = [price("1", import_seq=3, row=7), price("2", import_seq=4, row=1, start_ms=at(5))]
    with pytest.raises(InputError, match=r"two prices for H100-80GB .*import 3, row 7.*import 4, row 1"):
        DAY_OF_ONE.revised(prices=book).account()


def test_the_same_price_twice_is_one_price() -> None:
    """Two files may say the same up to different ends."""
    book = [price("1", start_ms=START, end_ms=at(10, 30), import_seq=2), price("1", start_ms=START)]
    results = DAY_OF_ONE.revised(prices=book).account()
    assert results.charges["cost"].to_list() == [24]
    assert results.usage.height == 24


def test_mixed_currencies_are_an_error() -> None:
    with pytest.raises(InputError, match=r"several currencies: H100-80GB in EUR .*row 2.*USD .*row 1"):
        DAY_OF_ONE.revised(prices=[price("1"), price("2", currency="EUR", purchase="x")]).account()


def test_a_price_that_changes_at_an_odd_millisecond_is_two_rows() -> None:
    edge = at(10, 17, 23, 456)
    book = [price("3.6", end_ms=edge), price("36", start_ms=edge)]
    results = DAY_OF_ONE.revised(prices=book).account()
    early = edge - START
    assert results.charges.sort("unit_price").select(ms("device_seconds"), "cost").rows() == [
        (early, Decimal(early) / 1_000_000),
        (24 * HOUR - early, Decimal(24 * HOUR - early) / 100_000),
    ]
    assert results.usage.filter(pl.col("hour").dt.hour() == 10).height == 2


def test_cost_is_rounded_half_to_even_per_hour_and_price() -> None:
    """0.000000001 an hour for half an hour is half a nano: even is 0; for 1.5 nano it is 2."""
    half = DAY_OF_ONE.revised(capacity=[{"start_ms": START, "end_ms": at(0, 30)}], jobs=[])
    assert half.revised(prices=[price("0.000000001")]).account().charges["cost"].to_list() == [0]
    assert half.revised(prices=[price("0.000000003")]).account().charges["cost"].to_list() == [Decimal("0.000000002")]


def test_what_has_no_price_has_time_and_no_cost() -> None:
    results = DAY_OF_ONE.revised(prices=[price("1", start_ms=at(6))]).account()
    rows = (
        results.charges.sort("price_status").select("price_status", "cost", "unit_price", ms("device_seconds")).rows()
    )
    assert rows == [("priced", 18, 1, 18 * HOUR), ("unpriced", None, None, 6 * HOUR)]
    assert results.prices.select("price_per_hour").rows() == [(None,), (1,)]


def test_the_list_price_stands_beside_a_cheaper_one() -> None:
    book = [price("1", purchase="spot"), price("3", purchase="on_demand")]
    row = bought(purchase="spot").revised(prices=book).account().charges.row(0, named=True)
    assert (row["cost"], row["list_cost"]) == (24, 72)


def test_a_list_price_of_another_row_and_the_same_amount_is_one_charge() -> None:
    book = [
        price("1", purchase="spot"),
        price("3", purchase="on_demand", end_ms=at(12)),
        price("3", purchase="on_demand", start_ms=at(12)),
    ]
    charges = bought(purchase="spot").revised(prices=book).account().charges
    assert charges.select("cost", "list_cost").rows() == [(24, 72)]


def test_used_cost_is_cost_times_busy() -> None:
    world = World(
        jobs=[{"workload_id": "a", "team": "red", "device_id": "d", "start_ms": START, "end_ms": at(2)}],
        capacity=[{"device_id": "d", "start_ms": START, "end_ms": at(2)}],
        samples=minutes("d", START, [25] * 60),
        prices=[price("8")],
    )
    rows = world.account().charges.sort("state").select("state", "cost", "used_cost").rows()
    assert rows == [("allocated_active", 8, 2), ("allocated_unobserved", 8, None)]


def test_a_pool_of_two_lots_gives_each_holder_its_part_of_each() -> None:
    world = World(
        jobs=[{"workload_id": "a", "team": "red", "start_ms": START}],
        capacity=[
            {"purchase": "spot", "start_ms": START},
            {"purchase": "on_demand", "quantity_ppm": 3 * ONE, "start_ms": START},
        ],
        prices=[price("1", purchase="spot"), price("4", purchase="on_demand")],
    )
    mine = world.account().charges.filter(pl.col("team") == "red").sort("purchase")
    assert mine.select("purchase", ms("device_seconds"), "cost").rows() == [
        ("on_demand", 18 * HOUR, 72),
        ("spot", 6 * HOUR, 6),
    ]


def test_prices_are_listed_for_what_a_day_had() -> None:
    world = World(
        capacity=[
            {"purchase": "spot", "start_ms": START, "end_ms": at(0, day=1)},
            {"purchase": "owned", "start_ms": at(0, day=1)},
        ],
        prices=[price("1")],
        days=2,
    )
    listed = world.account().prices.sort("day")["purchase"].to_list()
    assert listed == ["spot", "owned"]


# -- who bears it ----------------------------------------------------------------------------------------------------


def shared(idle: IdleBearer = "holder", unallocated: UnallocatedBearer = "owner", **lot: object) -> dict[Any, Any]:
    """Four devices, of an owner or none: red is busy for six hours, blue idle for two, two have nothing to do."""
    devices = [{"device_id": d, "start_ms": START, "end_ms": at(8), **lot} for d in ("d1", "d2")]
    world = World(
        jobs=[
            {"workload_id": "r", "team": "red", "device_id": "d1", "start_ms": START, "end_ms": at(6)},
            {"workload_id": "b", "team": "blue", "device_id": "d2", "start_ms": START, "end_ms": at(2)},
        ],
        capacity=devices,
        samples=[*minutes("d1", START, [50] * 360), *minutes("d2", START, [0] * 120)],
        prices=[price("1")],
        policies=(Policy(name="base", idle=idle, unallocated=unallocated),),
    )
    charges = world.account().charges
    assert charges["cost"].sum() == 16
    assert charges.select(ms("device_seconds").sum()).item() == 16 * HOUR
    sums = charges.group_by("charge_kind", "team", "borne_by_rule").agg(pl.col("cost").sum())
    return {(kind, team, rule): c for kind, team, rule, c in sums.iter_rows()}


USED = {("usage", "red", None): 6}


@pytest.mark.parametrize(
    ("idle", "borne"),
    [
        ("holder", {("idle", "blue", None): 2}),
        ("usage", {("idle", "red", "idle:usage"): 2}),
        ("allocation", {("idle", "red", "idle:allocation"): 1.5, ("idle", "blue", "idle:allocation"): 0.5}),
        ("evenly", {("idle", "red", "idle:evenly"): 1, ("idle", "blue", "idle:evenly"): 1}),
        ("owner", {("idle", "platform", "idle:owner"): 2}),
        ("platform", {("idle", "platform", "idle:platform"): 2}),
    ],
)  # fmt: skip
def test_who_bears_idle(idle: IdleBearer, borne: dict[Any, Any]) -> None:
    assert shared(idle=idle) == USED | borne | {("unallocated", "platform", None): 8}


@pytest.mark.parametrize(
    ("unallocated", "borne"),
    [
        ("owner", {("unallocated", "own", None): 8}),
        ("usage", {("unallocated", "red", "unallocated:usage"): 8}),
        ("allocation", {("unallocated", t, "unallocated:allocation"): cost for t, cost in (("red", 6), ("blue", 2))}),
        ("evenly", {("unallocated", "red", "unallocated:evenly"): 4, ("unallocated", "blue", "unallocated:evenly"): 4}),
        ("platform", {("unallocated", "platform", "unallocated:platform"): 8}),
    ],
)  # fmt: skip
def test_who_bears_what_nobody_held(unallocated: UnallocatedBearer, borne: dict[Any, Any]) -> None:
    assert shared(unallocated=unallocated, owner_team="own") == USED | borne | {("idle", "blue", None): 2}


def test_a_spread_that_finds_no_weights_goes_to_the_platform_with_a_fault() -> None:
    world = World(
        capacity=[{}], prices=[price("1")], policies=(Policy(name="base", unallocated="usage", platform_team="infra"),)
    )
    results = world.account()
    assert results.charges.select("team", "borne_by_rule", "cost").rows() == [("infra", "unallocated:usage", 24)]
    assert results.faults.select("fault", "cost").rows() == [("spread_without_weights", 24)]


def test_a_spread_stays_inside_the_billing_month() -> None:
    """In India a month begins at 18:30 UTC: who held before it bears nothing of it."""
    zones = {"gcp": "Asia/Kolkata"}
    lot = {"provider": "gcp", "quantity_ppm": 2 * ONE, "start_ms": START, "end_ms": at(24)}
    jobs = [{"workload_id": t, "team": t, "start_ms": a, "end_ms": b} for t, a, b in
            (("red", START, at(10)), ("blue", at(18, 30), at(19, 30)))]  # fmt: skip
    spread = (Policy(name="base", unallocated="allocation"),)
    charges = World(jobs=jobs, capacity=[lot], zones=zones, policies=spread, prices=[price("1")]).account().charges

    assert set(charges.select("month", "team").rows()) == {("2025-01", "red"), ("2025-02", "blue")}


# -- whose it is -----------------------------------------------------------------------------------------------------


def rule(selector: str, team: str, **said: object) -> Row:
    return {"selector": selector, "team": team, **said}


def owners(*rules: Row, **job: object) -> list[tuple[str | None, str]]:
    claim = {"workload_id": "a", "account": "ml-x", "user": "ann", "start_ms": START, "end_ms": at(1), **job}
    usage = World(jobs=[claim], teams=rules).account().usage
    return [(team, status) for team, status in usage.select("team", "owner_status").rows()]


def test_a_rule_is_a_fact_a_job_only_claims_and_else_it_is_unowned() -> None:
    assert owners(rule("account=ml-*", "red"), team="blue") == [("red", "fact")]
    assert owners(rule("account=web", "red"), team="blue") == [("blue", "claim")]
    assert owners() == [(None, "unowned")]
    charges = World(jobs=[{"start_ms": START, "end_ms": at(1)}]).account().charges
    assert charges.select("team", "owner_team").rows() == [("unowned", "unowned")]


@pytest.mark.parametrize("selector", ["account=x", "account=l-x", "account=ml-[x]", "account=ml"])
def test_a_selector_matches_all_of_a_fact_and_brackets_are_letters(selector: str) -> None:
    assert owners(rule(selector, "red")) == [(None, "unowned")]


def test_priority_goes_before_the_more_specific_rule() -> None:
    specific = rule("account=ml-x user=ann", "red")
    assert owners(specific, rule("account=*", "blue")) == [("red", "fact")]
    assert owners(specific, rule("account=*", "blue", priority=1)) == [("blue", "fact")]


def test_a_rule_on_who_goes_before_one_on_where() -> None:
    everyone = rule("pool=p accelerator=*", "everyone")
    assert owners(everyone, rule("user=a*", "anns"), pool="p") == [("anns", "fact")]
    assert owners(everyone, rule("user=b*", "bobs"), pool="p") == [("everyone", "fact")]
    assert owners(rule("account=ml*", "short"), rule("account=ml-*", "long")) == [("long", "fact")]


def test_rules_of_one_rank_for_two_teams_are_an_error_naming_both() -> None:
    with pytest.raises(InputError, match=r"equal rank.*'account=ml-x' -> red.*'user=anna' -> blue"):
        owners(rule("account=ml-x", "red"), rule("user=anna", "blue"), user="anna")
    with pytest.raises(InputError, match=r"equal rank.*'account=ml-x' -> red.*'user=ann' -> blue"):
        owners(rule("account=ml-x", "red"), rule("user=ann", "blue"))
    assert owners(rule("account=ml-x", "red"), rule("user=anna", "red"), user="anna") == [("red", "fact")]


def test_a_rule_is_in_force_from_its_start_to_its_end() -> None:
    world = World(
        jobs=[{"workload_id": "a", "account": "ml", "team": "own word", "start_ms": START, "end_ms": at(3)}],
        teams=[rule("account=ml", "red", start_ms=at(1), end_ms=at(2, 0, 0, 1), cost_center="77")],
    )
    sums = world.account().charges.group_by("team", "cost_center").agg(ms("device_seconds").sum())
    assert sorted(sums.rows()) == [("own word", None, 2 * HOUR - 1), ("red", "77", HOUR + 1)]


def test_a_workload_is_listed_with_the_team_at_its_start() -> None:
    world = World(
        jobs=[{"workload_id": "a", "account": "ml", "start_ms": at(1), "end_ms": at(3)}],
        teams=[rule("account=ml", "red", end_ms=at(1)), rule("account=ml", "blue", start_ms=at(1))],
    )
    assert world.account().workloads.select("workload_id", "team", "owner_status").rows() == [("a", "blue", "fact")]
