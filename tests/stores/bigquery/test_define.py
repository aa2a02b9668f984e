"""Datasets, tables and views: made once, brought up to date, never changed where they are newer."""

from __future__ import annotations

import hashlib
import json

import pytest
from google.cloud import bigquery

from accounting.errors import InputError, StoreError
from accounting.inputs.importing import silent
from accounting.stores.bigquery import places
from accounting.stores.bigquery.catalog import FORMAT, LABEL, STORED, SWITCH
from accounting.stores.bigquery.client import Warehouse, connect
from accounting.stores.bigquery.define import define, format_of, ready, resource, views
from accounting.stores.bigquery.push import push
from accounting.stores.bigquery.session import ask, changed
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback
from tests.stores.bigquery.hosts import Host, as_user, differing, settings

DEFINITIONS = {1: "3c6395d956d9d1de"}
"""By format, the digest of all definitions: where it changes, the format has to grow."""


@pytest.fixture
def warehouse(loopback: Loopback) -> Warehouse:
    return connect(settings(loopback))


def test_everything_is_made_once(warehouse: Warehouse, loopback: Loopback) -> None:
    first = define(warehouse, silent)
    assert "acme.gpu_store.usage" in first.made
    assert "acme.gpu.charges" in first.made
    asked = len(loopback.requests)

    again = define(warehouse, silent)
    assert (again.made, again.changed) == ([], [])
    assert {method for method, _ in loopback.requests[asked:]} == {"GET"}
    assert format_of(warehouse) == FORMAT
    assert loopback.sql("SELECT generation FROM gpu.switch") == [(0,)]


def test_lost_answers_change_nothing(warehouse: Warehouse, loopback: Loopback) -> None:
    loopback.faults.add(Fault("POST|PATCH", when="after", probability=0.4, times=1000))
    define(warehouse, silent)
    _label(warehouse, "0")
    loopback.sql("ALTER TABLE gpu_store.faults DROP COLUMN cost")
    kept = loopback.service.catalog.tables["gpu_store", "faults"]
    kept.body["schema"]["fields"] = [f for f in kept.body["schema"]["fields"] if f["name"] != "cost"]
    loopback.faults.clear()
    loopback.faults.add(Fault("PATCH", when="after", times=3))
    define(warehouse, silent)

    assert loopback.faults.happened > 10
    assert warehouse.client.get_table("gpu_store.faults").schema[-1].name == "cost"
    assert format_of(warehouse) == FORMAT


def test_tables_are_as_they_are_stated(warehouse: Warehouse) -> None:
    define(warehouse, silent)
    for table in STORED.values():
        made = warehouse.client.get_table(places.stored(warehouse.settings, table.name))
        assert [c.name for c in made.schema] == table.names
        assert [c.mode == "REQUIRED" for c in made.schema] == [c.required for c in table.columns]
        assert [c.description for c in made.schema] == [c.doc for c in table.columns]
        assert (made.clustering_fields or []) == list(table.cluster_by)
        assert bool(made.require_partition_filter) == table.raw
        partition = made.time_partitioning or made.range_partitioning
        assert (partition.field if partition else None) == table.partition_by


def test_raw_rows_are_read_by_day_only(one: Host) -> None:
    one.push()
    client, place = one.warehouse.client, places.table(one.warehouse.settings, "input", "agent_records")
    with pytest.raises(Exception, match="without a filter over column"):
        client.query(f"SELECT COUNT(*) AS n FROM `{place}`").result()
    (row,) = client.query(f"SELECT COUNT(*) AS n FROM `{place}` WHERE start_ms >= 1738281600000").result()
    assert row.n > 0


def test_an_older_warehouse_gets_what_it_lacks(one: Host, loopback: Loopback) -> None:
    """Made by a chipledger that had a column less, a view less and another view."""
    one.push()
    client, store = one.warehouse.client, places.dataset(one.warehouse.settings, "store")
    client.delete_table(places.table(one.warehouse.settings, "", "serving"))
    old = client.get_table(places.table(one.warehouse.settings, "", "runs"))
    old.view_query = f"SELECT publication FROM `{store}.runs`"
    client.update_table(old, ["view_query"])
    loopback.sql("ALTER TABLE gpu_store.faults DROP COLUMN cost")
    kept = loopback.service.catalog.tables["gpu_store", "faults"]
    kept.body["schema"]["fields"] = [f for f in kept.body["schema"]["fields"] if f["name"] != "cost"]
    _label(one.warehouse, "0")

    assert one.push().loads == 0
    assert format_of(one.warehouse) == FORMAT
    assert client.get_table(f"{store}.faults").schema[-1].name == "cost"
    assert "faults" not in [name for name in differing(one) if name != ".faults"]
    assert [name for name in differing(one) if name != ".faults"] == []


