"""What happened to the spool since it was opened, for metrics."""

from __future__ import annotations

import msgspec


class Counts(msgspec.Struct):
    """Events since the spool was opened.

    `failed_writes`: appends whose fate is unknown. `failed_seals`: logs that wait for another try. `failed_upkeep`:
    failures that cost nothing but room. `refused`: batches not written as there was no room. `damaged_batches` are
    those that are known by number, `damaged_files` all.
    """

    batches: int = 0
    streams: int = 1
    torn: int = 0
    failed_writes: int = 0
    failed_seals: int = 0
    failed_upkeep: int = 0
    refused: int = 0
    damaged_files: int = 0
    damaged_batches: int = 0
    coarsened: int = 0
    dropped: int = 0

    def damaged(self, batches: int | None) -> None:
        """Counts a damaged file with so many batches."""
        self.damaged_files += 1
        self.damaged_batches += batches or 0


class Status(msgspec.Struct, frozen=True):
    """How full the spool is: bytes in all, of sealed segments and their number, and when the oldest was sealed.

    `oldest_ms` is in Unix milliseconds, None without a sealed segment.
    """

    used_bytes: int
    sealed_bytes: int
    sealed: int
    oldest_ms: int | None
    coarsest_level: int
    counts: Counts
