from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.central.series import Increment, Last, Level, increments, levels, series, step_ms


def test_points_are_sorted_told_once_and_numbers() -> None:
    found = series("m", {}, [(2, 5.0), (1, float("nan")), (3, float("inf")), (2, 6.0), (0, 1.0)])

    assert found.points == [(0, 1.0), (2, 6.0)]


def test_a_gauge_tells_of_the_time_since_the_point_before_and_of_no_more_than_it_holds() -> None:
    points = [(0, 1.0), (60, 2.0), (120, 3.0), (1000, 4.0)]

    assert levels(points, 90, 0, 1000) == [Level(0, 60, 2.0), Level(60, 120, 3.0), Level(910, 1000, 4.0)]
    assert levels(points, 90, 60, 120) == [Level(60, 120, 3.0)]
    assert levels(points, 90, -1, 0) == [Level(-90, 0, 1.0)]


def test_the_step_is_the_usual_one() -> None:
    assert step_ms([(0, 1), (60, 1), (120, 1), (900, 1)], 30) == 60
    assert step_ms([(0, 1)], 30) == 30


def test_a_counter_that_falls_began_anew_and_what_was_counted_before_is_a_gap() -> None:
    points = [(0, 10.0), (60, 15.0), (120, 4.0)]

    assert increments(points, None, 0) == [Increment(0, 60, 5.0), Increment(60, 120, 4.0, 60)]


def test_a_restart_that_overtakes_the_old_value_is_seen_by_the_start_of_its_process() -> None:
    points = [(1_000, 10.0), (61_000, 15.0)]
    began = {1_000: 500, 61_000: 31_000}

    assert increments(points, None, 1_000, began=began) == [Increment(1_000, 61_000, 15.0, 30_000)]
    assert increments(points[1:], Last(1_000, 10.0, 500), 1_000, began=began) == [
        Increment(1_000, 61_000, 15.0, 30_000)
    ]


def test_a_first_point_counts_only_from_a_beginning_that_is_known() -> None:
    point = [(60_000, 7.0)]

    assert increments(point, None, 20_000) == []
    assert increments(point, None, 20_000, began={60_000: 45_000}) == [Increment(45_000, 60_000, 7.0)]
    assert increments(point, None, 20_000, began={60_000: 1_000}) == []
    assert increments(point, None, 20_000, began={60_000: 1_000}, watched_ms=30_000) == [Increment(30_000, 60_000, 7.0)]


counts = st.lists(st.integers(0, 50), min_size=2, max_size=20)


@given(counts, st.integers(1, 18))
def test_it_does_not_matter_where_a_counter_is_cut(counted: list[int], cut: int) -> None:
    total, points = 0.0, []
    for i, count in enumerate(counted):
        total += count
        points.append((i * 60, total))
    first, rest = points[:cut], points[cut:]
    last = Last(*first[-1])

    assert increments(first, None, 0) + increments(rest, last, 0) == increments(points, None, 0)
    assert sum(i.value for i in increments(points, None, 0)) == sum(counted[1:])
