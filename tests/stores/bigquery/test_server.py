"""The BigQuery on loopback that tests use, held to what Google documents, through Google's own clients."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

pytest.importorskip("google.cloud.bigquery", reason="the extra gcp is not installed")
pytest.importorskip("google.cloud.bigquery_storage_v1", reason="the extra gcp is not installed")

import grpc
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery.enums import QueryResultsFormat
from google.cloud.bigquery_storage_v1 import BigQueryReadClient
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from tests.fakes.bigquery.faults import Fault, When
from tests.fakes.bigquery.serving import Loopback, serve

FIELDS = (
    bigquery.SchemaField("day", "DATE", "REQUIRED"),
    bigquery.SchemaField("team", "STRING"),
    bigquery.SchemaField("n", "INTEGER"),
    bigquery.SchemaField("cost", "NUMERIC"),
    bigquery.SchemaField("at", "TIMESTAMP"),
)
ROWS = pl.DataFrame(
    {
        "day": [date(2026, 1, 1), date(2026, 1, 2)],
        "team": ["search", "ads"],
        "n": [1, 2],
        "cost": pl.Series(["0.000000001", "2.25"]).cast(pl.Decimal(38, 9)),
        "at": [datetime(2026, 1, 1, 5, tzinfo=UTC), None],
    }
)


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with serve() as running:
        yield running


@pytest.fixture
def client(loopback: Loopback) -> Iterator[bigquery.Client]:
    options = {"api_endpoint": loopback.url}
    anybody = AnonymousCredentials()  # type: ignore[no-untyped-call]
    made = bigquery.Client("acme", credentials=anybody, client_options=options, location="US")
    made.create_dataset("d")
    table = bigquery.Table("acme.d.t", schema=FIELDS)
    table.time_partitioning = bigquery.TimePartitioning(field="day")
    table.clustering_fields = ["team"]
    made.create_table(table)
    yield made
    made.close()  # type: ignore[no-untyped-call]


def load(client: bigquery.Client, job_id: str, rows: pl.DataFrame = ROWS, *, multipart: bool = False) -> int:
    file = io.BytesIO()
    rows.write_parquet(file)
    size = file.tell() if multipart else None
    file.seek(0)
    config = bigquery.LoadJobConfig(
        schema=FIELDS, source_format="PARQUET", create_disposition="CREATE_NEVER", write_disposition="WRITE_APPEND"
    )
    job = client.load_table_from_file(file, "acme.d.t", size=size, job_id=job_id, job_config=config)
    job.result()
    return int(job.output_rows or 0)


def rows(client: bigquery.Client, sql: str, *parameters: bigquery.ScalarQueryParameter) -> list[tuple[Any, ...]]:
    config = bigquery.QueryJobConfig(query_parameters=parameters)
    return [tuple(row) for row in client.query(sql, job_config=config).result()]


def test_a_loaded_row_is_read_as_it_was(client: bigquery.Client) -> None:
    assert load(client, "one") == 2
    assert rows(client, "SELECT * FROM d.t ORDER BY day") == ROWS.rows()


def test_a_job_id_is_used_once_and_a_lost_answer_is_found_again(loopback: Loopback, client: bigquery.Client) -> None:
    loopback.faults.add(Fault("POST", "^/upload", when="after"))
    with pytest.raises(exceptions.Conflict):
        load(client, "one", multipart=True)

    job = client.get_job("one")
    assert isinstance(job, bigquery.LoadJob)
    assert job.output_rows == 2
    assert loopback.loads == {"d.t": 1}
    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(2,)]


@pytest.mark.parametrize("when", ["before", "after", "cut", "cut_after"])
def test_a_resumable_upload_recovers_by_itself(loopback: Loopback, client: bigquery.Client, when: When) -> None:
    loopback.faults.add(Fault("PUT", "^/upload", when=when))

    assert load(client, "one") == 2
    assert loopback.faults.happened == 1
    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(2,)]


def test_a_request_id_that_comes_again_runs_once(loopback: Loopback, client: bigquery.Client) -> None:
    loopback.faults.add(Fault("POST", "/queries$", when="after"))
    client.query_and_wait("INSERT INTO d.t (day, n) VALUES ('2026-03-01', 9)")

    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(1,)]


def test_a_transaction_counts_whole_or_not_at_all(loopback: Loopback, client: bigquery.Client) -> None:
    load(client, "one")
    script = (
        "BEGIN TRANSACTION; UPDATE d.t SET n = 7 WHERE {};"
        "ASSERT @@row_count = 1 AS 'another was faster'; COMMIT TRANSACTION"
    )
    with pytest.raises(exceptions.BadRequest, match="another was faster"):
        client.query(script.format("TRUE")).result()
    assert loopback.sql("SELECT n FROM d.t ORDER BY n") == [(1,), (2,)]

    client.query(script.format("day = '2026-01-01'")).result()
    assert loopback.sql("SELECT n FROM d.t ORDER BY n") == [(2,), (7,)]


@pytest.mark.filterwarnings("ignore:Retrieving Arrow record batches directly:PendingDeprecationWarning")
def test_arrow_comes_inline_and_by_the_storage_api(loopback: Loopback, client: bigquery.Client) -> None:
    load(client, "one")
    channel = grpc.insecure_channel(loopback.grpc)
    reader = BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))  # type: ignore[no-untyped-call]
    loopback.faults.broken_streams = 1
    found = client.query_and_wait("SELECT * FROM d.t", query_results_format=QueryResultsFormat.ARROW).to_arrow()
    read = client.list_rows("acme.d.t", selected_fields=FIELDS[:4]).to_arrow(bqstorage_client=reader)
    channel.close()

    assert found.to_pydict() == ROWS.to_dict(as_series=False)
    assert read.sort_by("day").to_pydict() == ROWS.select("day", "team", "n", "cost").to_dict(as_series=False)


def test_numeric_divides_exactly(client: bigquery.Client) -> None:
    divided = rows(client, "SELECT NUMERIC '2' / 3 AS a, NUMERIC '-2' / 3 AS b, 1 / 3 AS c, NUMERIC '1' / 2.0 AS d")

    assert divided == [(Decimal("0.666666667"), Decimal("-0.666666667"), 1 / 3, 0.5)]
