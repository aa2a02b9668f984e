from __future__ import annotations

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from collector.spool.coarse import COARSE, MINUTE_MS, QUARTER_MS, TOP, coarser, fused, latest, windows
from collector.wire import NOTES, UNKNOWN, Batch, Device, Holding, Names, Note, Record, Workload

INTEGRALS = ("busy_ms", "sm_ms", "tensor_ms", "dram_ms", "memory_byte_ms", "energy_mj", "throttled_ms")
DEVICES = [Device(uuid=f"GPU-{number}", name="A100") for number in range(2)]
WORKLOADS = [Workload(id=f"job-{number}", kind="slurm") for number in range(3)]
START_MS = 1_700_000_000_000

maybe = st.one_of(st.just(UNKNOWN), st.integers(0, 2**40))


@st.composite
def series(draw: st.DrawFn) -> list[Record]:
    """What a device, or a workload's part of it, did: windows one after the other, with gaps."""
    device, workload = draw(st.integers(0, 1)), draw(st.integers(-1, 2))
    at = START_MS + draw(st.integers(0, 2 * QUARTER_MS))
    found: list[Record] = []
    for _ in range(draw(st.integers(0, 30))):
        at += draw(st.sampled_from([0, 0, 0, 0, 0, 7_000]))
        length = draw(st.sampled_from([10_000, 10_000, 10_000, 9_999, 61_000, 1]))
        known = draw(st.sampled_from([True, True, True, False]))
        measures = [draw(maybe) for _ in range(8)] if known else [UNKNOWN] * 8
        health, flags = draw(st.sampled_from([0, 0, 0, 0, 2])), draw(st.sampled_from([0, 0, 1, 4]))
        found.append(Record._make((device, workload, at, length, *measures, health, flags)))
        at += length
    return found


def of_one_key(told: list[list[Record]]) -> list[Record]:
    """One series per device and workload, as an agent tells."""
    return [row for found in {tuple(rows[0][:2]): rows for rows in told if rows}.values() for row in found]


records = st.lists(series(), max_size=4).map(of_one_key)
holdings = st.lists(
    st.builds(
        Holding,
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(0, 2).map(lambda n: START_MS + n),
        st.integers(0, 10**6).map(lambda n: START_MS + 2 + n),
        st.just(500_000),
        st.integers(0, 1),
    ),
    max_size=12,
)
notes = st.lists(st.builds(Note, st.just(START_MS), st.integers(-1, 1), st.just(0), st.just(79), st.integers(-1, 1)))
batches = st.builds(lambda r, h, n: Batch(Names(DEVICES, WORKLOADS, ["a", "b"]), r, h, n), records, holdings, notes)


def key(row: Record) -> tuple[int, int]:
    return row[:2]


def at_each_instant(rows: list[Record], column: str) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Intervals in which a column is known, joined where they touch, by device and workload."""
    found: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in sorted(rows):
        if getattr(row, column) == UNKNOWN:
            continue
        spans = found.setdefault(key(row), [])
        if spans and spans[-1][1] == row.start_ms:
            spans[-1] = (spans[-1][0], row.start_ms + row.length_ms)
        else:
            spans.append((row.start_ms, row.start_ms + row.length_ms))
    return found


def totals(rows: list[Record]) -> dict[tuple[int, ...], list[int]]:
    """Sums of what is known, and of the length, by device, workload and health."""
    found: dict[tuple[int, ...], list[int]] = {}
    for row in rows:
        sums = found.setdefault((*key(row), row.health), [0] * (len(INTEGRALS) + 1))
        for at, name in enumerate(INTEGRALS):
            sums[at] += max(0, getattr(row, name))
        sums[-1] += row.length_ms
    return found


def observed_ms(rows: list[Record]) -> dict[tuple[int, int], int]:
    """By kind of device's part and health: workloads are numbered anew."""
    found: dict[tuple[int, int], int] = {}
    for row in rows:
        found[min(0, row.workload), row.health] = found.get((min(0, row.workload), row.health), 0) + row.length_ms
    return found


