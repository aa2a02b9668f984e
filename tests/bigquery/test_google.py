"""Against Google's BigQuery: `CHIPLEDGER_BIGQUERY_PROJECT=… pytest -m bigquery`. It costs cents."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")

from accounting.config import BigQueryTable
from accounting.stores.bigquery import places
from accounting.stores.bigquery.client import connect
from tests.stores.bigquery.hosts import Host, copied, differing, filled, held, host

PROJECT = os.environ.get("CHIPLEDGER_BIGQUERY_PROJECT", "")
pytestmark = [
    pytest.mark.bigquery,
    pytest.mark.skipif(not PROJECT, reason="CHIPLEDGER_BIGQUERY_PROJECT does not name a project of Google Cloud"),
]


@pytest.fixture
def settings() -> Iterator[BigQueryTable]:
    """Datasets of one's own, deleted afterwards."""
    location = os.environ.get("CHIPLEDGER_BIGQUERY_LOCATION", "US")
    table = BigQueryTable(project=PROJECT, dataset=f"chipledger_test_{uuid4().hex[:12]}", location=location)
    yield table
    client = connect(table).client
    for schema in places.SUFFIXES:
        client.delete_dataset(places.dataset(table, schema), delete_contents=True, not_found_ok=True)


def test_a_push_and_a_pull_give_the_same_rows(settings: BigQueryTable, tmp_path: Path) -> None:
    one = copied(filled(tmp_path / "p"), tmp_path / "one", settings)
    assert one.push().loads > 10
    assert differing(one) == []
    assert one.push().loads == 0

    one.lake.undo_import(2)
    one.ledger.run()
    one.push()
    assert differing(one) == []

    two: Host = host(tmp_path / "two", settings)
    two.pull()
    assert held(two.ledger) == held(one.ledger)
    assert two.ledger.run().publication is None
