from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from accounting.inputs.effective import effective
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import load_mapping
from accounting.stores.lake import Lake

NOW = 1_750_000_000_000


@dataclass(frozen=True)
class Desk:
    """A lake, and a folder to write foreign files in."""

    lake: Lake
    folder: Path

    def bring(
        self,
        kind: str,
        content: str | bytes | Path,
        mapping: str,
        name: str = "file.csv",
        *,
        source: str | None = None,
        strict: bool = False,
        aliases: dict[str, str] | None = None,
    ) -> Outcome:
        path = content if isinstance(content, Path) else self.folder / name
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        said = self.folder / "map.toml"
        said.write_text(mapping)
        told = load_mapping(said)
        return import_file(self.lake, kind, path, told, now=NOW, source=source, aliases=aliases, strict=strict)

    def taken(self, kind: str) -> pl.DataFrame:
        return self.lake.scan_input(kind).sort("import_seq", "row").collect()

    def effective(self, kind: str) -> pl.DataFrame:
        return effective(self.lake, kind).sort("import_seq", "row").collect()

    def rejected(self) -> list[tuple[int, str | None, str]]:
        rows = self.lake.scan_quarantine().sort("import_seq", "row").select("row", "column", "reason").collect()
        return [(row, column, reason) for row, column, reason in rows.iter_rows()]

    def leftovers(self) -> list[Path]:
        return self.lake.orphans()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def make_desk(folder: Path) -> Desk:
    return Desk(Lake.create(folder / "lake"), folder)


@pytest.fixture
def fresh_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    return lambda: make_desk(tmp_path_factory.mktemp("desk"))
