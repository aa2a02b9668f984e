"""SEMANTICS, parts of a device: whose activity was measured, and what the others are left with."""

from __future__ import annotations

from typing import Any

import polars as pl

from tests.worlds import HOUR, MINUTE, ONE, START, World, at, ms

Row = dict[str, Any]
DEVICE: Row = {"device_id": "d", "start_ms": START, "end_ms": at(1)}


def holder(name: str, share: int = ONE // 2, **said: object) -> Row:
    return {
        "workload_id": name,
        "device_id": "d",
        "quantity_ppm": share,
        "start_ms": at(0),
        "end_ms": at(1),
        **said,
    }


def whole(busy: int, start: int = at(0), end: int = at(1), **said: object) -> Row:
    """The device's sample; `busy` in percent."""
    return {"device_id": "d", "start_ms": start, "end_ms": end, "busy_ppm": busy * 10_000, **said}


def part(name: str, busy: int, start: int = at(0), end: int = at(1), **said: object) -> Row:
    return {**whole(busy, start, end), "workload_id": name, "part": True, **said}


def shared(*samples: Row, jobs: tuple[Row, ...] = (holder("a"), holder("b", ONE // 4))) -> World:
    return World(jobs=jobs, capacity=[DEVICE], samples=samples)


def told(world: World, *columns: str) -> dict[str | None, tuple[Any, ...]]:
    """Of each holder: milliseconds busy, by how much that may be wrong, and how it was divided; or other columns."""
    asked = [pl.col(c) for c in columns] or [ms("busy_seconds"), ms("error_bound"), pl.col("split_method")]
    usage = world.account().usage
    return {row[0]: row[1:] for row in usage.select("workload_id", *asked).iter_rows()}


def test_a_part_is_its_holders_whatever_its_share() -> None:
    found = told(shared(whole(90), part("a", 70), part("b", 20)))
    assert found["a"] == (HOUR * 7 // 10, 0, "measured")
    assert found["b"] == (HOUR * 2 // 10, 0, "measured")


def test_those_without_a_part_share_what_is_left() -> None:
    """Not what the device did: 70 % are somebody's already."""
    found = told(shared(whole(90), part("a", 70)))
    assert found["a"] == (HOUR * 7 // 10, 0, "measured")
    assert found["b"] == (HOUR * 2 // 10, 0, "whole")
    third = (holder("a"), holder("b", ONE // 4), holder("c", ONE // 4))
    assert told(shared(whole(90), part("a", 70), jobs=third))["c"] == (HOUR // 10, HOUR // 10, "by_share")


def test_parts_above_the_device_leave_nothing() -> None:
    found = told(shared(whole(60), part("a", 70)))
    assert (found["a"][0], found["b"][0]) == (HOUR * 7 // 10, 0)


def test_where_a_part_is_silent_the_device_tells_and_then_the_workload() -> None:
    workload = {"workload_id": "a", "start_ms": at(0), "end_ms": at(1), "busy_ppm": ONE // 5}
    samples = part("a", 100, at(0), at(0, 20)), whole(50, at(0), at(0, 40)), workload
    found = told(shared(*samples, jobs=(holder("a", ONE),)))
    assert found["a"] == (20 * MINUTE + 10 * MINUTE + 4 * MINUTE, 0, "measured")


def test_a_holder_is_idle_by_its_part_while_the_device_is_busy() -> None:
    usage = shared(whole(90), part("a", 0), part("b", 90)).account().usage.drop_nulls("workload_id")
    assert sorted(usage.select("workload_id", "state").rows()) == [("a", "allocated_idle"), ("b", "allocated_active")]


def test_slices_of_one_holder_have_one_part_between_them() -> None:
    """Two rows of one workload on one device are not each all of its part."""
    slices = holder("a", ONE // 4, node="n1"), holder("a", ONE // 4, node="n2")
    assert shared(whole(80), part("a", 80), jobs=slices).account().usage.select(ms("busy_seconds").sum()).item() == (
        HOUR * 8 // 10
    )


def test_a_part_is_no_use_of_a_device_that_nobody_holds() -> None:
    results = shared(part("x", 90), jobs=()).account()
    assert results.usage["state"].to_list() == ["unallocated_free"]
    assert results.faults.is_empty()
    used = shared(whole(90), part("x", 50), jobs=()).account().usage
    assert used.select("state", ms("busy_seconds")).rows() == [("allocated_active", HOUR * 9 // 10)]


def test_shares_above_one_scale_the_time_and_not_the_part() -> None:
    jobs = holder("a", ONE), holder("b", ONE)
    found = told(shared(whole(90), part("a", 80), part("b", 10), jobs=jobs), "device_seconds", "busy_seconds")
    assert found == {"a": (1800, 2880), "b": (1800, 360)}


def test_the_energy_of_a_device_is_shared_where_parts_tell_none() -> None:
    metered = whole(90, energy_mj=900_000)
    assert told(shared(metered, part("a", 70), part("b", 20)), "energy_joules") == {
        "a": (600,),
        "b": (300,),
        None: (None,),
    }
    own = told(shared(metered, part("a", 70, energy_mj=800_000)), "energy_joules")
    assert own == {"a": (800,), "b": (300,), None: (None,)}


def test_the_busy_time_of_a_devices_rows_is_at_most_its_time() -> None:
    half = [part("a", 60, at(0), at(0, 30)), part("b", 40, at(0, 10), at(0, 50))]
    third = (holder("a"), holder("b", ONE // 4), holder("c", ONE // 4), holder("x", ONE))
    usage = shared(whole(100), *half, jobs=third).account().usage
    assert usage.select(ms("device_seconds").sum(), ms("busy_seconds").sum()).row(0) == (HOUR, HOUR)
