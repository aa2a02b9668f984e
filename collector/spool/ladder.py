"""The ladder at work: the oldest segments that no inbox may have are rewritten, one step at a time."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import structs

from collector.spool.coarse import TOP, coarser, fused
from collector.spool.counts import Counts
from collector.spool.evidence import Evidence, Gap
from collector.spool.files import sync_folder
from collector.spool.sealed import Index, Sealed
from collector.spool.settle import is_newer, write_sealed
from collector.wire import Batch, Segment, Unreadable, batch_of, encode_block, encode_header, joined, read_segment


class Ladder:
    """Rewrites and loses sealed segments of one folder; the caller holds the lock of `index`."""

    def __init__(self, folder: Path, index: Index, evidence: Evidence, counts: Counts) -> None:
        self._folder = folder
        self._index = index
        self._evidence = evidence
        self._counts = counts

    def step(self) -> bool:
        """Makes one segment coarser, or one of two; False where nothing is left to do; raises `OSError`.

        A segment that does not verify becomes evidence.
        """
        entry = self._index.coarsen_next(TOP)
        if entry is not None:
            self._coarsen(entry)
            return True
        pair = self._index.fuse_next(TOP)
        return pair is not None and self._fuse(*pair)

    def drop(self) -> bool:
        """Empties the oldest segment that no inbox may have, where there is no room to rewrite; False without one.

        The next batch tells it as a gap. Raises `OSError`.
        """
        entry = min(
            (entry for entry in self._index if not entry.offered), key=lambda entry: entry.ordinal, default=None
        )
        if entry is None:
            return False
        os.truncate(self._folder / entry.name, 0)
        self._lose(entry)
        self._counts.dropped += 1
        return True

    def load(self, entry: Sealed) -> tuple[bytes, Segment | None] | None:
        """A sealed segment that verifies, as bytes and read; not read where a newer version wrote it.

        None where it is damaged or gone, which becomes a gap that the next batch tells. Raises `OSError`.
        """
        found = _read(self._folder / entry.name, entry)
        if found is None:
            self._lose(entry)
        return found

    def _lose(self, entry: Sealed) -> None:
        path = self._folder / entry.name
        path.touch(0o600)
        gap = Gap(ordinal=entry.ordinal, stream=entry.stream, first=entry.first, last=entry.last)
        self._evidence.keep(path, gap)
        self._index.remove(entry)
        self._counts.damaged(gap.batches)

    def _coarsen(self, entry: Sealed) -> None:
        loaded = self.load(entry)
        if loaded is None:
            return
        found = loaded[1]
        if found is None:
            self._leave(entry)
            return
        level = entry.level + 1
        batch = coarser(joined(batch_of(block) for block in found.blocks), level)
        while level < 3 and not self._smaller(found, batch, entry):
            level += 1
            batch = coarser(batch, level)
        self._replace(found, batch, level, entry.last, entry)
        if level < 4:
            self._counts.coarsened += 1
        else:
            self._counts.dropped += 1

    def _smaller(self, found: Segment, batch: Batch, entry: Sealed) -> bool:
        """A step that frees less than a tenth is not worth a write."""
        block = encode_block(entry.stream, entry.first, entry.last, batch)
        return len(encode_header(found.header)) + len(block) < 0.9 * entry.size

    def _leave(self, entry: Sealed) -> None:
        """Another version's segment cannot be made coarser: it goes to the end of the ladder as it is."""
        left = structs.replace(entry, level=TOP)
        (self._folder / entry.name).rename(self._folder / left.name)
        self._index.put(left)

    def _fuse(self, before: Sealed, after: Sealed) -> bool:
        first, second = self.load(before), self.load(after)
        if first is None or second is None:
            return True
        if first[1] is None or second[1] is None:
            return False
        blocks = [*first[1].blocks, *second[1].blocks]
        self._replace(first[1], fused(map(batch_of, blocks)), TOP, after.last, before, after)
        return True

    def _replace(self, found: Segment, batch: Batch, level: int, last: int, *entries: Sealed) -> None:
        """One segment in place of `entries`; it is there before they go, so that a reader has one or both."""
        oldest = entries[0]
        new = write_sealed(self._folder, oldest.ordinal, found.header, last, batch, level, oldest.sealed_ns)
        for entry in entries[1:]:
            self._index.remove(entry)
        self._index.put(new)
        for entry in entries:
            if entry.name != new.name:
                (self._folder / entry.name).unlink()
        sync_folder(self._folder)


def _read(path: Path, entry: Sealed) -> tuple[bytes, Segment | None] | None:
    data = path.read_bytes() if path.exists() else b""
    if is_newer(data):
        return data, None
    try:
        found = read_segment(data)
    except Unreadable:
        return None
    fits = (found.header.stream, found.header.first) == (entry.stream, entry.first)
    return (data, found) if found.sealed and fits else None
