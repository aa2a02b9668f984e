"""The public Python API, and the console script of the light install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import chipledger
from accounting.errors import InputError
from accounting.stores.lake import Lake


def test_a_project_opens_by_its_folder(project: Path) -> None:
    Lake.create(project / "lake")

    found = chipledger.open(project).query(
        "SELECT COUNT(*) AS n, SUM(cost) AS cost FROM charges WHERE team = @team", {"team": "nlp"}
    )

    assert found.rows() == [(0, None)]
    assert found.schema["cost"] == pl.Decimal(38, 9)


def test_a_folder_without_a_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"chipledger\.toml"):
        chipledger.open(tmp_path)


def test_without_the_server_part_it_says_how_to_get_it() -> None:
    hidden = (
        "import sys, importlib.util as u; found = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'polars' else found(name, *rest)\n"
        "from chipledger.command import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden], check=False, capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )

    assert done.returncode == 2
    assert done.stderr.startswith("error: polars not installed")
    assert "chipledger[server]" in done.stderr
