"""Price books that chipledger makes itself: a CSV that stays visible, imported like any other."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from accounting.errors import StoreError
from accounting.inputs import mapping
from accounting.inputs.importing import Outcome, import_file
from accounting.inputs.mapping import Settings
from accounting.project import Project

FOLDER = "prices"
"""Where they lie, beside chipledger.toml."""

Row = Mapping[str, object]


def import_book(
    project: Project,
    rows: Sequence[Row],
    name: str,
    source: str,
    now: int,
    progress: Callable[[str, float | None], None],
) -> tuple[Path, Outcome]:
    """Writes the rows, keyed by columns of `prices`, as prices/NAME.csv and imports them under a source.

    The file is there only if it was imported. Raises `InputError` as an import does, `now` is in ms.
    """
    folder = project.config.folder / FOLDER
    columns = list(rows[0])
    told = mapping.Mapping(folder / f"{name}.csv", Settings(columns={column: column for column in columns}))
    lake = project.lake
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".") as made:
            file = Path(made) / f"{name}.csv"
            with file.open("w", encoding="utf-8", newline="") as opened:
                writer = csv.DictWriter(opened, columns, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
            outcome = import_file(
                lake,
                "prices",
                file,
                told,
                now=now,
                source=source,
                aliases=project.config.aliases,
                strict=True,
                progress=progress,
            )
            file.replace(told.path)
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return told.path, outcome
