"""SEMANTICS, capacity, pools, devices and states: a rule, a world of a few rows, its answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from accounting.core.partition import Results
from accounting.policy import Policy
from accounting.tables import CHARGES, USAGE
from tests.worlds import A100, DAY, HOUR, ONE, START, World, at, minutes, ms, price, together

Row = dict[str, Any]


def job(name: str, start: int | None, end: int | None = None, **said: object) -> Row:
    return {"workload_id": name, "start_ms": start, "end_ms": end, **said}


def hours(frame: pl.DataFrame, *by: str) -> dict[Any, Decimal]:
    """Device hours, by one column or several."""
    sums = frame.group_by(by).agg(ms("device_seconds").sum()).rows()
    return {key[0] if len(by) == 1 else tuple(key): Decimal(t) / HOUR for *key, t in sums}


def fault(results: Results, name: str) -> Row | None:
    found = results.faults.filter(pl.col("fault") == name)
    return found.row(0, named=True) if found.height else None


def test_open_rows_run_to_the_watermark() -> None:
    world = World(jobs=[job("a", at(20))], capacity=[{}])
    assert hours(world.account().usage, "state") == {"allocated_unobserved": 4}


def test_a_job_without_start_never_held_anything() -> None:
    results = World(jobs=[job("a", None, at(5), submitted_ms=at(1))], capacity=[{"start_ms": START}]).account()
    assert hours(results.usage, "workload_id") == {None: 24}
    assert results.workloads.select("workload_id", "start", "day").rows() == [("a", None, results.usage["day"][0])]


def test_a_job_that_only_ended_is_still_counted() -> None:
    results = World(jobs=[job("a", None, at(5)), job("b", at(1), at(2))]).account()
    assert results.workloads["workload_id"].to_list() == ["a", "b"]


def test_capacity_without_start_holds_from_the_first_event() -> None:
    world = World(jobs=[job("a", at(6), at(7))], capacity=[{}])
    assert hours(world.account().usage, "state") == {"allocated_unobserved": 1, "unallocated_free": 17}


def test_a_pool_without_capacity_rows_has_what_was_held() -> None:
    results = World(jobs=[job("a", at(1), at(2), quantity_ppm=3 * ONE)]).account()
    assert hours(results.usage, "state") == {"allocated_unobserved": 3}
    assert results.capacity.select(ms("stated_seconds"), ms("raised_seconds")).rows() == [(0, 3 * HOUR)]
    assert results.faults.is_empty()


def test_capacity_of_another_accelerator_is_no_matching_capacity() -> None:
    world = World(
        jobs=[job("a", at(1), at(3)), job("b", at(1), at(2))],
        capacity=[{"accelerator": A100, "start_ms": START}],
        prices=[price("2")],
    )
    results = world.account()
    assert hours(results.usage, "accelerator", "state")["H100-80GB", "allocated_unobserved"] == 3
    found = fault(results, "no_matching_capacity")
    assert found is not None
    assert (found["workloads"], found["device_seconds"], found["cost"]) == (2, 3 * 3600, 6)


def test_capacity_is_raised_to_what_was_held() -> None:
    world = World(
        jobs=[job("a", at(0), at(4), quantity_ppm=2 * ONE), job("b", at(2), at(6), quantity_ppm=2 * ONE)],
        capacity=[{"quantity_ppm": 3 * ONE, "start_ms": START}],
        prices=[price("10")],
    )
    results = world.account()
    assert results.capacity.select(ms("stated_seconds"), ms("raised_seconds")).rows() == [(72 * HOUR, 74 * HOUR)]
    assert hours(results.usage, "workload_id") == {"a": 8, "b": 8, None: 58}
    found = fault(results, "over_allocated")
    assert found is not None
    assert (found["workloads"], found["device_seconds"], found["cost"]) == (2, 2 * 3600, 20)


def test_shares_of_a_device_above_one_are_scaled_down() -> None:
    world = World(
        jobs=[job("a", at(0), at(1), device_id="d"), job("b", at(0), at(1), device_id="d", quantity_ppm=ONE // 2)],
        capacity=[{"device_id": "d", "end_ms": at(1)}],
    )
    results = world.account()
    assert hours(results.usage, "workload_id") == {"a": Decimal(2_400_000) / HOUR, "b": Decimal(1_200_000) / HOUR}
    assert results.usage["sharing"].unique().to_list() == ["time_sliced"]
    assert results.faults.is_empty()


def test_shares_of_a_device_below_one_leave_the_rest_free() -> None:
    world = World(
        jobs=[job("a", at(0), at(1), device_id="d", quantity_ppm=ONE // 4)],
        capacity=[{"device_id": "d", "end_ms": at(1)}],
    )
    usage = world.account().usage
    assert hours(usage, "workload_id", "sharing") == {
        ("a", "fractional"): Decimal("0.25"),
        (None, None): Decimal("0.75"),
    }


def test_holders_without_a_device_draw_on_the_rest_of_the_pool() -> None:
    devices = [{"device_id": d, "start_ms": START} for d in ("d1", "d2", "d3")]
    jobs = [job("a", at(0), at(2), device_id="d1"), job("b", at(0, 30), at(1, 30))]
    usage = World(jobs=jobs, capacity=devices).account().usage
    early = usage.filter(pl.col("hour").dt.hour() < 2)
    # In the hours of `b`, what nobody holds by name is the pool's: d2 and d3.
    assert hours(early, "device_id", "workload_id") == {("d1", "a"): 2, (None, "b"): 1, (None, None): 3}
    assert set(usage.filter(pl.col("hour").dt.hour() >= 2)["device_id"]) == {"d1", "d2", "d3"}


def test_a_device_that_is_offline_draws_on_the_jobs_pool() -> None:
    world = World(
        jobs=[job("a", at(0), at(4), device_id="d")],
        capacity=[{"device_id": "d", "pool": "q", "end_ms": at(1)}, {"pool": "p", "end_ms": at(4)}],
    )
    usage = world.account().usage.filter(pl.col("workload_id") == "a")
    assert hours(usage, "pool", "device_id") == {("q", "d"): 1, ("p", None): 3}


def test_time_beyond_all_capacity_has_the_lot_of_its_own_day() -> None:
    """Capacity that comes tomorrow says nothing of today's price."""
    world = World(
        jobs=[job("a", at(0), at(2, day=1))],
        capacity=[{"purchase": "spot", "start_ms": at(1, day=1)}],
        prices=[price("1", purchase="spot"), price("5")],
        days=2,
    )
    usage = world.account().usage.filter(pl.col("workload_id") == "a")
    assert hours(usage, "day", "purchase") == {(_day(0), None): 24, (_day(1), "spot"): 2}


