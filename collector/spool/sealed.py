"""Sealed segments: what their file names say, and which are there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import msgspec

SEALED = ".seg"
OFFERED = ".sent"
_NAME = re.compile(r"(\d{12})-([0-9a-f]{32})-(\d{10})-(\d{10})-(\d)(\.seg|\.sent)")


class Sealed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Batches `first` to `last` of a stream, at a level of the ladder (0: as told).

    `offered`: an inbox may have it, so its bytes never change again. `sealed_ns` is the file's time of modification
    (Unix nanoseconds).
    """

    ordinal: int
    stream: str
    first: int
    last: int
    level: int = 0
    offered: bool = False
    size: int
    sealed_ns: int

    @property
    def name(self) -> str:
        """The file's name."""
        suffix = OFFERED if self.offered else SEALED
        return f"{self.ordinal:012d}-{self.stream}-{self.first:010d}-{self.last:010d}-{self.level}{suffix}"


def parse(folder: Path, name: str) -> Sealed | None:
    """What a file's name and status say, None for a file that is no sealed segment; raises `OSError`."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    ordinal, stream, first, last, level, suffix = match.groups()
    status = (folder / name).stat()
    return Sealed(
        ordinal=int(ordinal),
        stream=sys.intern(stream),
        first=int(first),
        last=int(last),
        level=int(level),
        offered=suffix == OFFERED,
        size=status.st_size,
        sealed_ns=status.st_mtime_ns,
    )


class Index:
    """The sealed segments in memory, by ordinal, and their bytes in all."""

    def __init__(self, entries: Iterable[Sealed] = ()) -> None:
        self._entries = {entry.ordinal: entry for entry in sorted(entries, key=lambda entry: entry.ordinal)}
        self.bytes = sum(entry.size for entry in self._entries.values())

    def __iter__(self) -> Iterator[Sealed]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, ordinal: int) -> bool:
        return ordinal in self._entries

    def put(self, entry: Sealed) -> None:
        """Adds a segment, or replaces the one with its ordinal, which keeps its place."""
        before = self._entries.get(entry.ordinal)
        self.bytes += entry.size - (before.size if before else 0)
        self._entries[entry.ordinal] = entry

    def remove(self, entry: Sealed) -> None:
        """Takes a segment out; raises `KeyError` where it is not there."""
        self.bytes -= self._entries.pop(entry.ordinal).size

    def oldest(self) -> Sealed | None:
        """The one to ship next: an offered one before all, then by age."""
        return min(self, key=lambda entry: (not entry.offered, entry.ordinal), default=None)

    def coarsen_next(self, top: int) -> Sealed | None:
        """The one to rewrite next: never offered, the finest, of those the oldest; None where all are at `top`."""
        movable = (entry for entry in self if not entry.offered and entry.level < top)
        return min(movable, key=lambda entry: (entry.level, entry.ordinal), default=None)

    def fuse_next(self, top: int) -> tuple[Sealed, Sealed] | None:
        """The oldest two neighbors of one stream at `top`, never offered, None where there are none."""
        for before, after in pairwise(sorted(self, key=lambda entry: entry.ordinal)):
            free = not before.offered and not after.offered and before.level == after.level == top
            if free and before.stream == after.stream and before.last + 1 == after.first:
                return before, after
        return None


def superseded(entries: Iterable[Sealed]) -> list[Sealed]:
    """Those whose batches another one has too: a rewrite was interrupted before they could be taken away."""
    gone: list[Sealed] = []
    by_stream: dict[str, Sealed] = {}
    for entry in sorted(entries, key=lambda entry: (entry.stream, entry.first, -entry.last, -entry.level)):
        before = by_stream.get(entry.stream)
        if before is not None and entry.last <= before.last:
            gone.append(entry)
        else:
            by_stream[entry.stream] = entry
    return gone
