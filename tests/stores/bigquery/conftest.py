from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("google.cloud.bigquery", reason="the extra gcp is not installed")
pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")

from tests.fakes.bigquery.serving import Loopback, serve
from tests.stores.bigquery import fleet as fleets
from tests.stores.bigquery.hosts import Host, copied, filled, settings
from tests.test_pipeline import Ledger


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with serve() as running:
        yield running


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A project with something of everything: copy it."""
    return filled(tmp_path_factory.mktemp("filled") / "p")


@pytest.fixture
def one(ledger: Ledger, loopback: Loopback, tmp_path: Path) -> Host:
    """A host with everything in its lake and nothing in the warehouse."""
    return copied(ledger, tmp_path / "one", settings(loopback))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fleets.Fleet]:
    """A small simulated company in a lake and in a warehouse; nobody changes it."""
    with serve() as running:
        yield fleets.bring(tmp_path_factory.mktemp("warehouse") / "fleet", running)