def test_a_lot_of_tomorrow_cuts_nothing_today() -> None:
    """Half past six in the evening is the end of the month only for the provider that the device has the day after."""
    shares = [job("a", at(0), at(30), team="red", device_id="d", quantity_ppm=5 * ONE)]
    shares += [job("a", at(0), at(30), device_id="d", quantity_ppm=2 * ONE)]
    lots: list[dict[str, object]] = [{"end_ms": at(6, day=1)}, {"start_ms": at(6, day=1), "provider": "gcp"}]
    world = World(
        jobs=shares, capacity=[{"device_id": "d", **lot} for lot in lots], days=2, zones={"gcp": "Asia/Kolkata"}
    )

    alone = together([world.account(day, 1) for day in range(2)])
    assert world.account().usage.equals(alone.usage)


def test_a_device_has_the_node_of_its_day() -> None:
    world = World(
        capacity=[
            {"device_id": "d", "node": "n1", "start_ms": START, "end_ms": at(5, day=1)},
            {"device_id": "d", "node": "n2", "start_ms": at(5, day=1)},
        ],
        days=2,
    )
    nodes = world.account().usage.select("day", "node").unique().sort("day").rows()
    assert nodes == [(_day(0), "n1"), (_day(1), "n2")]


def test_attempts_that_differ_only_in_what_the_place_knows_better_are_one_row() -> None:
    world = World(
        jobs=[job("a", at(0), at(0, 10), device_id="d"), job("a", at(0, 10), at(0, 20), device_id="d", node="x")],
        capacity=[{"device_id": "d", "node": "n1", "end_ms": at(1)}],
    )
    usage = world.account().usage.filter(pl.col("workload_id") == "a")
    assert usage.select("node", ms("device_seconds")).rows() == [("n1", 20 * 60_000)]


