"""A BigQuery on loopback, in threads of the test that asks for it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.fakes.bigquery import storage
from tests.fakes.bigquery.faults import Faults
from tests.fakes.bigquery.service import Service
from tests.fakes.bigquery.wire import Server


@dataclass(frozen=True)
class Loopback:
    """Where it serves, what goes wrong there, and what was asked of it."""

    url: str
    grpc: str
    service: Service

    @property
    def faults(self) -> Faults:
        return self.service.faults

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of each request of REST, in order."""
        return self.service.requests

    @property
    def loads(self) -> Counter[str]:
        """Load jobs that succeeded, by `dataset.table`."""
        return self.service.loads

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        """Rows of a statement in DuckDB's dialect on the tables as they are; a dataset is a schema."""
        return self.service.catalog.run(text)


@contextmanager
def serve(port: int = 0, grpc_port: int = 0) -> Iterator[Loopback]:
    """Serves until the block ends; 0: any free port."""
    service = Service()
    with Server(service, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        reading, address = storage.start(service, grpc_port)
        try:
            yield Loopback(server.url, address, service)
        finally:
            reading.stop(0).wait()
            server.shutdown()
            thread.join()
            service.catalog.database.close()
