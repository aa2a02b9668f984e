"""The spool: an append that has returned survives kill -9 and power loss, and is shipped exactly once by its key."""

from __future__ import annotations

import errno
import os
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from collector.spool.counts import Counts, Status
from collector.spool.errors import Full, Uncertain
from collector.spool.evidence import Evidence, Gap
from collector.spool.files import sync_folder
from collector.spool.ladder import Ladder
from collector.spool.limits import Limits, allowed_bytes, free_reserve, keep_reserve
from collector.spool.lock import lock
from collector.spool.log import Log, log_path
from collector.spool.names import Interner
from collector.spool.recovery import recover, settle_into
from collector.spool.sealed import Sealed
from collector.wire import (
    NOTES,
    UNKNOWN,
    Batch,
    Header,
    Names,
    Note,
    Segment,
    encode_block,
    encode_end,
    encode_header,
    object_name,
)

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
MOST_STEPS = 32
"""Steps of the ladder in one append, so that a disk that others fill does not hold the caller up for long."""


class Offer(NamedTuple):
    """A sealed segment for an inbox: the object's name, its bytes, and which it is here."""

    name: str
    data: bytes
    entry: Sealed


class Spool:
    """The folder's one writer. `append`, `seal` and `close` belong to one thread, `offer` and `delivered` to another.

    `header` says where batches come from; its stream, first seq and predecessor are the spool's to fill in. Opening
    raises `Locked` and `OSError`.
    """

    def __init__(
        self,
        folder: Path,
        header: Header,
        limits: Limits | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.counts = Counts()
        self.names = Interner()
        """Positions for the next batch; another object once a new segment has begun."""
        self._folder = folder
        self._limits = limits or Limits()
        self._clock_ns = clock_ns
        self._guard = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._lock = lock(folder)
        self._evidence = Evidence(folder)
        self._index, waiting, self._ordinal = recover(folder, self._evidence, self.counts)
        self._waiting = {path: (path.stat().st_size, 0) for path in waiting}
        self._ladder = Ladder(folder, self._index, self._evidence, self.counts)
        self._log: Log | None = None
        self._log_opened_ns = 0
        self._seq = 0
        newest = max(self._index, key=lambda entry: entry.ordinal, default=None)
        self._header = _begun(header, newest.stream if newest else "", newest.last if newest else 0)
        self._try(self._keep_reserve)
        self._try(self._shrink)

    @property
    def stream(self) -> str:
        """What this run tells until a write fails, as 32 hexadecimal digits."""
        return self._header.stream

    @property
    def used_bytes(self) -> int:
        """What counts towards the bound: all but evidence."""
        log = self._log
        waiting = sum(size for size, _ in list(self._waiting.values()))
        return self._index.bytes + waiting + (log.size if log else 0) + self._limits.reserve_bytes

    def append(self, batch: Batch) -> int:
        """The batch's seq in `stream`, once it is durable. Its names must be the positions that `names` gives.

        Raises `Full` and `Uncertain`, and `ValueError` or `OverflowError` for rows that no segment can hold.
        """
        gaps = list(self._evidence.untold)
        block = self._block(batch, gaps)
        self._make_room(len(block))
        try:
            self._log = self._log or self._begin()
            self._log.write(block)
        except OSError as error:
            self._fail(error)
            raise Uncertain(f"{self._folder}: {error.strerror}; whether the last batch was kept is unknown") from error
        self._seq += 1
        seq = self._seq
        self.counts.batches += 1
        self.names.told()
        if gaps:
            self._try(partial(self._tell, gaps))
        self.tend()
        return seq

    def tend(self) -> None:
        """Seals the log if it is due, which an append does too: for a caller that appends seldom."""
        if self._due():
            self.seal()

    def seal(self) -> None:
        """Seals the log, if there is one, so that it can be shipped; a failure is counted and tried again later."""
        if self._log is not None:
            self._retire(self._log)
        self._settle()
        self._try(self._keep_reserve)

    def _settle(self) -> None:
        for path, (_, appended) in list(self._waiting.items()):
            with self._guard:
                if settle_into(self._index, path, self._evidence, self.counts, appended):
                    del self._waiting[path]

    def close(self) -> None:
        """Seals the log and lets another agent have the folder."""
        self.seal()
        os.close(self._lock)

    def offer(self) -> Offer | None:
        """The next segment to ship, marked so that it never changes again, None without one; raises `OSError`."""
        with self._guard:
            found = self._sound()
            if found is None:
                return None
            entry, data, segment = found
            offered = structs.replace(entry, offered=True)
            if not entry.offered:
                (self._folder / entry.name).rename(self._folder / offered.name)
                self._index.put(offered)
        if not entry.offered:
            sync_folder(self._folder)
        agent = segment.header.agent if segment else self._header.agent
        return Offer(object_name(agent, entry.stream, entry.first, entry.last), data, offered)

    def delivered(self, offer: Offer) -> None:
        """An inbox has the segment: it need not be here; raises `OSError`."""
        with self._guard:
            (self._folder / offer.entry.name).unlink(missing_ok=True)
            self._index.remove(offer.entry)

    def status(self) -> Status:
        """How full the spool is, and a copy of what happened."""
        with self._guard:
            oldest = min((entry.sealed_ns for entry in self._index), default=None)
            coarsest = max((entry.level for entry in self._index), default=0)
            sealed, size = len(self._index), self._index.bytes
        return Status(
            used_bytes=self.used_bytes,
            sealed_bytes=size,
            sealed=sealed,
            oldest_ms=None if oldest is None else oldest // 1_000_000,
            coarsest_level=coarsest,
            counts=structs.replace(self.counts),
        )

    def _sound(self) -> tuple[Sealed, bytes, Segment | None] | None:
        """The oldest segment that verifies; those that do not are put aside on the way."""
        while (entry := self._index.oldest()) is not None:
            loaded = self._ladder.load(entry)
            if loaded is not None:
                return entry, *loaded
        return None

    def _block(self, batch: Batch, gaps: list[Gap]) -> bytes:
        if batch.names != Names():
            raise ValueError("the names of a batch are the spool's to fill in")
        self.names.check(batch)
        notes = [*batch.notes, *(self._note(gap) for gap in gaps)]
        told = structs.replace(batch, names=self.names.new, notes=notes)
        return encode_block(self.stream, self._seq + 1, self._seq + 1, told)

    def _note(self, gap: Gap) -> Note:
        value = UNKNOWN if gap.batches is None else gap.batches
        return Note(self._now_ms(), UNKNOWN, NOTES.index("damaged"), value, self.names.text(gap.text))

    def _now_ms(self) -> int:
        since_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._header.boot_ns
        return self._header.wall_ms + since_ns // 1_000_000

    def _tell(self, gaps: list[Gap]) -> None:
        with self._guard:
            self._evidence.told(gaps)

    def _begin(self) -> Log:
        self._ordinal += 1
        log = Log(log_path(self._folder, self._ordinal), structs.replace(self._header, first=self._seq + 1))
        self._log_opened_ns = self._clock_ns()
        return log

    def _due(self) -> bool:
        if self._log is None:
            return False
        age_ns = self._clock_ns() - self._log_opened_ns
        return self._log.size >= self._limits.seal_bytes or age_ns >= self._limits.seal_after_s * 1e9

    def _retire(self, log: Log) -> None:
        """No more is written to the log; it waits to be sealed."""
        self._log = None
        self._waiting[log.path] = (log.size, self._seq)
        self.names = Interner()
        self._try(log.close)

    def _fail(self, error: OSError) -> None:
        """After a failed write the log is not touched again, and no seq of its stream has a second meaning."""
        self.counts.failed_writes += 1
        if self._log is not None:
            self._retire(self._log)
            previous = (self.stream, self._seq) if self._seq else (self._header.previous, self._header.previous_last)
            self._header = _begun(self._header, *previous)
            self._seq = 0
            self.counts.streams += 1
        self.names = Interner()
        if error.errno in NO_SPACE:
            self._try(self._relieve)

    def _relieve(self) -> None:
        """Room on a full disk: the reserve's, then what logs free once sealed, then the ladder's."""
        freed = free_reserve(self._folder)
        self._settle()
        target = self.used_bytes - self._limits.seal_bytes // 4
        for _ in range(0 if freed else MOST_STEPS):
            if self.used_bytes <= target or not self._step():
                return

    def _step(self) -> bool:
        with self._guard:
            try:
                return self._ladder.step()
            except OSError as error:
                if error.errno not in NO_SPACE:
                    raise
                return free_reserve(self._folder) or self._ladder.drop()

    def _make_room(self, needed: int) -> None:
        """Raises `Full`."""
        if self._log is None:
            needed += len(encode_header(self._header)) + len(encode_end(self.stream, 1, 1))
        self._try(partial(self._climb, needed))
        if self.used_bytes + needed > self._limits.most_bytes:
            self.counts.refused += 1
            raise Full(f"{self._folder}: no room for {needed} bytes within {self._limits.most_bytes}")

    def _climb(self, needed: int) -> None:
        """The bound is kept at any cost; for what others fill, a few steps an append are enough."""
        steps = 0
        while self._spare() < needed and self._step():
            steps += 1
            if steps >= MOST_STEPS and self.used_bytes + needed <= self._limits.most_bytes:
                return

    def _shrink(self) -> None:
        """After the limits were lowered: as many steps as it takes."""
        while self.used_bytes > self._limits.most_bytes and self._step():
            continue

    def _spare(self) -> int:
        used = self.used_bytes
        return allowed_bytes(self._folder, self._limits, used) - used

    def _keep_reserve(self) -> None:
        if self._spare() >= self._limits.reserve_bytes:
            keep_reserve(self._folder, self._limits.reserve_bytes)

    def _try(self, step: Callable[[], None]) -> None:
        """Upkeep whose failure costs no batch: counted, and done again at the next occasion."""
        try:
            step()
        except OSError:
            self.counts.failed_upkeep += 1


def _begun(header: Header, previous: str, previous_last: int) -> Header:
    return structs.replace(header, stream=uuid.uuid4().hex, first=1, previous=previous, previous_last=previous_last)
