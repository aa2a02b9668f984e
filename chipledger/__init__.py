"""chipledger: who held every accelerator-second, what it did, what it cost, who bears it.

import chipledger

ledger = chipledger.open("path/to/project")
ledger.query("SELECT team, SUM(cost) AS cost FROM charges GROUP BY team")   # a polars.DataFrame
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounting.project import Project

__version__ = "0.1.0"


def open(path: str | Path = ".") -> Project:
    """The project in a folder, or by its chipledger.toml; raises `accounting.errors.InputError` if there is none."""
    from accounting.project import open_project  # the base install has no server part

    return open_project(Path(path))
