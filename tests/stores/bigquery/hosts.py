"""Hosts that share a warehouse: each has a lake of its own."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from google.cloud import bigquery
from google.oauth2.credentials import Credentials

from accounting.config import BigQueryTable, load_config, write_project
from accounting.inputs.importing import silent
from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import IMPORTED
from accounting.stores.bigquery.client import Warehouse, connect
from accounting.stores.bigquery.pull import Pulled, pull
from accounting.stores.bigquery.push import Pushed, push
from accounting.stores.lake import Lake
from accounting.tables import RESULTS, SOURCES
from tests.fakes.bigquery.serving import Loopback
from tests.segments import Node
from tests.test_ingest import bring as bring_segments
from tests.test_pipeline import FILES, Ledger

PROJECT, DATASET = "acme", "gpu"
VIEWS = (*(t.name for t in RESULTS), "publications", "runs", "quarantine", "live_publications")
BAD_JOBS = "workload_id,accelerator,quantity,start,end\nx,T4,-1,2025-01-30T00:00:00Z,2025-01-30T01:00:00Z\n"


def settings(loopback: Loopback, dataset: str = DATASET, *, streamed: bool = True) -> BigQueryTable:
    return BigQueryTable(
        project=PROJECT, dataset=dataset, endpoint=loopback.url, storage_endpoint=loopback.grpc if streamed else ""
    )


@dataclass
class Host:
    """A project whose store is the loopback server."""

    ledger: Ledger
    warehouse: Warehouse

    @property
    def lake(self) -> Lake:
        return self.ledger.lake

    def push(self) -> Pushed:
        return push(self.lake, self.warehouse, silent)

    def pull(self) -> Pulled:
        return pull(self.ledger.project.config.lake, self.warehouse, silent)


def host(folder: Path, asked: BigQueryTable) -> Host:
    """A host with an empty lake."""
    Lake.create(load_config(write_project(folder, asked)).lake)
    return Host(Ledger(folder), connect(asked))


def filled(folder: Path) -> Ledger:
    """A project of every kind of input: files, bad rows, an undone import, what an agent told; run twice."""
    Lake.create(load_config(write_project(folder)).lake)
    ledger = Ledger(folder)
    for kind, text in FILES.items():
        ledger.bring(kind, text)
    ledger.bring("jobs", BAD_JOBS)
    bring_segments(ledger, Node("a").segment(1, 60), Node("a").segment(61, 70))
    ledger.run()
    gone = ledger.bring("jobs", FILES["jobs"].replace("long", "longer"), source="again").record
    ledger.lake.undo_import(gone.seq)
    ledger.lake.undo_import(3)
    ledger.bring("prices", FILES["prices"].replace("2.5,", "3.5,"), source="list")
    ledger.run()
    return ledger


def copied(ledger: Ledger, folder: Path, asked: BigQueryTable) -> Host:
    """A host with a copy of a project's lake."""
    shutil.copytree(ledger.folder, folder)
    (folder / "chipledger.toml").unlink()
    write_project(folder, asked)
    return Host(Ledger(folder), connect(asked))


def shown(warehouse: Warehouse) -> dict[str, list[tuple[object, ...]]]:
    """Every row that counts, by view, as BigQuery's views give them."""
    names = [("", name) for name in VIEWS] + [("input", kind) for kind in SOURCES]
    return {f"{schema}.{name}": _asked(warehouse, schema, name) for schema, name in names}


def _asked(warehouse: Warehouse, schema: str, name: str) -> list[tuple[object, ...]]:
    place = places.table(warehouse.settings, schema, name)
    raw = schema == "input" and SOURCES[name].raw
    only = " WHERE start_ms > 0" if raw else ""
    rows = warehouse.client.query(f"SELECT * FROM `{place}`{only}").result()
    return sorted((tuple(row.values()) for row in rows), key=repr)


def held(ledger: Ledger) -> dict[str, list[tuple[object, ...]]]:
    """The same of the lake."""
    queries = {f".{name}": f"SELECT * FROM {name}" for name in VIEWS}
    queries |= {f"input.{kind}": f"SELECT * FROM input.{kind}" for kind in SOURCES}
    with closing(ledger.project.lake_reader()) as reader:
        return {name: sorted(reader.query(text).rows(), key=repr) for name, text in queries.items()}


def differing(one: Host) -> list[str]:
    """Names of views of which lake and warehouse have other rows."""
    mine, theirs = held(one.ledger), shown(one.warehouse)
    return [name for name in mine if not _same(mine[name], theirs[name])]


def _same(mine: list[tuple[object, ...]], theirs: list[tuple[object, ...]]) -> bool:
    """Equal as values: 1.500 and 1.500000000 are."""
    return sorted(map(_plain, mine)) == sorted(map(_plain, theirs))


def _plain(row: tuple[object, ...]) -> str:
    return repr([_cell(value) for value in row])


def _cell(value: object) -> str:
    return f"{value:.9f}" if type(value).__name__ == "Decimal" else str(value)


def loads_twice(loopback: Loopback, dataset: str = DATASET) -> list[tuple[object, ...]]:
    """Units whose rows are more than once in a table, or not all there."""
    found: list[tuple[object, ...]] = []
    for table, unit, rows in loopback.sql(f'SELECT "table", unit, "rows" FROM {dataset}_store.loads'):
        key = "import_seq" if table in IMPORTED else "publication"
        text = f"SELECT COUNT(*) FROM {dataset}_store.\"{table}\" WHERE CAST({key} AS VARCHAR) = '{unit}'"
        ((there,),) = loopback.sql(text)
        if there != rows:
            found.append((table, unit, rows, there))
    return found


def as_user(loopback: Loopback, user: str) -> bigquery.Client:
    """A client that may do what the datasets let the user do."""
    options = {"api_endpoint": loopback.url}
    token = Credentials(user)  # type: ignore[no-untyped-call]
    return bigquery.Client("acme", credentials=token, client_options=options, location="US")
