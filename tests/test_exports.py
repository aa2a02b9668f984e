"""Google's billing export in BigQuery, read as it grows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Self

import pytest

pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")

from google.cloud import bigquery

from accounting.config import BigQueryTable, load_config, write_project
from accounting.errors import InputError, StoreError
from accounting.exports import DEFAULT, Source, import_export
from accounting.inputs.effective import effective
from accounting.inputs.importing import Outcome, silent
from accounting.stores.bigquery.client import connect
from accounting.stores.lake import Lake
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback, serve
from tests.inputs.test_gcp_billing import ROWS, SCHEMA, SPOT, Row, row

NAME = "bigquery:acme.billing.gcp_billing_export_resource_v1_0"
NOW = 1_750_000_000_000


def field(name: str, kind: object) -> bigquery.SchemaField:
    """A column of the export, of a type of Polars."""
    text = str(kind)
    if text.startswith("List"):
        inner = field(name, kind.inner)  # type: ignore[attr-defined]
        return bigquery.SchemaField(name, "RECORD", "REPEATED", fields=inner.fields)
    if text.startswith("Struct"):
        parts = [field(one.name, one.dtype) for one in kind.fields]  # type: ignore[attr-defined]
        return bigquery.SchemaField(name, "RECORD", fields=parts)
    kinds = {"String": "STRING", "Float64": "FLOAT"}
    return bigquery.SchemaField(name, kinds.get(text, "TIMESTAMP"))


class Export:
    """The export's table."""

    def __init__(self, client: bigquery.Client) -> None:
        self.client = client
        self.schema = [field(name, kind) for name, kind in SCHEMA.items()]
        self.place = NAME.partition(":")[2]
        self.client.create_dataset("acme.billing")
        self.client.create_table(bigquery.Table(self.place, self.schema))

    @classmethod
    def at(cls, loopback: Loopback) -> Self:
        return cls(connect(BigQueryTable(project="acme", dataset="gpu", endpoint=loopback.url)).client)

    def append(self, *rows: Row) -> None:
        config = bigquery.LoadJobConfig(schema=self.schema, source_format="NEWLINE_DELIMITED_JSON")
        content = "".join(json.dumps(one) + "\n" for one in rows).encode()
        self.client.load_table_from_file(io.BytesIO(content), self.place, job_config=config).result()


class Importer(Export):
    """It, and a lake that imports it."""

    def __init__(self, folder: Path, loopback: Loopback, *, streamed: bool = False) -> None:
        stream = loopback.grpc if streamed else ""
        settings = BigQueryTable(project="acme", dataset="gpu", endpoint=loopback.url, storage_endpoint=stream)
        super().__init__(connect(settings).client)
        self.config = load_config(write_project(folder, settings))
        self.lake = Lake.create(self.config.lake)

    def bring(self, since: str | None = None, name: str = NAME) -> Outcome | None:
        return import_export(self.lake, self.config, Source(name, since), DEFAULT, NOW, strict=False, progress=silent)

    def total(self) -> tuple[int, Decimal]:
        frame = effective(self.lake, "invoice").collect()
        return frame.height, sum((frame["cost"] + frame["credits"]).to_list(), Decimal(0))


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with serve() as running:
        yield running


@pytest.fixture
def export(tmp_path: Path, loopback: Loopback) -> Importer:
    return Importer(tmp_path / "p", loopback)


def late(cost: float, month: str = "202505") -> Row:
    return row("S1", SPOT, cost, 1.0, export_time="2025-05-09 01:00:00 UTC", invoice={"month": month})


def net() -> Decimal:
    return sum((Decimal(str(r["cost"])).quantize(Decimal("1e-9")) + sum(Decimal(str(c["amount"])) for c in r["credits"])
                for r in ROWS), Decimal(0))  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_new_is_imported(tmp_path: Path, loopback: Loopback, streamed: bool) -> None:
    export = Importer(tmp_path / "p", loopback, streamed=streamed)
    export.append(*ROWS)
    first = export.bring()
    assert first is not None
    assert (first.record.rows, first.record.rejected, first.record.file) == (len(ROWS), 0, NAME)
    assert export.total() == (len(ROWS), net())
    assert export.bring() is None

    export.append(late(2.5))
    second = export.bring()
    assert second is not None
    assert export.total() == (len(ROWS) + 1, net() + Decimal("2.5"))
    assert export.bring() is None
    assert export.lake.orphans() == []
    assert list((export.lake.folder / "tmp").iterdir()) == []


def test_rows_of_the_last_batch_that_come_later_are_not_lost(export: Importer) -> None:
    export.append(*ROWS, late(1.0))
    export.bring()
    export.append(late(2.0))

    assert export.bring() is not None
    assert export.total() == (len(ROWS) + 2, net() + 3)


def test_since_a_month_and_then_since_an_earlier_one(export: Importer) -> None:
    export.append(*ROWS, late(1.0, "202506"))
    export.bring("2025-06")
    assert export.total() == (1, Decimal(1))
    assert export.bring("2025-06") is None

    export.bring("2025-05")
    assert export.total() == (len(ROWS) + 1, net() + 1)


def test_undone_it_is_new_again(export: Importer) -> None:
    export.append(*ROWS)
    first = export.bring()
    assert first is not None
    export.lake.undo_import(first.record.seq)

    assert export.bring() is not None
    assert export.total() == (len(ROWS), net())


def test_an_answer_that_breaks_off_leaves_nothing(export: Importer, loopback: Loopback) -> None:
    export.append(*ROWS)
    loopback.faults.add(Fault("POST", "/queries", 403, "accessDenied", times=9))
    with pytest.raises(StoreError, match=r"reading acme\.billing\.gcp_billing_export_resource_v1_0"):
        export.bring()
    assert export.lake.imports() == []
    assert list((export.lake.folder / "tmp").iterdir()) == []

    loopback.faults.clear()
    assert export.bring() is not None


@pytest.mark.parametrize(
    ("name", "since", "said"),
    [
        ("bigquery:acme.billing", None, r"names no table: write bigquery:PROJECT\.DATASET\.TABLE"),
        ("bigquery:acme.billing.other", None, r"there is no table acme\.billing\.other"),
        (NAME, "May", "--since May: write a month such as 2026-10"),
    ],
)
def test_what_cannot_be_read(export: Importer, name: str, since: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        export.bring(since, name)


def test_a_table_that_is_no_export(export: Importer) -> None:
    export.client.create_table(bigquery.Table("acme.billing.other", [bigquery.SchemaField("cost", "FLOAT")]))
    with pytest.raises(InputError, match="is no billing export: it has no export_time"):
        export.bring(name="bigquery:acme.billing.other")