@given(records, st.sampled_from([MINUTE_MS, QUARTER_MS]))
def test_windows_keep_every_integral_and_every_unknown(told: list[Record], window_ms: int) -> None:
    joined = windows(told, window_ms)

    assert totals(joined) == totals(told)
    for column in (*INTEGRALS, "memory_peak_bytes"):
        assert at_each_instant(joined, column) == at_each_instant(told, column)
    for row in joined:
        parts = [part for part in told if key(part) == key(row) and 0 <= part.start_ms - row.start_ms < row.length_ms]
        assert row.memory_peak_bytes == max(part.memory_peak_bytes for part in parts)
        flags = {bit for part in parts for bit in (1, 2, 4) if part.flags & bit}
        assert {bit for bit in (1, 2, 4) if row.flags & bit} == flags
        assert bool(row.flags & COARSE) == (len(parts) > 1)


@given(records, st.sampled_from([MINUTE_MS, QUARTER_MS]))
def test_windows_do_not_overlap_or_cross_a_boundary_more_than_they_did(told: list[Record], window_ms: int) -> None:
    joined = windows(told, window_ms)

    assert joined == windows(joined, window_ms)
    for _, rows in groupby(joined, key=key):
        ends = [0]
        for row in rows:
            assert row.start_ms >= ends[-1]
            ends.append(row.start_ms + row.length_ms)
            last = max(part.start_ms for part in told if key(part) == key(row) and part.start_ms < ends[-1])
            assert last // window_ms == row.start_ms // window_ms


@given(holdings)
def test_a_holding_is_what_was_told_of_it_last(told: list[Holding]) -> None:
    kept = latest(told)

    assert len({row[:3] for row in kept}) == len(kept) == len({row[:3] for row in told})
    for row in kept:
        same = [other for other in told if other[:3] == row[:3]]
        assert row in same
        assert (row.until_ms, row.closed) == max((other.until_ms, other.closed) for other in same)


def named(batch: Batch) -> set[tuple[str, str, int, int]]:
    return {
        (batch.names.devices[row.device].uuid, batch.names.workloads[row.workload].id, row.start_ms, row.until_ms)
        for row in latest(batch.holdings)
    }


@given(batches)
def test_each_level_takes_less_and_says_what_it_took(told: Batch) -> None:
    lost_ms = sum(row.length_ms for row in told.records if row.workload == UNKNOWN)
    held_ms = sum(row.until_ms - row.start_ms for row in latest(told.holdings))
    batch = told
    for level in range(1, TOP + 1):
        batch = coarser(batch, level)
        said = {
            (NOTES[note.kind], batch.names.texts[note.text]): note.value
            for note in batch.notes
            if NOTES[note.kind] != "xid"
        }
        assert batch.names.devices == DEVICES
        assert sum(NOTES[note.kind] == "xid" for note in batch.notes) == len(told.notes)
        if level < 4:
            assert list(said) == [("coarsened", "measures" if level == 3 else "windows")]
            assert observed_ms(batch.records) == observed_ms(told.records)
            assert sum(max(0, row.busy_ms) for row in batch.records) == sum(max(0, row.busy_ms) for row in told.records)
            assert sum(max(0, row.energy_mj) for row in batch.records) == sum(
                max(0, row.energy_mj) for row in told.records
            )
        if level < TOP:
            assert named(batch) == named(told)
        if level == 3:
            assert {row.sm_ms for row in batch.records} <= {UNKNOWN}
        if level >= 4:
            assert batch.records == []
            assert said.get(("dropped", "records"), 0) == lost_ms
        assert level < TOP or said.get(("dropped", "holdings"), 0) == held_ms
    assert (batch.holdings, batch.names.workloads) == ([], [])


@given(st.lists(batches, min_size=1, max_size=4))
def test_what_is_left_of_several_is_added_up(told: list[Batch]) -> None:
    def left(batch: Batch) -> Batch:
        for level in range(1, TOP + 1):
            batch = coarser(batch, level)
        return batch

    ends = [left(batch) for batch in told]
    whole = fused(ends)

    def dropped(batch: Batch) -> int:
        return sum(note.value for note in batch.notes if NOTES[note.kind] == "dropped")

    def others(batch: Batch) -> list[tuple[int, str, str]]:
        return sorted(
            (
                note.at_ms,
                batch.names.devices[note.device].uuid if note.device >= 0 else "",
                batch.names.texts[note.text] if note.text >= 0 else "",
            )
            for note in batch.notes
            if NOTES[note.kind] == "xid"
        )

    assert dropped(whole) == sum(map(dropped, ends))
    assert others(whole) == sorted(row for batch in ends for row in others(batch))
    assert sum(NOTES[note.kind] == "dropped" for note in whole.notes) <= 2
    assert whole.names.devices == DEVICES
