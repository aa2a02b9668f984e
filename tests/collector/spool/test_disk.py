from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.spool.errors import Uncertain
from collector.spool.limits import RESERVE, Limits
from collector.spool.spool import Spool
from collector.wire import NOTES
from tests.collector.telling import HEADER, WINDOW_MS, notes, rows, segments, seqs, tell

SMALL = Limits(reserve_bytes=65_536, seal_bytes=8_192)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_others_fill_is_given_way_to(disk: Path) -> None:
    spool = Spool(disk / "spool", HEADER, Limits(least_bytes=0, reserve_bytes=0, seal_bytes=8_192))
    for window in range(600):
        tell(spool, window)
    fill(disk / "ballast", keep=20_000)
    acknowledged = [tell(spool, window) for window in range(600, 640)]
    system = os.statvfs(disk)

    assert acknowledged == list(range(601, 641))
    assert spool.counts.coarsened > 0
    assert spool.counts.failed_writes == 0
    assert system.f_bavail >= 0.04 * system.f_blocks


def fill(path: Path, keep: int = 0) -> None:
    """Takes all that is free on a file system but `keep` bytes."""
    system = os.statvfs(path.parent)
    size = system.f_bavail * system.f_frsize - keep
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


def append(spool: Spool, window: int) -> list[tuple[str, int]]:
    """What was acknowledged of one window, told again as often as the caller would; nothing if it is not to be had."""
    for _ in range(5):
        stream, names = spool.stream, spool.names
        try:
            return [(stream, tell(spool, window))]
        except Uncertain:
            assert spool.names is not names
    return []


def test_a_full_disk_costs_no_acknowledged_batch(disk: Path) -> None:
    spool = Spool(disk / "spool", HEADER, SMALL)
    acknowledged = [got for window in range(150) for got in append(spool, window)]
    assert len(acknowledged) == 150
    assert (disk / "spool" / RESERVE).stat().st_size == 65_536

    fill(disk / "ballast")
    for window in range(150, 300):
        acknowledged += append(spool, window)
    full = spool.counts
    assert len(acknowledged) == 300
    assert full.failed_writes > 0
    assert full.dropped == 0

    (disk / "ballast").unlink()
    acknowledged += append(spool, 300)
    spool.close()
    assert set(acknowledged) <= set(seqs(disk))
    assert sum(row.length_ms for row in rows(disk) if row.workload < 0) >= 301 * 2 * WINDOW_MS
    assert all(segment.sealed for segment in segments(disk).values())
    assert spool.counts.damaged_files == 0


def test_a_disk_without_a_byte_left_for_a_rewrite_loses_the_oldest_and_says_so(disk: Path) -> None:
    limits = Limits(reserve_bytes=0, seal_bytes=2_048)
    spool = Spool(disk / "spool", HEADER, limits)
    for window in range(200):
        tell(spool, window)
    fill(disk / "ballast")
    acknowledged = [got for window in range(200, 230) for got in append(spool, window)]

    assert len(acknowledged) == 30
    assert spool.counts.dropped > 0
    (disk / "ballast").unlink()
    tell(spool, 230)
    spool.close()
    assert set(acknowledged) <= set(seqs(disk))
    told = sum(note.value for note, _ in notes(disk) if NOTES[note.kind] == "damaged")
    assert told == spool.counts.damaged_batches > 0


FAILING_WRITER = """
import sys
from pathlib import Path
from collector.spool.errors import Uncertain
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from tests.collector.telling import HEADER, tell

failing = Path(sys.argv[2])
spool = Spool(Path(sys.argv[1]), HEADER, Limits(reserve_bytes=0, seal_bytes=2_500))
for window in range(60):
    if window in {20, 40}:
        failing.touch()
    stream = spool.stream
    try:
        print(stream, tell(spool, window))
    except Uncertain:
        failing.unlink()
        print(spool.stream, tell(spool, window))
spool.close()
print(spool.counts.failed_writes, spool.counts.streams)
"""


def test_after_a_failed_sync_a_new_stream_begins(root: Path, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    shim = tmp_path / "failing.so"
    source = Path(__file__).parent / "failing.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    folder, failing = tmp_path / "spool", tmp_path / "failing"
    done = subprocess.run(
        [sys.executable, "-c", FAILING_WRITER, str(folder), str(failing)],
        cwd=root,
        env={"PYTHONPATH": str(root), "LD_PRELOAD": str(shim), "FAILING": str(failing)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    *lines, counts = done.stdout.splitlines()
    acknowledged = [(stream, int(seq)) for stream, seq in map(str.split, lines)]
    stored = seqs(folder)
    assert counts == "2 3"
    assert len({stream for stream, _ in acknowledged}) == 3
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    uncertain = set(stored) - set(acknowledged)
    assert len(uncertain) <= 2
    headers = {segment.header.stream: segment.header for segment in segments(folder).values()}
    streams = list(dict.fromkeys(stream for stream, _ in acknowledged))
    assert [headers[stream].previous for stream in streams] == ["", *streams[:2]]
    last = [max(seq for told, seq in acknowledged if told == stream) for stream in streams]
    assert [headers[stream].previous_last for stream in streams] == [0, *last[:2]]
    devices = {(row.device, row.workload, row.start_ms) for row in rows(folder)}
    assert len(devices) == 60 * 2 * 2
