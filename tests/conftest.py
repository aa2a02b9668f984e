"""Fixtures that tests of every package share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from accounting.config import load_config, write_project
from accounting.stores.lake import Lake

ROOT = Path(__file__).parents[1]

settings.register_profile("house", deadline=None)
settings.load_profile("house")
# after the profile: what a test module decorates keeps that of its import
from tests.test_pipeline import FILES, Ledger  # noqa: E402


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


@pytest.fixture(scope="session")
def accounted(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """The small company of tests.test_pipeline, which was run; nobody changes it."""
    ledger = Ledger(tmp_path_factory.mktemp("accounted") / "p")
    Lake.create(load_config(write_project(ledger.folder)).lake)
    for kind, text in FILES.items():
        ledger.bring(kind, text)
    ledger.run()
    return ledger


@pytest.fixture
def ledger(accounted: Ledger, tmp_path: Path) -> Ledger:
    """A copy of it."""
    shutil.copytree(accounted.folder, tmp_path / "p")
    return Ledger(tmp_path / "p")
