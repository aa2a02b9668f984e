from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.central.findings import Quoted, Stocked
from collector.central.stretches import DAY_MS, Open, Stretch, extended
from tests.collected import HOUR, quoted, stocked

DAWN = 20_000 * DAY_MS


def told(rows: list[Stocked]) -> list[tuple[int, int, int, str]]:
    """Start and end in hours, quantity and condition, of each row."""
    return [
        ((s.start_ms - DAWN) // HOUR, (s.until_ms - DAWN) // HOUR, s.quantity_ppm // 1_000_000, s.condition)
        for s in rows
    ]


def at(start: int, end: int, quantity: int = 8, condition: str = "ready") -> Stocked:
    return stocked(quantity, DAWN + start * HOUR, DAWN + end * HOUR, condition)


def test_what_does_not_change_is_one_stretch_that_grows_until_midnight() -> None:
    first, memory = extended([at(20, 22)], {})
    second, memory = extended([at(22, 25)], memory)

    assert told(first) == [(20, 22, 8, "ready")]
    assert told(second) == [(20, 24, 8, "ready"), (24, 25, 8, "ready")]
    assert list(memory.values()) == [Stretch(DAWN + 24 * HOUR, DAWN + 25 * HOUR)]


def test_a_change_and_a_gap_begin_anew() -> None:
    _, memory = extended([at(1, 2)], {})
    changed, _ = extended([at(2, 3, 7), at(2, 3, 1, "unhealthy")], memory)
    later, _ = extended([at(3, 4)], memory)

    assert told(changed) == [(2, 3, 7, "ready"), (2, 3, 1, "unhealthy")]
    assert told(later) == [(3, 4, 8, "ready")]


def test_a_queue_grows_as_long_as_its_quota_and_its_use_are_the_same() -> None:
    def queue(start: int, end: int, used: int, name: str = "q", cohort: str = "all") -> Quoted:
        return quoted(name, 4, used, DAWN + start * HOUR, DAWN + end * HOUR, cohort=cohort)

    first, memory = extended([queue(1, 2, 6), queue(1, 2, 6, "other")], {})
    second, memory = extended([queue(2, 3, 6), queue(3, 4, 5), queue(2, 3, 6, "other", "")], memory)

    assert first == [queue(1, 2, 6), queue(1, 2, 6, "other")]
    assert second == [queue(1, 3, 6), queue(2, 3, 6, "other", ""), queue(3, 4, 5)]
    assert sorted(memory.values()) == [
        Stretch(DAWN + start * HOUR, DAWN + end * HOUR) for start, end in ((1, 3), (2, 3), (3, 4))
    ]


def covered(rows: list[Stocked]) -> set[tuple[int, int]]:
    """Each hour and what was there, by the rows that an accounting takes: of one start the longest."""
    longest = {
        (r.start_ms, r.quantity_ppm): max(
            s.until_ms for s in rows if s.start_ms == r.start_ms and s.quantity_ppm == r.quantity_ppm
        )
        for r in rows
    }
    return {(hour, q) for (start, q), until in longest.items() for hour in range(start, until, HOUR)}


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=60), st.integers(1, 7))
def test_stretches_cover_what_was_told(hours: list[tuple[int, bool]], span: int) -> None:
    rows = [at(n, n + 1, q + 1) for n, (q, there) in enumerate(hours) if there]
    memory: Open = {}
    grown: list[Stocked] = []
    for since in range(0, len(hours), span):
        inside = [r for r in rows if since <= (r.start_ms - DAWN) // HOUR < since + span]
        some, memory = extended(inside, memory)
        grown += some

    assert covered(grown) == covered(rows)
