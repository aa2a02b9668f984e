"""Temporary files of one import, removed when it ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from accounting.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Scratch:
    """Hands out paths on the lake's disk."""

    lake: Lake
    paths: list[Path] = field(default_factory=list)

    def path(self, suffix: str = "") -> Path:
        """A new path."""
        path = self.lake.scratch().with_suffix(suffix)
        self.paths.append(path)
        return path


@contextmanager
def scratch(lake: Lake) -> Iterator[Scratch]:
    """Paths for temporary files; whatever was written there is removed at the end."""
    made = Scratch(lake)
    try:
        yield made
    finally:
        for path in made.paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
