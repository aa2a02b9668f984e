"""A source is read span after span, and nothing is left out or told under another memory, whatever fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.central import cursor
from collector.central.cursor import Cursor, Damaged
from collector.central.findings import Span
from collector.central.polling import Polling
from collector.central.reader import HOUR_MS, LONGEST_WAIT_S, Reader
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from tests.collector.central.scripted import STEP_MS, Scripted, away
from tests.collector.telling import HEADER, rows

NOW = 1_750_000_000_000 // HOUR_MS * HOUR_MS


class Plant:
    """A reader and the time that it sees."""

    def __init__(self, folder: Path, polling: Polling, most_bytes: int = 10_000_000) -> None:
        self.now_ms = NOW
        self.folder, self.polling, self.most_bytes = folder, polling, most_bytes
        self.start()

    def start(self) -> None:
        self.source = Scripted()
        self.spool = Spool(self.folder, HEADER, Limits(most_bytes=self.most_bytes, reserve_bytes=0))
        self.reader = Reader(self.source, self.polling, self.spool, self.folder, self.most_bytes, lambda: self.now_ms)

    def restart(self) -> None:
        self.spool.close()
        self.start()

    def told(self) -> list[int]:
        self.spool.seal()
        return [row.start_ms for row in rows(self.folder)]


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path / "spool", Polling(every=60, delay=30, span=1800, backfill=2))


def test_the_past_is_read_in_spans_and_then_the_present_as_it_comes(plant: Plant) -> None:
    waits = [plant.reader.step() for _ in range(5)]

    start, end = NOW - 2 * HOUR_MS - 30_000, NOW - 30_000
    half = HOUR_MS // 2
    assert plant.source.spans == [Span(s, s + half) for s in range(start, end, half)]
    assert waits == [0, 0, 0, 60, 60]
    plant.now_ms += 60_000
    assert plant.reader.step() == 60
    assert plant.source.spans[-1] == Span(end, end + 60_000)
    assert plant.told() == list(range(start, end + 60_000, STEP_MS))
    assert plant.reader.progress.until_ms == end + 60_000


def test_a_restart_goes_on_where_it_stopped_with_its_memory(plant: Plant) -> None:
    plant.reader.step()
    end = plant.source.spans[-1].end_ms
    plant.restart()

    assert plant.source.count == 1
    plant.reader.step()
    assert plant.source.spans == [Span(end, end + HOUR_MS // 2)]
    assert cursor.load(plant.folder) == Cursor(end - HOUR_MS // 2, end + HOUR_MS // 2, b"2")


def test_after_an_error_the_same_span_is_read_with_the_memory_before(plant: Plant) -> None:
    plant.reader.step()
    plant.source.failures = away(12)
    waits = [plant.reader.step() for _ in range(12)]

    assert waits[:4] == [60, 120, 240, 480]
    assert waits[-1] == LONGEST_WAIT_S
    assert plant.source.count == 1
    assert len(set(plant.source.spans[1:])) == 1
    assert plant.reader.progress.trouble == "nobody answers"
    assert plant.reader.step() == 0
    assert (plant.reader.progress.trouble, plant.source.count) == ("", 2)
    assert plant.told() == sorted(set(plant.told()))


def test_a_bug_in_a_source_is_a_failure_that_says_where(plant: Plant) -> None:
    plant.source.failures = [KeyError("x")]

    assert plant.reader.step() == 60
    assert plant.reader.progress.trouble.startswith("a bug, please report it: KeyError: 'x' (scripted.py:")


def test_what_was_told_before_its_cursor_was_kept_is_told_again(plant: Plant) -> None:
    """As if killed in between: the same rows, which count once."""
    plant.reader.step()
    before = cursor.load(plant.folder)
    plant.reader.step()
    assert before is not None
    cursor.keep(plant.folder, before)
    plant.restart()
    plant.reader.step()

    told = plant.told()
    assert len(told) == 3 * 180
    assert sorted(set(told)) == list(range(told[0], told[0] + HOUR_MS, STEP_MS))


def test_a_stretch_of_the_past_moves_no_cursor(plant: Plant) -> None:
    plant.reader.step()
    before = cursor.load(plant.folder)
    plant.reader.take(Span(NOW - 90 * HOUR_MS, NOW - 89 * HOUR_MS), keep=False)

    assert cursor.load(plant.folder) == before


def test_a_source_waits_while_the_spool_is_full(tmp_path: Path) -> None:
    plant = Plant(tmp_path / "spool", Polling(every=60, delay=0, span=3600, backfill=240), most_bytes=20_000)
    while not plant.reader.progress.trouble:
        plant.reader.step()

    assert "reading goes on once it takes them" in plant.reader.progress.trouble
    assert plant.spool.used_bytes < plant.most_bytes
    while (offer := plant.spool.offer()) is not None:
        plant.spool.delivered(offer)
    assert plant.reader.step() == 0
    assert plant.reader.progress.trouble == ""


def test_a_damaged_cursor_is_said_and_not_taken_for_none(plant: Plant) -> None:
    plant.reader.step()
    plant.spool.close()
    (plant.folder / cursor.FILE).write_bytes(b"nonsense")

    with pytest.raises(Damaged, match="is damaged: remove it"):
        plant.start()


def test_a_memory_of_another_version_is_said(plant: Plant) -> None:
    plant.reader.step()
    plant.spool.close()
    cursor.keep(plant.folder, Cursor(0, NOW, b"\xc1"))

    with pytest.raises(Damaged, match="is of another version: remove it"):
        plant.start()
