from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collector.inbox import FolderInbox, Inbox, Unavailable, open_inbox
from collector.ship import Shipper
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from collector.wire import object_name, read_segment
from tests.collector.bucket import Bucket, serving
from tests.collector.telling import AGENT, HEADER, segments, seqs, tell

SMALL = Limits(seal_bytes=2_000, reserve_bytes=0)


def until(true: Callable[[], bool]) -> None:
    end_ns = time.monotonic_ns() + 10**10
    while not true():
        assert time.monotonic_ns() < end_ns, "ten seconds have passed"
        time.sleep(0.005)


def stored(bucket: Bucket) -> list[tuple[str, int]]:
    found = [read_segment(data) for data in bucket.objects.values()]
    assert all(segment.sealed for segment in found)
    return sorted(
        (segment.header.stream, seq)
        for segment in found
        for block in segment.blocks
        for seq in range(block.first, block.last + 1)
    )


def test_segments_are_shipped_by_name_and_gone_here(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    spool = Spool(tmp_path / "spool", HEADER, SMALL)
    for window in range(40):
        tell(spool, window)
    spool.seal()
    told = {
        object_name(AGENT, segment.header.stream, segment.blocks[0].first, segment.blocks[-1].last)
        for segment in segments(tmp_path / "spool").values()
    }
    shipper = Shipper(spool, FolderInbox(inbox))
    while shipper.ship():
        pass

    assert {str(path.relative_to(inbox)) for path in inbox.rglob("*.seg")} == told
    assert seqs(inbox) == [(spool.stream, seq) for seq in range(1, 41)]
    assert segments(tmp_path / "spool") == {}
    status = shipper.status()
    assert (status.pending, status.pending_bytes, status.oldest_ms) == (0, 0, None)
    assert (status.stored, status.repeated, status.failures) == (len(told), 0, 0)
    assert status.last_success_age_s is not None
    assert 0 <= status.last_success_age_s < 10


def test_lost_answers_outages_and_restarts_store_every_batch_once(tmp_path: Path) -> None:
    draw = random.Random(3)
    acknowledged: list[tuple[str, int]] = []
    repeated = 0
    with serving() as bucket:
        inbox = open_inbox("s3://company", bucket.settings)
        for run in range(6):
            bucket.faults = draw.choices(["lost", "", "SlowDown", "cut", "InternalError"], [4, 3, 1, 1, 1], k=12)
            spool = Spool(tmp_path, HEADER, SMALL)
            shipper = Shipper(spool, inbox, first_wait_s=0.001, longest_wait_s=0.01, idle_s=0.005)
            shipper.start()
            acknowledged += [(spool.stream, tell(spool, run * 100 + window)) for window in range(60)]
            if run == 5:
                spool.seal()
                until(lambda shipper=shipper: shipper.status().pending == 0)  # type: ignore[misc]
            shipper.stop()
            repeated += shipper.status().repeated
            spool.close()
        last = Spool(tmp_path, HEADER, SMALL)
        shipper = Shipper(last, inbox)
        while shipper.ship():
            pass

    assert stored(bucket) == sorted(acknowledged)
    assert repeated > 0
    assert segments(tmp_path) == {}


class Down:
    """An inbox that answers nothing for `outage` puts, and then lets `inbox` answer."""

    def __init__(self, inbox: Inbox, outage: int) -> None:
        self.inbox = inbox
        self.outage = outage

    def put(self, name: str, data: bytes) -> bool:
        self.outage -= 1
        if self.outage >= 0:
            raise Unavailable("the inbox is down")
        return self.inbox.put(name, data)


def test_waits_double_up_to_a_bound_and_are_drawn_from_all_of_it(tmp_path: Path) -> None:
    bounds: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        bounds.append((low, high))
        return 0.001

    inbox = tmp_path / "inbox"
    inbox.mkdir()
    spool = Spool(tmp_path / "spool", HEADER, Limits(seal_bytes=1, reserve_bytes=0))
    tell(spool, 0)
    shipper = Shipper(spool, Down(FolderInbox(inbox), 12), draw=draw, idle_s=0.001)
    assert not shipper.status().running
    shipper.start()
    until(lambda: shipper.status().stored == 1)
    assert shipper.status().running
    shipper.stop()

    assert bounds == [(0, min(300, 2**n)) for n in range(12)]
    status = shipper.status()
    assert (status.failures, status.last_error, status.running) == (12, "", False)


def test_an_outage_is_told_and_holds_up_no_append(tmp_path: Path) -> None:
    class Hanging:
        def put(self, name: str, data: bytes) -> bool:
            time.sleep(0.5)
            raise Unavailable("the inbox is down")

    spool = Spool(tmp_path, HEADER, SMALL)
    tell(spool, 0)
    spool.seal()
    shipper = Shipper(spool, Hanging(), first_wait_s=0.001, longest_wait_s=0.001)
    shipper.start()
    until(lambda: bool(list(tmp_path.glob("*.sent"))))
    start_ns = time.monotonic_ns()
    for window in range(1, 30):
        tell(spool, window)
    assert time.monotonic_ns() - start_ns < 0.45 * 10**9
    until(lambda: shipper.status().failures > 0)
    status = shipper.status()
    shipper.stop()

    assert status.last_error == "the inbox is down"
    assert status.pending >= 1
    assert status.pending_bytes > 0
    assert status.oldest_ms is not None
    assert status.last_success_age_s is None


def test_an_offered_segment_comes_first_after_a_restart_with_the_same_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, HEADER, SMALL)
    for window in range(40):
        tell(spool, window)
    first = spool.offer()
    spool.close()
    again = Spool(tmp_path, HEADER, SMALL).offer()

    assert first is not None
    assert again is not None
    assert (again.name, again.data) == (first.name, first.data)


def test_a_segment_stays_until_the_inbox_has_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", HEADER, SMALL)
    tell(spool, 0)
    spool.seal()
    shipper = Shipper(spool, FolderInbox(tmp_path / "missing"))

    with pytest.raises(Unavailable):
        shipper.ship()
    assert len(segments(tmp_path / "spool")) == 1
    (tmp_path / "missing").mkdir()
    assert shipper.ship()
    assert segments(tmp_path / "spool") == {}


class Odd:
    """A store whose library raises what nobody thought of, twice."""

    def __init__(self) -> None:
        self.left = 2

    def put(self, name: str, data: bytes) -> bool:
        self.left -= 1
        if self.left >= 0:
            raise TypeError("unheard of")
        return True


def test_whatever_a_store_raises_shipping_goes_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", HEADER, SMALL)
    tell(spool, 1)
    spool.seal()
    shipper = Shipper(spool, Odd(), first_wait_s=0.01)
    shipper.start()
    until(lambda: shipper.status().stored == 1)
    assert (shipper.status().failures, shipper.status().running) == (2, True)
    shipper.stop()
