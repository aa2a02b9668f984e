"""Spans may be cut, repeated and interrupted as they like, and points may be late: what is told is the same."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from accounting.simulate.apis.monitoring import Series
from collector.central.findings import Findings
from collector.cloud.grid import bits, bridged, members, runs
from collector.cloud.memory import Memory, kept, recalled
from tests.collector.cloud.fleet import V5E, Told, World, at, container, held, merged, node, points

MINUTES = 150
LOOKBACK = 30
CHIPS = [f"4804690163842391072-{k}" for k in range(3)]

Held = dict[tuple[str, str], list[tuple[int, int]]]


def fleet(seed: int, latest: int) -> list[Series]:
    """Series with gaps; a point is at most `latest` minutes late, the first of each in time.

    Which chip a duty cycle is of is settled when it comes first, among the chips that are known then.
    """
    random, lateness = Random(seed), Random(seed)

    def some(share: float) -> dict[int, float]:
        return {k: random.randrange(1, 100) for k in range(1, MINUTES + 1) if k == 1 or random.random() < share}

    def late(minute: int) -> int:
        return lateness.randrange(latest + 1) if minute > 1 else 0

    told = [node("tensorcore_utilization", "n-a", c, points(some(0.9), late), V5E) for c in CHIPS]
    told += [node("duty_cycle", "n-a", c, points(some(0.5), late), V5E) for c in CHIPS]
    told += [
        container("duty_cycle", f"pod-{k}", {"accelerator_id": chip, **V5E}, points(some(0.6), late))
        for k, chip in enumerate(CHIPS)
    ]
    return told


def read_all(series: list[Series], edges: list[int]) -> list[Findings]:
    """Each span is read at its end; then what is left for late points."""
    with World(series) as world:
        found = []
        for first, last in zip([0, *edges], [*edges, MINUTES], strict=True):
            world.now_ms = at(last)
            found.append(world.read(first, last))
        world.now_ms = at(MINUTES + 4 * LOOKBACK)
        found.append(world.read(MINUTES, MINUTES + LOOKBACK))
        found.append(world.read(MINUTES + LOOKBACK, MINUTES + 2 * LOOKBACK))
        return found


def told(found: list[Findings]) -> tuple[Told, Held, list[int]]:
    stocked: set[int] = set()
    for stock in (one for each in found for one in each.stocked):
        minutes = set(range(stock.start_ms, stock.until_ms, 60_000))
        assert not minutes & stocked
        stocked |= minutes
    return merged(found), held(found), sorted(stocked)


@settings(max_examples=25, deadline=None)
@given(
    edges=st.lists(st.integers(1, MINUTES - 1), unique=True, max_size=8).map(sorted),
    seed=st.integers(0, 999),
    latest=st.sampled_from([0, 3, 25]),
)
def test_neither_the_division_into_spans_nor_lateness_changes_what_is_told(
    edges: list[int], seed: int, latest: int
) -> None:
    at_once = told(read_all(fleet(seed, 0), []))

    assert told(read_all(fleet(seed, latest), edges)) == at_once


@settings(max_examples=10, deadline=None)
@given(data=st.data(), seed=st.integers(0, 99))
def test_a_killed_reader_goes_on_where_its_memory_is(data: st.DataObject, seed: int) -> None:
    series, step = fleet(seed, 0), 25
    straight = read_all(series, list(range(step, MINUTES, step)))
    with World(series) as world:
        for n, first in enumerate(range(0, MINUTES, step)):
            before = world.cloud.memory()
            for _ in range(data.draw(st.integers(0, 2))):
                world.read(first, first + step)
                world.cloud.remember(before)
            assert world.read(first, first + step) == straight[n]


def test_a_memory_is_what_it_was() -> None:
    with World(fleet(1, 0)) as world:
        world.read(0, MINUTES)
        memory = world.cloud.memory()

        assert kept(recalled(memory)) == memory
        assert recalled(b"") == Memory()


def test_the_memory_is_bounded() -> None:
    values = dict.fromkeys(range(1, 4 * 1440), 10.0)
    with World([node("duty_cycle", "n", f"GPU-{k}", points(values), V5E) for k in range(20)]) as world:
        sizes = []
        for hour in range(80):
            world.read(60 * hour, 60 * hour + 60)
            memory = recalled(world.cloud.memory())
            sizes.append(sum(mask.bit_length() // 8 for known in memory.told.values() for mask in known.values()))

        assert max(sizes) < 20 * 2 * 28 * 60 // 8
        assert len(world.cloud.memory()) < 10_000


def test_what_is_gone_for_days_is_forgotten() -> None:
    values = dict.fromkeys(range(1, 60), 10.0)
    labels = {"accelerator_id": CHIPS[0], **V5E}
    series = [
        node("tensorcore_utilization", "n", CHIPS[0], points(values), V5E),
        container("duty_cycle", "a", labels, points(values)),
    ]
    with World(series) as world:
        for hour in range(0, 120, 6):
            world.read(60 * hour, 60 * hour + 360)

        memory = recalled(world.cloud.memory())
        assert (memory.hosts, memory.told, memory.covers) == ({}, {}, {})


@given(cells=st.sets(st.integers(100, 400)))
def test_sets_of_cells(cells: set[int]) -> None:
    mask = bits(cells, 100)

    assert list(members(mask, 100)) == sorted(cells)
    assert {k for first, last in runs(mask, 100) for k in range(first, last + 1)} == cells
    assert all(last + 1 not in cells and first - 1 not in cells for first, last in runs(mask, 100))
    assert set(members(bridged(mask), 100)) == cells | {k for k in range(100, 400) if {k - 1, k + 1} <= cells}
