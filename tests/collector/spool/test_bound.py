from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

from msgspec import structs

from collector.spool.coarse import TOP
from collector.spool.limits import Limits, allowed_bytes
from collector.spool.sealed import Sealed, superseded
from collector.spool.spool import Spool
from collector.wire import NOTES, Batch, Record
from tests.collector.telling import HEADER, START_MS, WINDOW_MS, device, notes, rows, segments, seqs, tell


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def busy_ms(folder: Path) -> int:
    return sum(row.busy_ms for row in rows(folder) if row.workload < 0)


def dropped_ms(folder: Path, what: str) -> int:
    return sum(note.value for note, text in notes(folder) if (NOTES[note.kind], text) == ("dropped", what))


def lengths_ms(folder: Path) -> int:
    return sum(row.length_ms for row in rows(folder) if row.workload < 0)


def test_an_outage_makes_the_oldest_coarser_and_keeps_every_sum(tmp_path: Path) -> None:
    limits = Limits(most_bytes=20_000, least_bytes=0, reserve_bytes=0, seal_bytes=6_000)
    spool = Spool(tmp_path, HEADER, limits)
    exact = 0
    for window in range(600):
        assert tell(spool, window) == window + 1
        exact += sum((window * 7919 + number * 104_729) % WINDOW_MS for number in range(2))
        assert on_disk(tmp_path) <= limits.most_bytes
    spool.close()

    assert spool.counts.coarsened > 0
    assert spool.counts.dropped == 0
    assert busy_ms(tmp_path) == exact
    assert lengths_ms(tmp_path) == 600 * 2 * WINDOW_MS
    assert seqs(tmp_path) == [(spool.stream, seq) for seq in range(1, 601)]
    levels = [int(name.split("-")[4][0]) for name in segments(tmp_path)]
    # a step that frees little goes on to the next, so neighbors may be a level apart
    assert (levels[0], levels[-1]) == (max(levels), 0)
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert {"coarsened"} == {NOTES[note.kind] for note, _ in notes(tmp_path)}


def test_where_nothing_else_helps_what_is_lost_is_counted(tmp_path: Path) -> None:
    limits = Limits(most_bytes=7_000, least_bytes=0, reserve_bytes=0, seal_bytes=2_500)
    spool = Spool(tmp_path, HEADER, limits)
    for window in range(500):
        tell(spool, window)
        assert on_disk(tmp_path) <= limits.most_bytes
    spool.close()

    assert spool.counts.dropped > 0
    assert lengths_ms(tmp_path) + dropped_ms(tmp_path, "records") == 500 * 2 * WINDOW_MS
    assert seqs(tmp_path) == [(spool.stream, seq) for seq in range(1, 501)]
    assert min(row.start_ms for row in rows(tmp_path)) > START_MS
    held = [segment for segment in segments(tmp_path).values() if segment.blocks[0].tables["holdings"][0]]
    recorded = [segment for segment in segments(tmp_path).values() if segment.blocks[0].tables["records"][0]]
    assert len(held) >= len(recorded) > 0


def test_what_was_offered_is_never_rewritten(tmp_path: Path) -> None:
    limits = Limits(most_bytes=7_500, least_bytes=0, reserve_bytes=0, seal_bytes=2_500)
    spool = Spool(tmp_path, HEADER, limits)
    window = 0
    while (offer := spool.offer()) is None:
        tell(spool, window)
        window += 1
    for later in range(window, 400):
        tell(spool, later)
        assert (tmp_path / offer.entry.name).read_bytes() == offer.data
    spool.close()
    spool = Spool(tmp_path, HEADER, limits)
    again = spool.offer()

    assert again is not None
    assert (again.name, again.data) == (offer.name, offer.data)
    assert spool.status().coarsest_level == TOP


def test_a_quarter_of_a_year_without_an_inbox_stays_within_the_bound(tmp_path: Path) -> None:
    """A batch and a segment every day, with all their minutes; the bound is scaled to need quarters."""
    limits = Limits(most_bytes=300_000, least_bytes=0, reserve_bytes=16_384, seal_bytes=1)
    spool = Spool(tmp_path, HEADER, limits)
    draw = random.Random(1)
    exact = 0
    for start in range(0, 90 * 1_440, 1_440):
        where = spool.names.device(device(0))
        busy = [draw.randrange(60_000) for _ in range(1_440)]
        exact += sum(busy)
        minutes = enumerate(busy, start)
        spool.append(
            Batch(records=[Record(where, -1, START_MS + n * 60_000, 60_000, ms, ms // 2) for n, ms in minutes])
        )
        assert on_disk(tmp_path) <= limits.most_bytes
    spool.close()

    assert spool.status().coarsest_level >= 2
    assert spool.counts.dropped == 0
    assert busy_ms(tmp_path) == exact
    assert lengths_ms(tmp_path) == 90 * 86_400_000


def test_lowered_limits_hold_from_the_start(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER, Limits(seal_bytes=4_000, reserve_bytes=0))
    for window in range(800):
        tell(spool, window)
    spool.close()
    assert on_disk(tmp_path) > 30_000

    Spool(tmp_path, HEADER, Limits(most_bytes=15_000, least_bytes=0, reserve_bytes=0)).close()

    assert on_disk(tmp_path) <= 15_000
    assert seqs(tmp_path) == [(spool.stream, seq) for seq in range(1, 801)]


def test_the_spool_gives_way_where_others_fill_the_disk(tmp_path: Path) -> None:
    limits = Limits(most_bytes=10**15, least_bytes=5_000, free_share=0.0)
    free = allowed_bytes(tmp_path, limits, used=0)

    assert 5_000 < free < 10**15
    assert allowed_bytes(tmp_path, structs.replace(limits, free_share=1.0), used=10_000) == 5_000
    assert allowed_bytes(tmp_path, structs.replace(limits, most_bytes=7_000), used=10_000) == 7_000


def entry(ordinal: int, first: int, last: int, level: int, stream: str = "a" * 32) -> Sealed:
    return Sealed(ordinal=ordinal, stream=stream, first=first, last=last, level=level, size=1, sealed_ns=1)


def test_what_an_interrupted_rewrite_leaves_behind_goes() -> None:
    finer, coarser = entry(1, 1, 9, 0), entry(1, 1, 9, 1)
    assert superseded([finer, coarser, entry(2, 10, 19, 0)]) == [finer]
    before, after, both = entry(1, 1, 9, 5), entry(2, 10, 19, 5), entry(1, 1, 19, 5)
    assert superseded([before, after, both, entry(3, 20, 29, 5), entry(4, 1, 9, 0, "b" * 32)]) == [before, after]
