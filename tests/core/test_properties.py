"""What must hold in every world: the laws, and the oracle's answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounting.core.partition import Results
from accounting.tables import CAPACITY, CHARGE_KINDS, CHARGES, FAULTS, PRICES, RESULTS, USAGE, WORKLOADS
from tests.core.oracle import answer
from tests.core.reckoning import Answer, half_even
from tests.worlds import DAY, START, World, agents, ms, nano, together, worlds

FIRST = date(2025, 1, 31)
BILLION = 1_000_000_000
SLACK = Fraction(4)
"""Milliseconds by which rounding may move one holder's hour: its rows are few."""


def often(examples: int) -> Callable[..., Any]:
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        derandomize=True,
    )


def rows_equal(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """As bags of rows; the failure shows those that differ."""
    mine, theirs = Counter(one.rows()), Counter(other.rows())
    assert (list(mine - theirs)[:3], list(theirs - mine)[:3]) == ([], []), one.columns
    assert one.schema == other.schema


def published(one: Results, other: Results) -> None:
    for table in RESULTS:
        rows_equal(getattr(one, table.name), getattr(other, table.name))


def day_number(day: date) -> int:
    return (day - FIRST).days


# -- the laws --------------------------------------------------------------------------------------------------------


def check_time_is_capacity(world: World, results: Results, truth: Answer) -> None:
    """Per pool and hour, as integers; where quantities are whole there is nothing to round."""
    used: dict[Any, int] = defaultdict(int)
    for row in results.usage.with_columns(t=ms("device_seconds")).iter_rows(named=True):
        used[(row["pool"], row["accelerator"]), int(row["hour"].timestamp() * 1000)] += row["t"]
    expected: dict[Any, Fraction] = defaultdict(Fraction)
    places: dict[Any, int] = defaultdict(int)
    for (place, hour), time in truth.by("place", "hour").items():
        expected[place[0], hour] += time
        places[place[0], hour] += 1
    assert used.keys() <= expected.keys()
    for key, time in expected.items():
        assert abs(used[key] - time) <= (
            0 if time.denominator == 1 and places[key] == 1 else Fraction(places[key], 2)
        ), key


def check_capacity(results: Results, truth: Answer) -> None:
    for column, expected in (("stated_seconds", truth.stated), ("raised_seconds", truth.raised)):
        sums = results.capacity.group_by("pool", "accelerator", "day").agg(ms(column).sum())
        found = {((p, a), day_number(d)): t for p, a, d, t in sums.iter_rows()}
        assert {k: v for k, v in found.items() if v} == {k: half_even(v) for k, v in expected.items() if half_even(v)}


def check_usage(results: Results, truth: Answer) -> None:
    """Every row of the oracle is there, and nothing else; exact where the place's hour needs no rounding."""
    expected = truth.by("hour", "place", "lot", "month", "workload", "team", "status", "cost_center", "state")
    found: dict[Any, int] = defaultdict(int)
    for r in results.usage.with_columns(t=ms("device_seconds")).iter_rows(named=True):
        lot = (r["provider"], r["region"], r["purchase"], r["capacity_owner"])
        place = ((r["pool"], r["accelerator"]), r["device_id"])
        hour = int(r["hour"].timestamp() * 1000)
        who = (r["workload_id"], r["team"], r["owner_status"], r["cost_center"])
        found[hour, place, lot, r["month"], *who, r["state"]] += r["t"]
    for key in expected.keys() | found.keys():
        slack = SLACK if (key[1], key[0]) in truth.rounded else Fraction(0)
        assert abs(Fraction(expected.get(key, 0)) - found.get(key, 0)) <= slack, (
            key,
            expected.get(key),
            found.get(key),
        )


def check_busy(results: Results, truth: Answer) -> None:
    expected: dict[Any, Fraction] = defaultdict(Fraction)
    for key, amount in truth.usage.items():
        if amount.busy is not None:
            expected[key.place, key.hour, key.workload, key.state] += amount.busy
    found: dict[Any, int] = defaultdict(int)
    for r in (
        results.usage.filter(pl.col("busy_seconds").is_not_null())
        .with_columns(t=ms("busy_seconds"))
        .iter_rows(named=True)
    ):
        place = ((r["pool"], r["accelerator"]), r["device_id"])
        found[place, int(r["hour"].timestamp() * 1000), r["workload_id"], r["state"]] += r["t"]
    for key in expected.keys() | found.keys():
        assert abs(Fraction(expected.get(key, 0)) - found.get(key, 0)) <= 4 * SLACK, (
            key,
            expected.get(key),
            found.get(key),
        )


def check_disagreements(world: World, results: Results, truth: Answer) -> None:
    found = results.faults.filter(pl.col("fault") == "disagreeing_samples")
    days = range(START // DAY, world.end // DAY)
    assert {START // DAY + day_number(d): n for d, n in found.select("day", "workloads").iter_rows()} == {
        day: n for day, n in truth.disagreements.items() if day in days
    }


def check_cost(results: Results, truth: Answer) -> None:
    """Price × time, half-even per place, hour and price; of published usage, and of the oracle's where it is whole."""
    priced = results.charges.group_by("pool", "accelerator", "day").agg(nano("cost").sum())
    charged = {((p, a), day_number(d)): c for p, a, d, c in priced.iter_rows() if c}
    per_hour = dict(results.prices.drop_nulls("price_id").select("price_id", nano("price_per_hour")).iter_rows())
    unit = (
        results.usage.filter(pl.col("price_id").is_not_null())
        .group_by("pool", "accelerator", "day", "device_id", "hour", "price_id")
        .agg(t=ms("device_seconds").sum())
    )
    from_usage: dict[Any, int] = defaultdict(int)
    for r in unit.iter_rows(named=True):
        from_usage[(r["pool"], r["accelerator"]), day_number(r["day"])] += half_even(
            Fraction(r["t"] * per_hour[r["price_id"]], 3_600_000)
        )
    assert charged == {k: v for k, v in from_usage.items() if v}
    if not truth.rounded:
        assert charged == {k: v for k, v in truth.cost().items() if v}


def check_charges_bear_usage(results: Results) -> None:
    grain = ("pool", "accelerator", "day", "month", "workload_id", "model", "state", "price_id")
    used = results.usage.group_by(grain).agg(ms("device_seconds").sum()).filter(pl.col("device_seconds") > 0)
    charged = results.charges.group_by(grain).agg(ms("device_seconds").sum()).filter(pl.col("device_seconds") > 0)
    rows_equal(used, charged)
    assert set(results.charges.select("state", "charge_kind").unique().rows()) <= set(CHARGE_KINDS.items())
    unpriced = pl.col("price_id").is_null()
    assert results.charges.filter(unpriced != pl.col("cost").is_null()).is_empty()


def check_grain(results: Results) -> None:
    for table in (USAGE, CHARGES, CAPACITY, WORKLOADS, PRICES, FAULTS):
        frame: pl.DataFrame = getattr(results, table.name)
        keys = [c for c in table.grain if c != "publication"]
        twice = frame.filter(frame.select(keys).is_duplicated())
        assert twice.is_empty(), (table.name, twice.to_dicts()[:2])
        assert frame.columns == [c for c in table.names if c != "publication"]
        for column in table.columns:
            if column.required and column.name != "publication":
                assert frame[column.name].null_count() == 0, (table.name, column.name)


def check_bearers(world: World, results: Results, truth: Answer) -> None:
    """Who bears how much of a pool's day."""
    count = len(results.charges) + len(results.usage)
    expected, loose = bearers(world, truth)
    found: dict[Any, int] = defaultdict(int)
    for r in results.charges.with_columns(t=ms("device_seconds")).iter_rows(named=True):
        found[(r["pool"], r["accelerator"]), day_number(r["day"]), r["charge_kind"], r["team"]] += r["t"]
    for key in expected.keys() | found.keys():
        assert abs(Fraction(expected.get(key, 0)) - found.get(key, 0)) <= count * (1 + loose[key]), (
            key,
            expected.get(key),
            found.get(key),
        )


def bearers(world: World, truth: Answer) -> tuple[dict[Any, Fraction], dict[Any, Fraction]]:
    """By pool, day, kind and team; and by how much one millisecond of a weight moves it."""
    weights: dict[Any, Fraction] = defaultdict(Fraction)
    for key, amount in truth.usage.items():
        if CHARGE_KINDS[key.state] in {"usage", "idle"}:
            scope, team = (key.place[0], (key.hour - START) // DAY, key.month, key.policy), key.team or "unowned"
            weights[*scope, "usage", team] += amount.busy or 0
            weights[*scope, "allocation", team] += amount.ms
            weights[*scope, "evenly", team] = Fraction(1)
    result: dict[Any, Fraction] = defaultdict(Fraction)
    loose: dict[Any, Fraction] = defaultdict(Fraction)
    for key, amount in truth.usage.items():
        day, kind, policy = (key.hour - START) // DAY, CHARGE_KINDS[key.state], world.policies[key.policy]
        rule = {"idle": policy.idle, "unallocated": policy.unallocated, "overhead": "owner"}.get(kind, "holder")
        teams = {
            k[-1]: w for k, w in weights.items() if k[:5] == (key.place[0], day, key.month, key.policy, rule) and w
        }
        if rule == "holder":
            teams = {key.team or "unowned": Fraction(1)}
        elif rule == "owner":
            teams = {key.lot[3] or policy.platform_team: Fraction(1)}
        elif not teams:
            teams = {policy.platform_team: Fraction(1)}
        for team, weight in teams.items():
            result[key.place[0], day, kind, team] += amount.ms * weight / sum(teams.values())
            loose[key.place[0], day, kind, team] += amount.ms / sum(teams.values())
    return result, loose


def check_laws(world: World) -> None:
    results, truth = world.account(), answer(world)
    check_grain(results)
    check_time_is_capacity(world, results, truth)
    check_capacity(results, truth)
    check_usage(results, truth)
    check_busy(results, truth)
    check_disagreements(world, results, truth)
    check_cost(results, truth)
    check_charges_bear_usage(results)
    check_bearers(world, results, truth)


# -- what must not matter --------------------------------------------------------------------------------------------


def check_order(world: World, seed: int) -> None:
    published(world.account(), world.account(shuffle=Random(seed)))


def check_repetition(world: World) -> None:
    published(world.account(), world.revised(samples=[*world.samples, *world.samples]).account())


def check_days_alone(world: World) -> None:
    published(world.account(), together([world.account(day, 1) for day in range(world.days)]))


def check_split_attempt(world: World, which: int, at: float) -> None:
    """A job that is two attempts of the same workload, the second beginning where the first ends."""
    jobs = [dict(j) for j in world.jobs]
    splittable = [j for j in jobs if j["start_ms"] is not None and j["workload_id"] is not None]
    if not splittable:
        return
    job = splittable[which % len(splittable)]
    end = job["end_ms"] if job["end_ms"] is not None else world.watermark
    middle = job["start_ms"] + int((end - job["start_ms"]) * at)
    if not job["start_ms"] < middle < end:
        return
    second = {**job, "start_ms": middle, "submitted_ms": None}
    first = {**job, "end_ms": middle}
    split = world.revised(jobs=[*(j for j in jobs if j is not job), first, second])
    one, two = world.account(), split.account()
    rows_equal(one.usage, two.usage)
    rows_equal(one.charges, two.charges)


@often(60)
@given(worlds(whole=True))
def test_laws_of_whole_accelerators(world: World) -> None:
    check_laws(world)


@often(60)
@given(worlds())
def test_laws_of_fractions(world: World) -> None:
    check_laws(world)


@often(100)
@given(agents())
def test_laws_of_what_agents_tell(world: World) -> None:
    check_laws(world)


@often(40)
@given(agents(most_days=3), st.integers(0, 9), st.floats(0, 1))
def test_order_repetition_days_and_attempts_of_what_agents_tell(world: World, seed: int, at: float) -> None:
    check_order(world, seed)
    check_repetition(world)
    check_days_alone(world)
    check_split_attempt(world, seed, at)


@often(40)
@given(worlds(), st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(world: World, seed: int) -> None:
    check_order(world, seed)


@often(25)
@given(worlds())
def test_repeated_samples_do_not_matter(world: World) -> None:
    check_repetition(world)


@often(60)
@given(worlds(most_days=3))
def test_days_alone_are_the_days_together(world: World) -> None:
    check_days_alone(world)


@often(40)
@given(worlds(whole=True), st.integers(0, 9), st.floats(0, 1))
def test_two_attempts_are_one_holding(world: World, which: int, at: float) -> None:
    check_split_attempt(world, which, at)


@pytest.mark.soak
@settings(max_examples=3000, suppress_health_check=list(HealthCheck))
@given(worlds(most_days=3), st.integers(0, 99), st.floats(0, 1))
def test_everything_at_length(world: World, seed: int, at: float) -> None:
    check_laws(world)
    check_order(world, seed)
    check_days_alone(world)


@pytest.mark.soak
@settings(max_examples=3000, suppress_health_check=list(HealthCheck))
@given(agents(most_days=3), st.integers(0, 99), st.floats(0, 1))
def test_everything_agents_tell_at_length(world: World, seed: int, at: float) -> None:
    check_laws(world)
    check_order(world, seed)
    check_days_alone(world)
    check_split_attempt(world, seed, at)


@pytest.mark.soak
@settings(max_examples=1500, suppress_health_check=list(HealthCheck))
@given(worlds(whole=True, most_days=3), st.integers(0, 99), st.floats(0, 1))
def test_everything_whole_at_length(world: World, seed: int, at: float) -> None:
    check_laws(world)
    check_repetition(world)
    check_split_attempt(world, seed, at)
    check_days_alone(world)


def test_the_first_day() -> None:
    assert pl.Series([START]).cast(pl.Datetime("ms")).dt.date().item() == FIRST
