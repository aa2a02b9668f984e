"""SEMANTICS, samples and idle: what was observed, for how long, and whether it was idle."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from accounting.policy import Policy
from tests.worlds import HOUR, MINUTE, ONE, START, World, at, minutes, ms

Row = dict[str, Any]
HELD: Row = {"workload_id": "a", "device_id": "d", "start_ms": START}
DEVICE: Row = {"device_id": "d", "start_ms": START}


def sample(start: int, end: int | None, busy: int, **said: object) -> Row:
    """`busy` in percent."""
    return {"device_id": "d", "start_ms": start, "end_ms": end, "busy_ppm": busy * 10_000, **said}


def watched(*samples: Row, days: int = 1, policies: tuple[Policy, ...] | None = None) -> World:
    """A device that one job holds all the time."""
    world = World(jobs=[HELD], capacity=[DEVICE], samples=samples, days=days)
    return world if policies is None else world.revised(policies=policies)


def states(world: World) -> dict[str, int]:
    """Minutes by state, without `allocated_`."""
    sums = world.account().usage.group_by("state").agg(ms("device_seconds").sum())
    return {state.removeprefix("allocated_"): t // MINUTE for state, t in sums.iter_rows() if t}


def observed(world: World) -> int:
    return 24 * 60 * world.days - states(world).get("unobserved", 0)


def busy(world: World) -> int:
    """Busy milliseconds."""
    return world.account().usage.select(ms("busy_seconds").sum()).item() or 0


def test_a_sample_covers_exactly_its_interval() -> None:
    world = watched(sample(at(1, 5), at(1, 8), 50), sample(at(2), at(2, 1), 100))
    assert states(world) == {"active": 4, "unobserved": 24 * 60 - 4}
    assert busy(world) == 90_000 + 60_000


def test_an_open_sample_holds_to_the_next_one() -> None:
    assert observed(watched(*(sample(at(1, k), None, 50) for k in (0, 1, 2)))) == 4


def test_an_open_sample_holds_at_most_two_steps() -> None:
    """Steps of 1, 1, 1 and 10 minutes: the median is one, so a gap and the end are held two."""
    assert observed(watched(*(sample(at(1, k), None, 50) for k in (0, 1, 2, 3, 13)))) == 3 + 2 + 2


def test_a_sample_alone_on_its_day_holds_to_the_next_one() -> None:
    """23:58, and then every two minutes from midnight: nothing is missing at the end of the first day."""
    lone, line = sample(at(23, 58), None, 50), [sample(at(24, k), None, 50) for k in (0, 2, 4)]
    assert observed(watched(lone, *line, days=2)) == 2 + 3 * 2 + 2
    assert observed(watched(sample(at(1), None, 50), sample(at(30), None, 50), days=2)) == 0


def test_where_a_device_is_not_sampled_its_workload_is() -> None:
    """By instant: the device's own samples go first, between them those of the job that holds it."""
    own, told = (
        sample(at(1), at(2), 100),
        {"workload_id": "a", "start_ms": at(0), "end_ms": at(4), "busy_ppm": ONE // 4},
    )
    world = watched(own, {**told, "device_id": None})
    assert states(world) == {"active": 4 * 60, "unobserved": 20 * 60}
    assert busy(world) == HOUR + 3 * HOUR // 4


def test_a_policy_may_say_how_long_a_sample_holds() -> None:
    policies = (Policy(name="base", hold_ms=5 * MINUTE),)
    assert observed(watched(*(sample(at(1, k), None, 50) for k in (0, 1, 20)), policies=policies)) == 1 + 5 + 5


def test_one_open_sample_of_a_day_tells_no_step() -> None:
    assert states(watched(sample(at(1), None, 50), sample(at(1, day=1), None, 50), days=2)) == {"unobserved": 48 * 60}


def test_samples_that_cover_nothing_observe_nothing() -> None:
    world = World(jobs=[], capacity=[DEVICE], samples=[sample(at(1), None, 50)], scheduled=True)
    assert states(world) == {"unallocated_free": 24 * 60}


def test_the_steps_of_a_day_are_its_own() -> None:
    """Whatever is known of tomorrow, today's samples hold as long."""
    today = [sample(at(10, k), None, 50) for k in (0, 10)]
    for day in (1, 2):
        world = watched(*today, sample(at(1, day=day), None, 50), days=3)
        first = world.account(0, 1).usage.filter(pl.col("state") == "allocated_active")
        assert first.select(ms("device_seconds").sum()).item() == 30 * MINUTE


def test_the_later_start_cuts_the_earlier() -> None:
    world = watched(sample(at(1), at(1, 10), 100), sample(at(1, 4), at(1, 6), 50))
    assert (observed(world), busy(world)) == (6, 4 * MINUTE + MINUTE)


@pytest.mark.parametrize("order", [1, -1])
def test_of_one_start_the_larger_busy_wins_and_it_is_a_fault(order: int) -> None:
    samples = [sample(at(1), at(2), 10), sample(at(1), at(1, 30), 90), sample(at(1), at(1, 45), 90)]
    results = watched(*samples[::order]).account()
    assert results.usage.select(ms("busy_seconds").sum()).item() == 45 * MINUTE * 9 // 10
    assert results.faults.select("fault", "workloads").rows() == [("conflicting_samples", 2)]


def test_the_same_sample_twice_is_no_fault() -> None:
    assert watched(sample(at(1), at(2), 10), sample(at(1), at(2), 10)).account().faults.is_empty()


def test_a_run_of_zero_is_idle_in_whole_once_it_is_long_enough() -> None:
    assert states(watched(*minutes("d", at(1), [5, 0, 5, 0, 0, 5])))["idle"] == 3
    ten = (Policy(name="base", idle_after_ms=10 * MINUTE),)
    assert states(watched(*minutes("d", at(1), [5, *[0] * 9, 5, *[0] * 10]), policies=ten))["idle"] == 10


def test_zero_shorter_than_idle_after_is_active() -> None:
    short = sample(at(1), at(1, 0, 59), 0), sample(at(1, 0, 59), at(1, 2), 5)
    assert states(watched(*short)) == {"active": 2, "unobserved": 24 * 60 - 2}


def test_idle_after_nothing_counts_every_idle_instant() -> None:
    usage = watched(sample(at(1), at(1, 0, 0, 7), 0), policies=(Policy(name="base", idle_after_ms=0),)).account().usage
    assert usage.filter(pl.col("state") == "allocated_idle").select(ms("device_seconds")).item() == 7


def test_a_sample_is_never_split() -> None:
    """Ten percent busy is active, all of it."""
    world = watched(sample(at(1), at(2), 10))
    assert (states(world)["active"], busy(world)) == (60, HOUR // 10)


def test_active_above_is_a_threshold_and_other_activity_counts() -> None:
    policies = (Policy(name="base", active_above_ppm=100_000),)
    told = sample(at(1), at(2), 10), sample(at(2), at(3), 11), sample(at(3), at(4), 0, sm_active_ppm=1)
    assert states(watched(*told, policies=policies)) == {"idle": 60, "active": 120, "unobserved": 21 * 60}


def test_a_run_crosses_the_hour_and_midnight() -> None:
    world = watched(
        *minutes("d", at(23, 56), [0] * 8), days=2, policies=(Policy(name="base", idle_after_ms=8 * MINUTE),)
    )
    idle = world.account().usage.filter(pl.col("state") == "allocated_idle")
    assert idle.sort("hour").select("month", ms("device_seconds")).rows() == [
        ("2025-01", 4 * MINUTE),
        ("2025-02", 4 * MINUTE),
    ]
    for day in (0, 1):
        alone = world.account(day, 1).usage.filter(pl.col("state") == "allocated_idle")
        assert alone.select(ms("device_seconds")).item() == 4 * MINUTE


def test_an_unobserved_gap_ends_a_run() -> None:
    gap = sample(at(1), at(1, 0, 40), 0), sample(at(1, 0, 41), at(1, 1, 20), 0)
    assert "idle" not in states(watched(*gap))


def test_a_sample_of_many_days_reaches_its_last() -> None:
    world = watched(sample(START, at(12, day=3), 50), days=5)
    assert world.account(3, 1).usage.select(ms("busy_seconds").sum()).item() == 6 * HOUR
    assert observed(world) == 3 * 24 * 60 + 12 * 60


def test_a_long_idle_after_sees_as_far_back_as_its_samples_hold() -> None:
    policies = (Policy(name="base", idle_after_ms=10 * HOUR, hold_ms=20 * HOUR),)
    told = sample(at(23), None, 0), sample(at(19, day=1), None, 0), sample(at(0, 30, day=2), at(1, day=2), 50)
    world = watched(*told, days=3, policies=policies)
    alone = world.account(2, 1).usage.filter(pl.col("state") == "allocated_idle")
    assert alone.select(ms("device_seconds")).item() == 30 * MINUTE


def test_samples_of_a_workload_are_means_over_its_accelerators() -> None:
    world = World(
        jobs=[{"workload_id": "a", "start_ms": at(1), "end_ms": at(2), "quantity_ppm": 4 * ONE}],
        capacity=[{"quantity_ppm": 4 * ONE}],
        samples=[{"workload_id": "a", "start_ms": at(1), "end_ms": at(2), "busy_ppm": ONE // 2}],
    )
    usage = world.account().usage.filter(pl.col("workload_id") == "a")
    assert usage.select(ms("device_seconds"), ms("busy_seconds")).rows() == [(4 * HOUR, 2 * HOUR)]


def test_holders_of_a_device_share_what_it_did() -> None:
    half = {"device_id": "d", "quantity_ppm": ONE // 2, "start_ms": at(0), "end_ms": at(1)}
    world = World(
        jobs=[{**half, "workload_id": "a"}, {**half, "workload_id": "b", "quantity_ppm": ONE // 4}],
        capacity=[{**DEVICE, "end_ms": at(1)}],
        samples=[sample(at(0), at(1), 60)],
    )
    usage = world.account().usage.drop_nulls("workload_id").sort("workload_id")
    assert usage.select("workload_id", ms("busy_seconds"), ms("error_bound"), "split_method").rows() == [
        ("a", HOUR * 4 // 10, HOUR * 4 // 10, "by_share"),
        ("b", HOUR * 2 // 10, HOUR * 4 // 10, "by_share"),
    ]


def test_energy_that_no_sample_read_is_unknown() -> None:
    """Also where another device's samples did read theirs."""
    told = [*minutes("d", at(0), [50] * 60), *minutes("e", at(0), [50] * 60, power_mw=100_000)]
    world = World(
        jobs=[{**HELD, "end_ms": at(1)}, {**HELD, "workload_id": "b", "device_id": "e", "end_ms": at(1)}],
        capacity=[{**DEVICE, "end_ms": at(2)}, {**DEVICE, "device_id": "e", "end_ms": at(2)}],
        samples=told,
    )
    usage = world.account().usage.sort("device_id", "hour")
    assert usage.select("device_id", "workload_id", "energy_joules").rows() == [
        ("d", "a", None),
        ("d", None, None),
        ("e", "b", 360_000),
        ("e", None, None),
    ]


def test_two_attempts_in_a_pool_of_two_lots_keep_their_activity() -> None:
    first = {"workload_id": "a", "start_ms": at(0), "end_ms": at(0, 10)}
    world = World(
        jobs=[first, {**first, "start_ms": at(0, 10), "end_ms": at(0, 20)}],
        capacity=[{"purchase": "spot", "end_ms": at(1)}, {"purchase": "on_demand", "end_ms": at(1)}],
        samples=[{"workload_id": "a", "start_ms": at(0), "end_ms": at(1), "busy_ppm": ONE}],
    )
    usage = world.account().usage.filter(pl.col("workload_id") == "a").sort("purchase")
    assert usage.select("purchase", ms("busy_seconds")).rows() == [
        ("on_demand", 10 * MINUTE),
        ("spot", 10 * MINUTE),
    ]


def test_the_activity_of_a_big_pool_of_two_lots_does_not_overflow() -> None:
    world = World(
        jobs=[{"workload_id": "a", "start_ms": at(0), "end_ms": at(1), "quantity_ppm": 4_000 * ONE}],
        capacity=[
            {"purchase": p, "quantity_ppm": n * ONE, "end_ms": at(1)} for p, n in (("spot", 3_000), ("owned", 1_000))
        ],
        samples=[{"workload_id": "a", "start_ms": at(0), "end_ms": at(1), "busy_ppm": ONE}],
    )
    usage = world.account().usage.sort("purchase")
    assert usage.select(ms("busy_seconds")).to_series().to_list() == [1_000 * HOUR, 3_000 * HOUR]


def test_a_policy_that_begins_in_the_day_changes_what_is_idle_from_then_on() -> None:
    policies = (Policy(name="base"), Policy(name="later", start_ms=at(12), idle_after_ms=2 * HOUR))
    world = watched(sample(at(10), at(11), 0), sample(at(13), at(14), 0), policies=policies)
    assert states(world) == {"idle": 60, "active": 60, "unobserved": 22 * 60}


def faults(world: World) -> list[tuple[str, int]]:
    return world.account().faults.select("fault", "workloads").rows()


def test_of_two_sources_the_more_trusted_one_counts_where_it_tells() -> None:
    """Not the larger busy, and not the later start; where it is silent the other one tells."""
    agent, other = sample(at(1), at(2), 0, rank=0), sample(at(0), at(4), 5)
    world = watched(other, agent)
    assert states(world) == {"active": 180, "idle": 60, "unobserved": 20 * 60}
    assert busy(world) == 3 * HOUR // 20
    assert faults(world) == []


def test_sources_that_are_far_apart_disagree() -> None:
    """By more than ten points on average over the time of which both tell; the worse source's samples are counted."""
    agent = [sample(at(1, k), at(1, k + 1), 100 * (k % 2), rank=0) for k in range(60)]
    assert faults(watched(*agent, sample(at(1), at(2), 50))) == []
    assert faults(watched(*agent, sample(at(1), at(2), 60))) == []
    assert faults(watched(*agent, sample(at(1), at(2), 61))) == [("disagreeing_samples", 1)]
    assert faults(watched(*agent, *(sample(at(1, k), at(1, k + 1), 50) for k in range(60)))) == [
        ("disagreeing_samples", 60)
    ]


def test_sources_that_never_tell_of_one_time_do_not_disagree() -> None:
    assert faults(watched(sample(at(1), at(2), 0, rank=0), sample(at(2), at(3), 100))) == []


def test_a_day_says_what_disagrees_on_it() -> None:
    world = watched(sample(at(0), at(48), 100), sample(at(25), at(26), 0, rank=0), days=2)
    assert world.account(0, 1).faults.is_empty()
    assert world.account(1, 1).faults.select("fault", "workloads").rows() == [("disagreeing_samples", 1)]


def test_each_sources_samples_end_where_it_says() -> None:
    """An open sample holds to the next one of its own source, not to that of another."""
    agent = [sample(at(1, k), None, 50, rank=0) for k in (0, 10, 20)]
    other = [sample(at(1, 5), at(1, 6), 50), sample(at(1, 15), at(1, 16), 50)]
    assert observed(watched(*agent, *other)) == 40


def test_three_sources_are_asked_in_turn() -> None:
    told = sample(at(0), at(3), 30), sample(at(1), at(3), 60, rank=1), sample(at(2), at(3), 90, rank=0)
    assert busy(watched(*told)) == HOUR * (30 + 60 + 90) // 100
    assert faults(watched(*told)) == [("disagreeing_samples", 2)]


def test_the_energy_of_a_cut_sample_goes_with_its_time() -> None:
    told = sample(at(0), at(4), 50, energy_mj=4_000_000), sample(at(1), at(2), 50, rank=0)
    usage = watched(*told).account().usage
    assert usage.filter(pl.col("energy_joules") > 0).select(pl.col("energy_joules").sum()).item() == 3_000


def test_sources_of_other_subjects_are_asked_apart() -> None:
    """The workload's sample is not cut where an agent tells of another workload."""
    told = {"workload_id": "a", "start_ms": at(0), "end_ms": at(2), "busy_ppm": ONE // 2}
    other = {"workload_id": "b", "start_ms": at(0), "end_ms": at(2), "busy_ppm": 0, "rank": 0}
    assert busy(watched(told, other)) == HOUR
