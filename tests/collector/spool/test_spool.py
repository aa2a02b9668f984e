from __future__ import annotations

import os
import stat
import time
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import structs

from collector import wire
from collector.spool.errors import Full, Locked
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from collector.wire import Batch, Note, Record
from tests.collector.telling import AGENT, HEADER, device, notes, rows, segments, seqs, tell, workload


class Clock:
    """Nanoseconds that pass when told to."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def test_what_is_appended_is_there_once_sealed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", HEADER)
    assert [tell(spool, window) for window in range(5)] == [1, 2, 3, 4, 5]
    spool.close()

    (segment,) = segments(tmp_path).values()
    assert segment.sealed
    assert segment.header == structs.replace(HEADER, stream=spool.stream)
    assert [(block.first, block.last) for block in segment.blocks] == [(1, 5)]
    assert segment.blocks[0].names.devices == [device(0), device(1)]
    assert segment.blocks[0].names.workloads == [workload(0), workload(1)]
    assert len(rows(tmp_path)) == 20
    assert [path.name for path in sorted((tmp_path / "spool").glob("*.log"))] == []


def test_an_open_log_reads_like_a_segment(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    for window in range(3):
        tell(spool, window)

    (log,) = tmp_path.glob("*.log")
    found = wire.read_segment(log.read_bytes())
    assert [(block.first, block.last) for block in found.blocks] == [(1, 1), (2, 2), (3, 3)]
    assert [len(block.names.devices) for block in found.blocks] == [2, 0, 0]


def test_a_new_segment_begins_by_bytes_and_with_names_of_its_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER, Limits(seal_bytes=2_000))
    names = []
    for window in range(40):
        names.append(spool.names)
        tell(spool, window)
    spool.close()

    found = segments(tmp_path)
    firsts = [segment.header.first for segment in found.values()]
    assert len(firsts) > 3
    assert [seq for seq, (before, now) in enumerate(pairwise(names), 2) if before is not now] == firsts[1:]
    assert all(segment.blocks[0].names.devices == [device(0), device(1)] for segment in found.values())
    assert seqs(tmp_path) == [(spool.stream, seq) for seq in range(1, 41)]


def test_a_new_segment_begins_by_age_of_the_log(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool(tmp_path, HEADER, Limits(seal_after_s=900), clock)
    for window in range(200):
        tell(spool, window)
        clock.ns += 10 * 10**9
    spool.close()

    assert [segment.header.first for segment in segments(tmp_path).values()] == [1, 92, 183]


def test_the_folder_is_for_its_owner_and_one_writer(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o777)
    spool = Spool(folder, HEADER)
    tell(spool, 0)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    with pytest.raises(Locked, match="another agent writes here; stop it"):
        Spool(folder, HEADER)

    spool.close()
    Spool(folder, HEADER).close()


def test_each_run_is_a_stream_that_names_the_one_before(tmp_path: Path) -> None:
    streams: list[str] = []
    for run in range(3):
        spool = Spool(tmp_path, HEADER)
        for window in range(run + 1):
            tell(spool, window)
        streams.append(spool.stream)
        spool.close()

    headers = [segment.header for segment in segments(tmp_path).values()]
    assert [header.stream for header in headers] == streams
    assert [(header.previous, header.previous_last) for header in headers] == [
        ("", 0),
        (streams[0], 1),
        (streams[1], 2),
    ]


def test_positions_of_another_segment_are_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    where = spool.names.device(device(0))
    spool.append(Batch(records=[Record(where, -1, 0, 1)]))
    spool.seal()

    with pytest.raises(ValueError, match="not of this segment"):
        spool.append(Batch(records=[Record(where, -1, 1, 1)]))
    with pytest.raises(ValueError, match="not of this segment"):
        spool.append(Batch(notes=[Note(0, -1, 0, 0, 0)]))
    with pytest.raises(OverflowError):
        spool.append(Batch(notes=[Note(0, -1, 0, 2**63, -1)]))
    with pytest.raises(ValueError, match="the spool's to fill in"):
        spool.append(Batch(wire.Names([device(0)], [], [])))
    assert tell(spool, 1) == 2


def crash(spool: Spool) -> None:
    """What remains of a process that ends here: its files, and no lock."""
    os.close(spool._lock)


def test_sealing_that_was_interrupted_anywhere_is_done_again_to_the_same_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    for window in range(9):
        tell(spool, window)
    crash(spool)
    (log,) = tmp_path.glob("*.log")
    told = log.read_bytes()
    Spool(tmp_path, HEADER).close()
    (sealed,) = tmp_path.glob("*.seg")
    whole = sealed.read_bytes()
    temporary = sealed.with_name(sealed.name + ".tmp")

    for there, part in ([], b""), ([], whole[:100]), ([], whole), ([sealed], b""), ([sealed], whole[:100]):
        sealed.unlink()
        log.write_bytes(told)
        for path in there:
            path.write_bytes(whole)
        if part:
            temporary.write_bytes(part)

        Spool(tmp_path, HEADER).close()

        assert [path.name for path in tmp_path.iterdir() if path.name[0] == "0"] == [sealed.name]
        assert sealed.read_bytes() == whole


@pytest.mark.parametrize("ending", ["-0.sent", "-1.seg", "-5.sent"])
def test_a_log_whose_segment_went_on_without_it_goes(tmp_path: Path, ending: str) -> None:
    spool = Spool(tmp_path, HEADER)
    for window in range(9):
        tell(spool, window)
    (log,) = tmp_path.glob("*.log")
    told = log.read_bytes()
    spool.close()
    (sealed,) = tmp_path.glob("*.seg")
    later = sealed.rename(tmp_path / sealed.name.replace("-0.seg", ending))
    log.write_bytes(told)

    Spool(tmp_path, HEADER).close()

    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "0"] == [later.name]


def test_a_newer_version_s_files_are_left_alone_and_shipped_as_they_are(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    tell(spool, 0)
    crash(spool)
    (log,) = tmp_path.glob("*.log")
    newer = wire.MAGIC[:-1] + b"\x02" + b"what only a newer agent reads"
    log.write_bytes(newer)
    sealed = tmp_path / f"{7:012d}-{'a' * 32}-{1:010d}-{9:010d}-0.seg"
    sealed.write_bytes(newer)

    later = Spool(tmp_path, HEADER, Limits(most_bytes=700_000, reserve_bytes=0))
    offer = later.offer()

    assert log.read_bytes() == newer
    assert offer is not None
    assert (offer.name, offer.data) == (wire.object_name(AGENT, "a" * 32, 1, 9), newer)
    assert later.counts.damaged_files == 0


def test_a_batch_larger_than_the_bound_is_refused_and_the_stream_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER, Limits(most_bytes=4_000, least_bytes=0, reserve_bytes=0))
    tell(spool, 0)
    text = os.urandom(4_000).hex()
    with pytest.raises(Full, match="no room for"):
        spool.append(Batch(notes=[Note(0, -1, 0, 0, spool.names.text(text))]))

    assert spool.counts.refused == 1


def test_damage_to_a_sealed_segment_is_told_once_even_across_restarts(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER, Limits(seal_bytes=1_500))
    for window in range(30):
        tell(spool, window)
    crash(spool)
    first, second, *_ = sorted(tmp_path.glob("*.seg"))
    data = bytearray(second.read_bytes())
    data[-60] ^= 4
    second.write_bytes(data)
    _, stream, begin, end, _ = second.name.split("-")

    spool = Spool(tmp_path, HEADER)
    offer = spool.offer()
    assert offer is not None
    assert offer.entry.ordinal == 1
    spool.delivered(offer)
    assert not first.exists()
    offer = spool.offer()
    assert offer is not None
    assert offer.entry.ordinal == 3
    crash(spool)

    spool = Spool(tmp_path, HEADER)
    tell(spool, 31)
    tell(spool, 32)
    spool.close()
    Spool(tmp_path, HEADER).close()

    ((note, text),) = notes(tmp_path)
    assert (wire.NOTES[note.kind], note.value) == ("damaged", int(end) - int(begin) + 1)
    assert text == f"{stream} {int(begin)}-{int(end)}"
    assert [path.read_bytes() for path in tmp_path.glob("*.bad")] == [bytes(data)]


def test_damage_to_the_open_log_is_a_gap_in_the_stream_that_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER)
    for window in range(9):
        tell(spool, window)
    (log,) = tmp_path.glob("*.log")
    data = bytearray(log.read_bytes())
    data[-20] ^= 1
    log.write_bytes(data)
    spool.seal()
    assert tell(spool, 9) == 10
    spool.close()

    assert seqs(tmp_path) == [(spool.stream, seq) for seq in (*range(1, 9), 10)]
    ((note, text),) = notes(tmp_path)
    assert (wire.NOTES[note.kind], note.value, text) == ("damaged", 1, f"{spool.stream} 9-9")
    now_ms = HEADER.wall_ms + time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
    assert 0 <= now_ms - note.at_ms < 60_000


def test_evidence_has_a_bound_of_its_own(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number + 100:012d}.log").write_bytes(b"no segment" * 1_000)
    spool = Spool(tmp_path, HEADER, Limits(reserve_bytes=0))
    before = spool.used_bytes
    tell(spool, 0)
    spool.close()

    assert before == 0
    assert spool.counts.damaged_files == 20
    assert len(list(tmp_path.glob("*.bad"))) == 8
    assert [wire.NOTES[note.kind] for note, _ in notes(tmp_path)] == ["damaged"] * 20
    assert {note.value for note, _ in notes(tmp_path)} == {wire.UNKNOWN}
