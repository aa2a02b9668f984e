"""Fixtures that tests of every package share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from accounting.config import write_project

ROOT = Path(__file__).parents[1]

settings.register_profile("house", deadline=None)
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded public data beside the checkout; tests that want it skip where it is not."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the public data sets are not beside this checkout (../shared/data)")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a fresh chipledger.toml."""
    folder = tmp_path / "project"
    write_project(folder)
    return folder