def _label(warehouse: Warehouse, text: str) -> None:
    table = warehouse.client.get_table(places.stored(warehouse.settings, SWITCH.name))
    table.labels = {LABEL: text}
    warehouse.client.update_table(table, ["labels"])


def test_a_newer_warehouse_is_refused_and_not_changed(one: Host, loopback: Loopback) -> None:
    define(one.warehouse, silent)
    _label(one.warehouse, str(FORMAT + 1))
    asked = len(loopback.requests)

    for attempt in (lambda: define(one.warehouse, silent), lambda: push(one.lake, one.warehouse, silent), one.pull):
        with pytest.raises(StoreError, match=r"has format 2 and this chipledger knows 1: upgrade chipledger"):
            attempt()
    assert {method for method, _ in loopback.requests[asked:]} == {"GET"}


def test_a_dataset_elsewhere_is_refused(loopback: Loopback, warehouse: Warehouse) -> None:
    made = bigquery.Dataset("acme.gpu")
    made.location = "EU"
    warehouse.client.create_dataset(made)

    with pytest.raises(InputError, match=r"bigquery\.location: acme\.gpu is in EU, not US"):
        define(warehouse, silent)


def test_another_definition_has_another_format(loopback: Loopback) -> None:
    told = settings(loopback)
    tables = [resource(told, table).to_api_repr() for table in STORED.values()]
    texts = [(view.place, view.query) for view in views(told)]
    digest = hashlib.sha256(json.dumps([tables, texts], sort_keys=True).encode()).hexdigest()[:16]

    assert digest == DEFINITIONS[FORMAT], "a table or a view is another one: let FORMAT grow, and note its digest here"


def test_the_roles_of_the_terraform_suffice(one: Host, loopback: Loopback) -> None:
    """The pipeline writes in datasets that others made; the dashboard and a team have the views and nothing else."""
    pipeline, dashboard = (f"chipledger-{part}@acme.iam" for part in ("pipeline", "dashboard"))
    loopback.service.catalog.groups["ads@acme.com"] = {"ann@acme.com"}
    _made_by_terraform(one.warehouse, pipeline, dashboard)

    writing = Warehouse(one.warehouse.settings, as_user(loopback, pipeline), None)
    assert push(one.lake, writing, silent).loads > 0
    assert format_of(writing) == FORMAT
    for user in (dashboard, "ann@acme.com"):
        reading = Warehouse(one.warehouse.settings, as_user(loopback, user), None)
        assert changed(reading) > 0
        assert ask(reading, "SELECT SUM(cost) AS cost FROM `acme.gpu.charges`")[0]["cost"].item() > 0
        with pytest.raises(StoreError, match="Access Denied"):
            ask(reading, "SELECT seq FROM `acme.gpu_store.imports`")
        with pytest.raises(StoreError, match="Access Denied"):
            ready(Warehouse(one.warehouse.settings, as_user(loopback, "eve@acme.com"), None), silent)


def _made_by_terraform(warehouse: Warehouse, pipeline: str, dashboard: str) -> None:
    """As deploy/terraform/datasets.tf says."""
    writer = bigquery.AccessEntry("WRITER", "userByEmail", pipeline)
    readers = [
        bigquery.AccessEntry("READER", "userByEmail", dashboard),
        bigquery.AccessEntry("READER", "groupByEmail", "ads@acme.com"),
    ]
    entries = {
        "gpu": [writer, *readers],
        "gpu_input": [writer, _authorized("gpu")],
        "gpu_store": [writer, _authorized("gpu"), _authorized("gpu_input")],
    }
    for name, entry in entries.items():
        dataset = bigquery.Dataset(f"acme.{name}")
        dataset.location, dataset.access_entries = "US", entry
        warehouse.client.create_dataset(dataset)


def _authorized(dataset: str) -> bigquery.AccessEntry:
    whole = {"dataset": {"projectId": "acme", "datasetId": dataset}, "targetTypes": ["VIEWS"]}
    return bigquery.AccessEntry(None, "dataset", whole)
