from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collector.inbox import FolderInbox
from collector.ship import Shipper
from collector.spool.spool import Spool
from tests.collector.spool.child import SMALL
from tests.collector.telling import HEADER, notes, segments, seqs


def killed(root: Path, spool: Path, inbox: Path, window: int, after_s: float) -> list[tuple[str, int]]:
    """What a writer acknowledged before it was killed."""
    command = [sys.executable, "-m", "tests.collector.spool.child", str(spool), str(inbox), str(window)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(after_s)
        child.kill()
        lines = (first + child.stdout.read()).split(b"\n")[:-1]
    return [(stream.decode(), int(seq)) for stream, seq in (line.split() for line in lines)]


def kill(root: Path, folder: Path, kills: int) -> None:
    spool, inbox = folder / "spool", folder / "inbox"
    inbox.mkdir()
    draw = random.Random(os.getpid())
    acknowledged: list[tuple[str, int]] = []
    for number in range(kills):
        acknowledged += killed(root, spool, inbox, number * 10_000, draw.uniform(0, 0.15))

    last = Spool(spool, HEADER, SMALL)
    last.seal()
    shipper = Shipper(last, FolderInbox(inbox))
    while shipper.ship():
        pass

    stored = seqs(inbox)
    assert len(acknowledged) > kills
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert all(segment.sealed for segment in segments(inbox).values())
    assert notes(inbox) == [] or {note.kind for note, _ in notes(inbox)} == {6}
    assert last.counts.damaged_files == 0
    assert segments(spool) == {}


def test_every_acknowledged_batch_survives_kills_and_is_stored_once(root: Path, tmp_path: Path) -> None:
    kill(root, tmp_path, 20)


@pytest.mark.soak
def test_every_acknowledged_batch_survives_many_kills(root: Path, tmp_path: Path) -> None:
    kill(root, tmp_path, 200)
