from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.spool.limits import Limits
from collector.spool.spool import Spool
from collector.wire import Batch, Record, Segment, Unreadable, batch_of, read_segment
from tests.collector.telling import HEADER, device, rows, segments, seqs

BATCHES = 5
# Reading is tried at every byte and bit; opening a spool takes syncs, so only soak tries that everywhere.
EVERY = pytest.mark.parametrize("every", [37, pytest.param(1, marks=pytest.mark.soak)])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A log with five small batches."""
    folder = tmp_path_factory.mktemp("log")
    spool = Spool(folder, HEADER, Limits(reserve_bytes=0))
    for number in range(BATCHES):
        spool.append(Batch(records=[Record(spool.names.device(device(0)), -1, number * 10, 10, busy_ms=number)]))
    (path,) = folder.glob("*.log")
    return path.read_bytes()


@pytest.fixture(scope="module")
def sealed(log: bytes, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """Name and bytes of the log's sealed segment."""
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "000000000001.log").write_bytes(log)
    Spool(folder, HEADER, Limits(reserve_bytes=0)).close()
    (path,) = folder.glob("*.seg")
    return path.name, path.read_bytes()


def cuts(data: bytes) -> Iterator[bytes]:
    return (data[:end] for end in range(len(data)))


def flips(data: bytes) -> Iterator[bytes]:
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << (bit % 8)
        yield bytes(damaged)


def read(data: bytes) -> Segment | None:
    try:
        return read_segment(data)
    except Unreadable:
        return None


def told(found: Segment | None) -> list[int]:
    blocks = found.blocks if found else []
    return [row.busy_ms for block in blocks for row in batch_of(block).records]


def test_a_log_cut_anywhere_is_a_clean_prefix(log: bytes) -> None:
    lengths = {len(told(read(data))) for data in cuts(log)}

    assert all(told(read(data)) == list(range(len(told(read(data))))) for data in cuts(log))
    assert lengths == set(range(BATCHES))


def test_a_flipped_bit_anywhere_in_a_log_is_found(log: bytes) -> None:
    for data in flips(log):
        found = read(data)
        assert told(found) == list(range(len(told(found))))
        assert len(told(found)) < BATCHES
        assert found is None or found.wrong


def test_a_sealed_segment_cut_or_flipped_anywhere_is_not_taken_for_a_whole_one(sealed: tuple[str, bytes]) -> None:
    _, whole = sealed
    assert read_segment(whole).sealed
    for data in (*cuts(whole), *flips(whole)):
        found = read(data)
        assert found is None or not found.sealed
        assert told(found) in ([], list(range(BATCHES)))


def settled(folder: Path, name: str, data: bytes) -> Spool:
    """A spool that is opened on a folder with one file, and has told one batch more."""
    for path in folder.iterdir():
        path.unlink()
    (folder / name).write_bytes(data)
    spool = Spool(folder, HEADER, Limits(reserve_bytes=0))
    spool.append(Batch(records=[Record(spool.names.device(device(9)), -1, 99, 1)]))
    spool.close()
    return spool


@EVERY
def test_a_spool_that_finds_a_log_cut_anywhere_seals_its_prefix(log: bytes, tmp_path: Path, every: int) -> None:
    for number, data in enumerate(cuts(log)):
        if number % every:
            continue
        spool = settled(tmp_path, "000000000001.log", data)

        found = [row.busy_ms for row in rows(tmp_path) if row.device == 0]
        assert found == told(read(data))
        assert (spool.stream, 1) in seqs(tmp_path)
        assert all(segment.sealed for segment in segments(tmp_path).values())
        assert list(tmp_path.glob("*.log")) == []


@EVERY
def test_a_spool_that_finds_a_flipped_bit_keeps_what_is_sound_and_tells_what_is_not(
    log: bytes, tmp_path: Path, every: int
) -> None:
    for number, data in enumerate(flips(log)):
        if number % every:
            continue
        spool = settled(tmp_path, "000000000001.log", data)

        sound = read(data)
        assert [row.busy_ms for row in rows(tmp_path) if row.device == 0] == told(sound)
        if sound is not None and len(told(sound)) < BATCHES - 1:
            assert spool.counts.damaged_batches == BATCHES - len(told(sound))
            assert [path.stat().st_size for path in tmp_path.glob("*.bad")] == [len(log)]


@EVERY
def test_a_spool_ships_no_damaged_segment(sealed: tuple[str, bytes], tmp_path: Path, every: int) -> None:
    name, whole = sealed
    for number, data in enumerate((*cuts(whole), *flips(whole))):
        if number % every:
            continue
        for path in tmp_path.iterdir():
            path.unlink()
        (tmp_path / name).write_bytes(data)
        spool = Spool(tmp_path, HEADER, Limits(reserve_bytes=0))

        offer = spool.offer()

        # A flipped version byte looks like a newer agent's segment, and that is not ours to judge.
        assert offer is None or (data[7] > 1 and offer.data == data)
        assert spool.counts.damaged_batches == (0 if offer else BATCHES)
        spool.close()
