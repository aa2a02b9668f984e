from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounting.simulate.apis.prometheus import Prometheus as StandIn
from tests.fakes.prometheus.day import fleet
from tests.fakes.prometheus.server import Prometheus


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The real one, which has the day of `tests.fakes.prometheus.day`."""
    server = Prometheus(tmp_path_factory.mktemp("prometheus"), fleet())
    yield server
    server.close()


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """Ours, with the same day."""
    server = StandIn(fleet())
    yield server
    server.close()
