from __future__ import annotations

import time

from tests.cli.conftest import Shell, refused
from tests.segments import Node


def test_ingest_and_run(empty: Shell) -> None:
    node = Node()
    for begin, end in ((1, 50), (101, 144)):
        node.segment(begin, end).put(empty.folder / "inbox")
    (empty.folder / "inbox" / "segments" / "a" / "odd.seg").write_bytes(b"odd")

    done = empty("ingest")
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith(
        "2 segments ingested, 0 known, 1 quarantined: 282 records of 1 agents; the newest record is "
    )
    assert rest == [
        "  quarantined segments/a/odd.seg: not a segment: it does not begin like one",
        "  missing: 50 batches that agents wrote have not come, of node-a",
    ]
    assert (
        empty("ingest").stdout.splitlines()[0] == "0 segments ingested, 0 known, 0 quarantined: 0 records of 0 agents"
    )
    assert " 2 segments " in empty("imports").stdout

    assert empty("run").returncode == 3
    status = empty("status").stdout
    assert "imports: 1 of agent (282 rows); 1 rows in quarantine" in status
    assert "missing: 50 batches that agents wrote have not come, of node-a" in status
    assert "warn  agents: missing: 50 batches" in empty("doctor").stdout
    assert empty("check").returncode == 0


def test_watch_goes_on(empty: Shell) -> None:
    process = empty.start("ingest", "--watch", "0.2")
    Node().segment(1, 5).put(empty.folder / "inbox")
    assert process.stdout is not None
    said = ""
    deadline = time.monotonic() + 60
    while "1 segments ingested" not in said and time.monotonic() < deadline:
        said = process.stdout.readline()
    process.terminate()
    process.communicate()

    assert said.startswith("1 segments ingested")


def test_another_inbox(empty: Shell) -> None:
    elsewhere = empty.folder.parent / "elsewhere"
    Node().segment(1, 5).put(elsewhere)

    assert empty("ingest", "--inbox", str(elsewhere)).stdout.startswith("1 segments ingested")
    assert not (empty.folder / "inbox").exists()


def test_an_inbox_that_cannot_be_is_told(empty: Shell) -> None:
    assert "inbox ftp://x: ftp is not known" in refused(empty, "ingest", "--inbox", "ftp://x")
    (empty.folder / "file").write_text("")
    assert "--inbox file: there is no folder" in refused(empty, "ingest", "--inbox", "file")


def test_kept_segments_stay(empty: Shell) -> None:
    (empty.folder / "chipledger.toml").write_text('[inbox]\npath = "there"\nkeep = true\n')
    path = Node().segment(1, 5).put(empty.folder / "there")

    assert empty("ingest").stdout.startswith("1 segments ingested")
    assert empty("ingest").stdout.startswith("0 segments ingested, 0 known")
    assert path.exists()