def test_a_big_pool_does_not_overflow() -> None:
    results = World(capacity=[{"quantity_ppm": 400_000 * ONE}]).account()
    assert results.capacity.select(ms("stated_seconds")).item() == 400_000 * DAY


# -- why free time is free -------------------------------------------------------------------------------------------


def test_free_while_a_waiting_request_fits_is_queued() -> None:
    world = World(
        jobs=[
            job("a", at(0), at(4), quantity_ppm=2 * ONE),
            job("small", at(2), at(3), submitted_ms=at(1)),
            job("large", None, at(4), submitted_ms=at(0), quantity_ppm=3 * ONE),
        ],
        capacity=[{"quantity_ppm": 4 * ONE, "end_ms": at(4)}],
    )
    # Two are free, one in the third hour; `large` never fits.
    assert hours(world.account().usage.filter(pl.col("workload_id").is_null()), "hour", "state") == {
        (_hour(0), "unallocated_free"): 2,
        (_hour(1), "unallocated_queued"): 2,
        (_hour(2), "unallocated_free"): 1,
        (_hour(3), "unallocated_free"): 2,
    }


def test_the_devices_of_one_job_are_one_request() -> None:
    """Two of three devices are free while a job for three waits: it does not fit, so they keep nobody waiting."""
    devices = ("d1", "d2", "d3")
    world = World(
        jobs=[
            job("a", at(0), at(1), device_id="d1"),
            *(job("large", at(1), at(2), device_id=d, submitted_ms=at(0)) for d in devices),
        ],
        capacity=[{"device_id": d, "start_ms": START, "end_ms": at(3)} for d in devices],
    )
    assert hours(world.account().usage.filter(pl.col("workload_id").is_null()), "hour", "state") == {
        (_hour(0), "unallocated_free"): 2,
        (_hour(2), "unallocated_free"): 3,
    }


def test_free_but_too_little_for_any_typical_request_is_stranded() -> None:
    world = World(
        jobs=[job("a", at(0), at(1), quantity_ppm=2 * ONE)], capacity=[{"quantity_ppm": 3 * ONE, "end_ms": at(2)}]
    )
    assert hours(world.account().usage, "hour", "state") == {
        (_hour(0), "allocated_unobserved"): 2,
        (_hour(0), "unallocated_stranded"): 1,
        (_hour(1), "unallocated_free"): 3,
    }


