"""The example company, imported and run once; pages run on it by AppTest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from streamlit.testing.v1 import AppTest

from accounting import checks, pipeline, plan
from accounting.config import load_config, write_project
from accounting.core.account import account
from accounting.inputs.importing import import_file, silent
from accounting.inputs.mapping import load_mapping
from accounting.inventory import partition
from accounting.stores.lake import Lake, PublishedDay, new_publication
from accounting.tables import RESULTS
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


@pytest.fixture(scope="session")
def unwell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example company, every device of which could not be used for hours; nobody changes it."""
    folder = new(tmp_path_factory.mktemp("unwell") / "p")
    bring(folder, *KINDS)
    publish_unwell(folder)
    return folder


def publish_unwell(folder: Path) -> None:
    """Publishes every day of the project as if each of its devices had been broken from six to nine."""
    config = load_config(folder)
    lake = Lake.open(config.lake)
    inventory, _, todo, _ = pipeline.pending(config)
    halo, publication, staged = plan.halo_ms(config.policies), new_publication(NOW), []
    for day in todo:
        hours = [day.start + hour * 3_600_000 for hour in (6, 9, 24)]
        told = partition(inventory, day.span, day.start, hours[2], config.policies, config.zones, halo)
        devices = inventory.capacity.select("device_id").drop_nulls().unique()
        spans = devices.with_columns(start_ms=pl.lit(hours[0]), end_ms=pl.lit(hours[1]))
        results = account(replace(told, health=spans))
        for table in RESULTS:
            rows = getattr(results, table.name)
            if rows.height:
                staged.append(lake.stage(table, rows.with_columns(publication=pl.lit(publication))))
    verdict = checks.check_staged(lake, inventory, [todo[0].span], config.policies, todo, staged)
    assert not verdict.failures
    days = [PublishedDay(d.span.cluster, d.day, d.fingerprint, d.base) for d in todo]
    summary = {"cost": None, "usage_rows": 0, "charge_rows": 0, "cluster_days": len(days)}
    bounds = {"from_day": str(todo[0].day), "to_day": str(todo[-1].day)}
    amounts = dict.fromkeys(("residual_seconds", "residual_cost", "unpriced_seconds"), "0")
    lake.publish(publication, days, staged, NOW, NOW, summary | bounds | amounts)


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


def explain() -> None:
    from app import shell

    shell.main("explain")


PAGES: dict[str, Callable[[], None]] = {
    "overview": overview,
    "idle": idle,
    "chargeback": chargeback,
    "explain": explain,
}


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
