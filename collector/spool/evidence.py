"""Damaged files: kept for whoever asks what happened, within bounds of their own, and told once."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from collector.spool.files import sync_folder

UNTOLD = ".gap"
TOLD = ".bad"
_NAME = re.compile(r"(\d{12})-([0-9a-f]{32}|unknown)-(\d{10})-(\d{10})(\.gap|\.bad)")


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Batches `first` to `last` of a stream that were on disk and are gone; `first` 0: nobody knows which."""

    ordinal: int
    stream: str = "unknown"
    first: int = 0
    last: int = 0

    @property
    def batches(self) -> int | None:
        """How many are gone, None where that is unknown."""
        return self.last - self.first + 1 if self.first else None

    @property
    def text(self) -> str:
        """What is gone, for people and as a key."""
        return f"{self.stream} {self.first}-{self.last}" if self.first else f"{self.stream} (file {self.ordinal})"

    def path(self, folder: Path, suffix: str) -> Path:
        """Where the damaged file is kept."""
        return folder / f"{self.ordinal:012d}-{self.stream}-{self.first:010d}-{self.last:010d}{suffix}"


class Evidence:
    """At most `most_files` damaged files of `most_bytes` in all, none older than `most_age_ns`.

    Raises `OSError`. What no batch has told yet is under `.gap`, so that a restart between finding and telling tells.
    """

    def __init__(self, folder: Path, most_files: int = 8, most_bytes: int = 4_000_000, most_age_days: int = 90) -> None:
        self._folder = folder
        self._most_files = most_files
        self._most_bytes = most_bytes
        self._most_age_ns = most_age_days * 86_400 * 10**9
        self.untold = [gap for path in sorted(folder.glob(f"*{UNTOLD}")) if (gap := _gap(path))]
        """What is to be told with the next batch."""

    def keep(self, path: Path, gap: Gap) -> None:
        """Puts a damaged file aside and its gap among the untold."""
        path.rename(gap.path(self._folder, UNTOLD))
        sync_folder(self._folder)
        self.untold.append(gap)

    def told(self, gaps: list[Gap]) -> None:
        """A batch on disk tells these gaps; older evidence may go."""
        for gap in gaps:
            gap.path(self._folder, UNTOLD).rename(gap.path(self._folder, TOLD))
            self.untold.remove(gap)
        self._bound()

    def _bound(self) -> None:
        """The newest stay. Age counts from the newest file: a clock that steps takes nothing."""
        found = sorted(
            ((path.stat(), path) for path in self._folder.glob(f"*{TOLD}")), key=lambda at: -at[0].st_mtime_ns
        )
        total = 0
        for number, (status, path) in enumerate(found):
            total += status.st_size
            old = status.st_mtime_ns < found[0][0].st_mtime_ns - self._most_age_ns
            if number >= self._most_files or total > self._most_bytes or old:
                path.unlink()


def _gap(path: Path) -> Gap | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    ordinal, stream, first, last, _ = match.groups()
    return Gap(ordinal=int(ordinal), stream=stream, first=int(first), last=int(last))