def test_attempts_of_one_workload_are_one_request() -> None:
    """Twenty attempts of one small job do not make its size typical beside twenty large jobs."""
    small = [job("s", at(0, k), at(0, k + 1), quantity_ppm=ONE // 2) for k in range(20)]
    large = [job(f"l{k}", at(1), at(1, 1), quantity_ppm=2 * ONE) for k in range(20)]
    usage = World(jobs=[*small, *large], capacity=[{"end_ms": at(3)}]).account().usage
    assert hours(usage.filter(pl.col("hour").dt.hour() == 2), "state") == {"unallocated_stranded": 1}


def test_free_time_of_a_reservation_is_reserved_and_one_row() -> None:
    world = World(
        jobs=[job("w", None, at(0, 30), submitted_ms=at(0))],
        capacity=[{"purchase": "reservation", "start_ms": START, "end_ms": at(1)}],
    )
    usage = world.account().usage
    assert usage.select("state", ms("device_seconds")).rows() == [("unallocated_reserved", HOUR)]


def test_where_no_source_tells_free_is_unobserved() -> None:
    usage = World(capacity=[{}], scheduled=False).account().usage
    assert hours(usage, "state") == {"unobserved": 24}


def test_busy_without_any_allocation() -> None:
    world = World(
        capacity=[{"device_id": "d", "start_ms": START, "end_ms": at(1)}],
        samples=minutes("d", at(0), [50] * 10),
        prices=[price("6")],
    )
    results = world.account()
    assert hours(results.usage, "state") == {
        "allocated_active": Decimal(10 * 60_000) / HOUR,
        "unallocated_free": Decimal(50 * 60_000) / HOUR,
    }
    found = fault(results, "unallocated_use")
    assert found is not None
    assert (found["device_seconds"], found["cost"]) == (600, 1)
    used = results.charges.filter(pl.col("state") == "allocated_active").row(0, named=True)
    assert (used["team"], used["charge_kind"], used["used_cost"]) == ("unowned", "usage", Decimal("0.5"))


def test_a_short_look_at_a_device_that_did_nothing_is_no_use() -> None:
    sample = {"device_id": "d", "start_ms": at(0), "end_ms": at(0, 0, 30), "busy_ppm": 0}
    results = World(capacity=[{"device_id": "d", "start_ms": START}], samples=[sample]).account()
    assert hours(results.usage, "state") == {"unallocated_free": 24}
    assert results.faults.is_empty()


def test_use_without_allocation_and_a_nameless_job_are_two_rows() -> None:
    world = World(
        jobs=[job("", at(0), at(0, 30), device_id="d", workload_id=None)],
        capacity=[{"device_id": "d", "end_ms": at(1)}],
        samples=minutes("d", at(0), [90] * 60),
        prices=[price("1")],
    )
    results = world.account()
    assert results.usage.select("source", "sharing").rows() == [("scheduler", "exclusive"), ("samples", None)]
    assert not results.usage.select(c for c in USAGE.grain if c != "publication").is_duplicated().any()
    assert results.charges["charge_id"].n_unique() == results.charges.height
    assert set(CHARGES.names) - set(results.charges.columns) == {"publication"}
    assert results.charges.select(ms("device_seconds").sum()).item() == HOUR


def test_months_are_those_of_the_billing_zone() -> None:
    """In Kolkata, February begins at 18:30 UTC; no row spans two months."""
    world = World(
        capacity=[{"provider": "gcp"}, {"provider": "aws"}], zones={"gcp": "Asia/Kolkata"}, prices=[price("1")]
    )
    results = world.account()
    assert hours(results.usage, "provider", "month") == {
        ("gcp", "2025-01"): Decimal("18.5"),
        ("gcp", "2025-02"): Decimal("5.5"),
        ("aws", "2025-01"): 24,
    }
    assert set(results.charges.select("provider", "month").rows()) == {
        ("gcp", "2025-01"),
        ("gcp", "2025-02"),
        ("aws", "2025-01"),
    }


@pytest.mark.parametrize("quantity", [333_333, 123_457, 1])
def test_fractions_of_a_millisecond_are_rounded_once_per_hour(quantity: int) -> None:
    world = World(
        jobs=[job(str(k), at(0, 0, 0, k), at(0, 0, 7), quantity_ppm=quantity) for k in range(3)],
        capacity=[{"end_ms": at(1)}],
    )
    assert hours(world.account().usage, "hour") == {_hour(0): 1}


def test_three_days_alone_are_three_days_together() -> None:
    world = World(
        jobs=[job("a", at(23), at(1, day=2), quantity_ppm=333_333, submitted_ms=at(3))],
        capacity=[{"quantity_ppm": 2 * ONE}],
        prices=[price("1.1", start_ms=at(10, 17, 23, 456))],
        days=3,
    )
    alone = together([world.account(day, 1) for day in range(3)])
    assert world.account().charges.equals(alone.charges)


def _day(number: int) -> Any:  # noqa: ANN401
    return pl.Series([START + number * DAY]).cast(pl.Datetime("ms")).dt.date().item()


def _hour(number: int) -> Any:  # noqa: ANN401
    return pl.Series([START + number * HOUR]).cast(pl.Datetime("ms", "UTC")).item()


def test_a_job_seen_by_two_sources_is_one() -> None:
    """The scheduler tells of two accelerators for two hours, an agent of one device for the first half of each."""
    told = [job("a", at(n), at(n, 30), device_id="d1") for n in (0, 1)]
    world = World(
        jobs=[job("a", at(0), at(2), quantity_ppm=2 * ONE), *told], capacity=[{"device_id": "d1"}, {"device_id": "d2"}]
    )
    results = world.account()

    held = results.usage.filter(pl.col("workload_id") == "a")
    assert hours(held, "device_id") == {"d1": 1, None: 2}
    assert hours(results.usage, "state") == {
        "allocated_unobserved": 3,
        "unallocated_stranded": 1,
        "unallocated_free": 44,
    }


def broken(start: int, end: int, device: str = "d") -> Row:
    return {"device_id": device, "start_ms": start, "end_ms": end}


def test_a_device_that_cannot_be_used_is_unhealthy_held_or_not() -> None:
    """The holder stays in usage; the capacity's owner, else the platform, bears it, and nobody's cost center does."""
    for owner, bearer in (("own", "own"), (None, "platform")):
        world = World(
            jobs=[job("a", at(0), at(2), device_id="d", team="red")],
            capacity=[{"device_id": "d", "end_ms": at(4), "owner_team": owner}],
            prices=[price("2")],
            teams=[{"selector": "workload_id=a", "team": "red", "cost_center": "cc"}],
            samples=minutes("d", at(0), [50] * 180),
            health=[broken(at(1), at(3)), broken(at(1, 30), at(2, 30))],
        )
        results = world.account()
        lost = results.usage.filter(pl.col("state") == "unhealthy")
        assert hours(lost, "workload_id", "team", "owner_status") == {("a", "red", "fact"): 1, (None, None, None): 1}
        assert lost["busy_seconds"].null_count() == lost.height
        assert hours(results.usage, "state") == {"unhealthy": 2, "allocated_active": 1, "unallocated_free": 1}
        overhead = results.charges.filter(pl.col("charge_kind") == "overhead")
        charges = overhead.sort("workload_id", nulls_last=True)
        assert charges.select("workload_id", "team", "owner_team", "cost_center", "cost", "used_cost").rows() == [
            ("a", bearer, owner, None, 2, None),
            (None, bearer, owner, None, 2, None),
        ]


def test_holders_of_an_unhealthy_device_keep_their_shares_of_it() -> None:
    jobs = [job("a", at(0), at(1), device_id="d"), job("b", at(0), at(1), device_id="d", quantity_ppm=ONE // 2)]
    world = World(jobs=jobs, capacity=[{"device_id": "d", "end_ms": at(1)}], health=[broken(at(0), at(0, 30))])
    usage = world.account().usage
    assert hours(usage, "workload_id", "state", "sharing") == {
        (w, state, "time_sliced"): Decimal(t) / HOUR
        for w, t in (("a", 1_200_000), ("b", 600_000))
        for state in ("unhealthy", "allocated_unobserved")
    }


def test_a_broken_device_is_no_free_device_for_those_who_wait() -> None:
    world = World(
        jobs=[job("w", at(4), None, submitted_ms=at(0), quantity_ppm=2 * ONE)],
        capacity=[{"device_id": d, "end_ms": at(3)} for d in ("d", "e")],
        health=[broken(at(1), at(2))],
    )
    usage = world.account().usage
    assert hours(usage.filter(pl.col("workload_id").is_null()), "state") == {
        "unallocated_queued": 4,
        "unhealthy": 1,
        "unallocated_stranded": 1,
    }


def test_an_unhealthy_span_ends_an_idle_run_and_its_samples_tell_nothing() -> None:
    """Fifty idle seconds on either side of ten broken ones are no idle minute; without a break they are."""
    told = [{"device_id": "d", "start_ms": at(1), "end_ms": at(1, 1, 50), "busy_ppm": 0}]
    world = World(jobs=[job("a", at(1), at(2), device_id="d")], capacity=[{"device_id": "d"}], samples=told)
    assert hours(world.account().usage, "state")["allocated_idle"] == Decimal(110_000) / HOUR
    halves = world.revised(health=[broken(at(1, 0, 50), at(1, 1))]).account().usage
    assert hours(halves, "state")["allocated_active"] == Decimal(100_000) / HOUR
    assert "allocated_idle" not in hours(halves, "state")


def test_who_held_broken_devices_only_is_not_spread_upon() -> None:
    world = World(
        jobs=[job("a", at(0), at(1), device_id="d", team="red"), job("b", at(0), at(1), device_id="e", team="blue")],
        capacity=[{"device_id": d, "end_ms": at(2)} for d in ("d", "e")],
        health=[broken(at(0), at(1))],
        policies=(Policy(name="base", unallocated="evenly"),),
    )
    charges = world.account().charges
    assert hours(charges, "charge_kind", "team") == {
        ("usage", "blue"): 1,
        ("unallocated", "blue"): 2,
        ("overhead", "platform"): 1,
    }


def test_health_of_devices_that_no_row_accounts_changes_nothing() -> None:
    world = World(jobs=[job("a", at(0), at(1), device_id="x")], capacity=[{"quantity_ppm": ONE}])
    told = world.revised(health=[broken(at(0), at(1), "x"), broken(at(0), at(1), "y")])
    assert world.account().usage.equals(told.account().usage)


def test_free_time_is_known_where_an_agent_watched_the_device() -> None:
    world = World(
        jobs=[job("a", at(0), at(1), device_id="d")],
        capacity=[{"device_id": d, "end_ms": at(6)} for d in ("d", "e")],
        watched=[broken(at(0), at(2)), broken(at(1), at(3)), broken(at(4), at(5))],
        scheduled=False,
    )
    assert hours(world.account().usage, "device_id", "state") == {
        ("d", "allocated_unobserved"): 1,
        ("d", "unallocated_free"): 3,
        ("d", "unobserved"): 2,
        ("e", "unobserved"): 6,
    }
    logged = world.revised(scheduled=True).account().usage
    assert hours(logged, "device_id", "state")["e", "unallocated_free"] == 6


def test_what_nobody_watches_is_not_free_for_those_who_wait() -> None:
    """Two accelerators are asked for; of two that nobody held, one was watched."""
    wanted = job("w", None, at(3), submitted_ms=at(0), quantity_ppm=2 * ONE)
    world = World(jobs=[wanted], capacity=[{"device_id": d, "end_ms": at(3)} for d in ("d", "e")], scheduled=False)
    one, both = (world.revised(watched=[broken(at(0), at(3), d) for d in names]) for names in ("d", "de"))
    assert hours(one.account().usage, "state") == {"unallocated_free": 3, "unobserved": 3}
    assert hours(both.account().usage, "state") == {"unallocated_queued": 6}


def test_a_pool_without_devices_is_unobserved_without_a_job_log() -> None:
    world = World(capacity=[{"end_ms": at(2)}], watched=[broken(at(0), at(2))], scheduled=False)
    assert hours(world.account().usage, "state") == {"unobserved": 2}


def test_an_unhealthy_device_is_unhealthy_watched_or_not() -> None:
    world = World(capacity=[{"device_id": "d", "end_ms": at(3)}], health=[broken(at(1), at(2))], scheduled=False)
    assert hours(world.account().usage, "state") == {"unhealthy": 1, "unobserved": 2}
