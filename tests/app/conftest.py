"""The example company, imported and run once; pages run on it by AppTest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from accounting import pipeline
from accounting.config import load_config, write_project
from accounting.inputs.importing import import_file, silent
from accounting.inputs.mapping import load_mapping
from accounting.stores.lake import Lake
from app.source import FOLDER

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
KINDS = ("capacity", "prices", "teams", "jobs", "samples")
NOW = 1_775_000_000_000


def bring(folder: Path, *kinds: str) -> None:
    """Imports the example files of these kinds."""
    lake = Lake.open(folder / "lake")
    for number, kind in enumerate(kinds):
        mapping = load_mapping(EXAMPLES / f"{kind}.toml")
        import_file(lake, kind, EXAMPLES / f"{kind}.csv", mapping, now=NOW + number * 1000)


def new(folder: Path) -> Path:
    """A project with an empty lake."""
    Lake.create(load_config(write_project(folder)).lake)
    return folder


def run(folder: Path) -> None:
    pipeline.run(load_config(folder), None, None, silent)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example company; nobody changes it."""
    folder = new(tmp_path_factory.mktemp("company") / "p")
    bring(folder, *KINDS)
    run(folder)
    return folder


@pytest.fixture
def own(company: Path, tmp_path: Path) -> Path:
    """A company of one's own."""
    shutil.copytree(company, tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return new(tmp_path / "empty")


def overview() -> None:
    from app import shell

    shell.main("overview")


def idle() -> None:
    from app import shell

    shell.main("idle")


def chargeback() -> None:
    from app import shell

    shell.main("chargeback")


PAGES: dict[str, Callable[[], None]] = {"overview": overview, "idle": idle, "chargeback": chargeback}


class Page:
    """A page as it was rendered: its elements, and its HTML as one text."""

    def __init__(self, test: AppTest) -> None:
        self.test = test

    @property
    def html(self) -> str:
        return "\n".join(str(element.proto.body) for element in self.test.get("html"))


Open = Callable[..., Page]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch) -> Open:
    """Opens a page of a project, with an address; nothing may have failed in it."""

    def opened(folder: Path, page: str, **address: str) -> Page:
        monkeypatch.setenv(FOLDER, str(folder))
        test = AppTest.from_function(PAGES[page], default_timeout=30)
        for name, value in address.items():
            test.query_params[name] = value
        test.run()
        assert [e.value for e in test.exception] == []
        assert len(test.error) == 0
        return Page(test)

    return opened
