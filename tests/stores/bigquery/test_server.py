"""The BigQuery on loopback that tests use, held to what Google documents, through Google's own clients."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
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

from tests.fakes.bigquery.faults import Fault, Faults, When
from tests.fakes.bigquery.serving import Loopback
from tests.stores.bigquery.hosts import as_user

FIELDS = (
    bigquery.SchemaField("day", "DATE", "REQUIRED"),
    bigquery.SchemaField("team", "STRING"),
    bigquery.SchemaField("n", "INTEGER"),
    bigquery.SchemaField("cost", "NUMERIC"),
    bigquery.SchemaField("at", "TIMESTAMP"),
)
SCHEMA = [field.to_api_repr() for field in FIELDS]
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


def load(
    client: bigquery.Client,
    job_id: str,
    rows: pl.DataFrame = ROWS,
    *,
    multipart: bool = False,
    schema: Sequence[bigquery.SchemaField] | None = FIELDS,
) -> int:
    file = io.BytesIO()
    rows.write_parquet(file)
    size = file.tell() if multipart else None
    file.seek(0)
    config = bigquery.LoadJobConfig(
        schema=schema, source_format="PARQUET", create_disposition="CREATE_NEVER", write_disposition="WRITE_APPEND"
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


def test_a_piece_that_comes_again_counts_once(loopback: Loopback, client: bigquery.Client) -> None:
    target = {"projectId": "acme", "datasetId": "d", "tableId": "t"}
    load = {"destinationTable": target, "sourceFormat": "NEWLINE_DELIMITED_JSON", "schema": {"fields": SCHEMA}}
    content = b'{"day": "2026-01-01"}\n{"day": "2026-01-02"}\n'
    half = content.index(b"\n") + 1
    connection = HTTPConnection(loopback.url.removeprefix("http://"))
    path = "/upload/bigquery/v2/projects/acme/jobs?uploadType=resumable"
    connection.request("POST", path, json.dumps({"configuration": {"load": load}}))
    place = answered(connection).headers["Location"]
    found = []
    for start, end in ((0, half), (0, half), (half, len(content))):
        told = f"bytes {start}-{end - 1}/{len(content)}"
        connection.request("PUT", place, content[start:end], {"Content-Range": told})
        answer = answered(connection)
        found.append((answer.status, answer.headers["Range"]))
    connection.close()

    assert found == [(308, f"bytes=0-{half - 1}"), (308, f"bytes=0-{half - 1}"), (200, None)]
    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(2,)]


def answered(connection: HTTPConnection) -> HTTPResponse:
    answer = connection.getresponse()
    answer.read()
    return answer


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


def test_a_slow_job_runs_until_it_was_asked_for_so_often(loopback: Loopback, client: bigquery.Client) -> None:
    loopback.faults.slow_polls = 2
    job = client.query("SELECT 1 AS one", job_id="slow", job_retry=None)
    states = [client.get_job("slow").state for _ in range(3)]

    assert states == ["RUNNING", "RUNNING", "DONE"]
    assert [tuple(row) for row in job.result()] == [(1,)]


def test_a_job_that_failed_wrote_nothing_and_used_up_its_id(loopback: Loopback, client: bigquery.Client) -> None:
    loopback.faults.failing_jobs = 1
    with pytest.raises(exceptions.InternalServerError, match="backendError"):
        load(client, "one")
    with pytest.raises(exceptions.Conflict):
        load(client, "one")

    assert client.get_job("one").error_result["reason"] == "backendError"
    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(0,)]
    assert load(client, "one-a2") == 2


def test_a_load_keeps_to_the_schema(loopback: Loopback, client: bigquery.Client) -> None:
    empty = ROWS.with_columns(day=pl.when(pl.col("n") == 1).then("day"))
    with pytest.raises(exceptions.BadRequest, match="Required field day cannot be null"):
        load(client, "null", empty)
    with pytest.raises(exceptions.BadRequest, match="Field day has changed mode from REQUIRED to NULLABLE"):
        load(client, "mode", schema=None)
    with pytest.raises(exceptions.BadRequest, match="'n' has type BYTES"):
        load(client, "type", ROWS.with_columns(n=pl.lit(b"x")))
    with pytest.raises(exceptions.BadRequest, match="No such field: other"):
        load(client, "more", ROWS.with_columns(other=1))

    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(0,)]


def test_a_transaction_beside_another_that_changes_the_table_is_aborted(
    loopback: Loopback, client: bigquery.Client
) -> None:
    load(client, "one")
    script = "BEGIN TRANSACTION; UPDATE d.t SET n = n + 10 WHERE n = {}; COMMIT TRANSACTION"
    seen: list[object] = []

    def meanwhile() -> None:
        seen.append(rows(client, "SELECT SUM(n) FROM d.t")[0][0])
        with pytest.raises(exceptions.BadRequest, match="aborted due to concurrent update"):
            client.query(script.format(2), job_retry=None).result()  # another row of the same table
        seen.append(load(client, "beside"))

    loopback.faults.before_commit = meanwhile
    client.query(script.format(1)).result()

    assert seen == [3, 2]
    assert rows(client, "SELECT SUM(n), COUNT(*) FROM d.t") == [(16, 4)]


def test_a_filter_on_the_partitions_is_wanted_and_saves(client: bigquery.Client) -> None:
    load(client, "one")
    client.query("ALTER TABLE d.t SET OPTIONS (require_partition_filter = TRUE)").result()
    client.query("CREATE VIEW d.v AS SELECT t.day, t.team, t.n FROM d.t AS t").result()
    with pytest.raises(exceptions.BadRequest, match=r"without a filter over column\(s\) 'day'"):
        client.query("SELECT COUNT(*) FROM d.v AS v WHERE v.n = 1").result()
    one = client.query("SELECT v.team, v.n FROM d.v AS v WHERE v.day = '2026-01-02'")
    all_ = client.query("SELECT v.team FROM d.v AS v WHERE v.day >= '2026-01-01'")

    assert [tuple(row) for row in one.result()] == [("ads", 2)]
    assert one.total_bytes_processed == 8 + (2 + 3) + 8
    assert all_.total_bytes_processed == 2 * 8 + (2 + 6) + (2 + 3)
    assert one.total_bytes_billed == 10 * 2**20


def test_partitions_are_read_whole(client: bigquery.Client) -> None:
    client.query("CREATE TABLE d.r (ms INT64) PARTITION BY RANGE_BUCKET(ms, GENERATE_ARRAY(0, 1000, 10))").result()
    client.query("INSERT INTO d.r (ms) VALUES (1), (5), (11), (25)").result()
    job = client.query("SELECT COUNT(ms) FROM d.r WHERE ms < 5")

    assert [tuple(row) for row in job.result()] == [(1,)]
    assert job.total_bytes_processed == 2 * 8
    assert client.get_table("d.r").range_partitioning.range_.interval == 10


def test_a_limit_of_bytes_refuses_and_a_result_is_remembered(client: bigquery.Client) -> None:
    load(client, "one")
    strict = bigquery.QueryJobConfig(maximum_bytes_billed=1_000_000)
    problem = r"Query exceeded limit for bytes billed: 1000000\. 10485760 or higher required"
    with pytest.raises(exceptions.InternalServerError, match=problem):  # so the client calls what it does not know
        client.query("SELECT n FROM d.t", job_config=strict).result()
    with pytest.raises(exceptions.BadRequest, match=problem):
        client.query_and_wait("SELECT n FROM d.t", job_config=strict)
    asked = [client.query("SELECT SUM(n) AS n FROM d.t") for _ in range(2)]
    load(client, "two")
    asked.append(client.query("SELECT SUM(n) AS n FROM d.t"))

    assert [job.cache_hit for job in asked] == [False, True, False]
    assert [job.total_bytes_billed for job in asked] == [10 * 2**20, 0, 10 * 2**20]
    assert [next(iter(job.result()))[0] for job in asked] == [3, 3, 6]


def test_a_dry_run_estimates_and_runs_nothing(loopback: Loopback, client: bigquery.Client) -> None:
    load(client, "one")
    dry = bigquery.QueryJobConfig(dry_run=True)

    assert client.query("SELECT n FROM d.t", job_config=dry).total_bytes_processed == 16
    assert client.query("DELETE FROM d.t WHERE TRUE", job_config=dry).statement_type == "DELETE"
    assert loopback.sql("SELECT COUNT(*) FROM d.t") == [(2,)]


def test_a_partition_is_replaced_and_takes_no_other_day(loopback: Loopback, client: bigquery.Client) -> None:
    load(client, "one")
    config = bigquery.LoadJobConfig(
        schema=FIELDS, source_format="NEWLINE_DELIMITED_JSON", write_disposition="WRITE_TRUNCATE"
    )
    lines: list[dict[str, Any]] = [
        {"day": "2026-01-02", "n": 5, "cost": "1.25", "at": "2026-01-02T03:00:00Z"},
        {"day": "2026-01-02"},
    ]
    client.load_table_from_json(lines, "acme.d.t$20260102", job_config=config).result()
    with pytest.raises(exceptions.BadRequest, match="Some rows belong to different partitions"):
        client.load_table_from_json([{"day": "2026-01-03"}], "acme.d.t$20260102", job_config=config).result()
    empty = bigquery.LoadJobConfig(
        schema=FIELDS, source_format="NEWLINE_DELIMITED_JSON", write_disposition="WRITE_EMPTY"
    )
    with pytest.raises(exceptions.Conflict):
        client.load_table_from_json(lines, "acme.d.t", job_config=empty).result()

    assert loopback.sql("SELECT day, n, CAST(cost AS VARCHAR) FROM d.t ORDER BY day, n NULLS LAST") == [
        (date(2026, 1, 1), 1, "0.000000001"),
        (date(2026, 1, 2), 5, "1.250000000"),
        (date(2026, 1, 2), None, None),
    ]


def test_what_is_said_of_tables_and_datasets_is_kept(client: bigquery.Client) -> None:
    client.query(
        """
        CREATE SCHEMA s OPTIONS (location = 'US', labels = [('chipledger_format', '3')]);
        ALTER SCHEMA s SET OPTIONS (description = 'What counts.');
        CREATE TABLE IF NOT EXISTS s.t (
          day DATE NOT NULL OPTIONS (description = 'The \\'day\\'; UTC.'),
          team STRING
        )
        PARTITION BY day CLUSTER BY team
        OPTIONS (description = 'Rows.', require_partition_filter = TRUE);
        CREATE TABLE IF NOT EXISTS s.t (other INT64);
        ALTER TABLE s.t ADD COLUMN IF NOT EXISTS zone STRING;
        """
    ).result()
    dataset, table = client.get_dataset("s"), client.get_table("s.t")

    assert (dataset.labels, dataset.description) == ({"chipledger_format": "3"}, "What counts.")
    assert [(one.name, one.mode, one.description) for one in table.schema] == [
        ("day", "REQUIRED", "The 'day'; UTC."),
        ("team", "NULLABLE", None),
        ("zone", "NULLABLE", None),
    ]
    assert (table.time_partitioning.field, table.clustering_fields) == ("day", ["team"])
    assert (table.require_partition_filter, table.description) == (True, "Rows.")


def test_it_runs_alone() -> None:
    command = [sys.executable, "-m", "tests.fakes.bigquery"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as alone:
        assert alone.stdout is not None
        url = alone.stdout.readline().split()[-1]
        options = {"api_endpoint": url}
        anybody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        far = bigquery.Client("acme", credentials=anybody, client_options=options, location="US")
        answer = rows(far, "SELECT 40 + 2 AS answer")
        far.close()  # type: ignore[no-untyped-call]
        alone.terminate()

    assert answer == [(42,)]


def test_chance_is_the_same_for_a_seed() -> None:
    def struck() -> list[bool]:
        faults = Faults(seed=5)
        faults.add(Fault(times=100, probability=0.3))
        return [faults.strike("GET", "/") is not None for _ in range(100)]

    assert struck() == struck()
    assert 15 < sum(struck()) < 45


def test_a_schema_grows_and_does_not_shrink(client: bigquery.Client) -> None:
    load(client, "one")
    table = client.get_table("d.t")
    table.schema = [*table.schema, bigquery.SchemaField("zone", "STRING")]
    assert client.update_table(table, ["schema"]).schema[-1].name == "zone"
    assert rows(client, "SELECT COUNT(*), COUNT(zone) FROM d.t") == [(2, 0)]

    for schema, problem in (
        (table.schema[1:], "Field day is missing in new schema"),
        ([*table.schema, bigquery.SchemaField("more", "STRING", "REQUIRED")], "Cannot add required fields"),
        ([table.schema[0], bigquery.SchemaField("team", "INTEGER"), *table.schema[2:]], "has changed type from STRING"),
    ):
        table = client.get_table("d.t")
        table.schema = schema
        with pytest.raises(exceptions.BadRequest, match=problem):
            client.update_table(table, ["schema"])


def test_rows_of_a_parameter_are_merged(client: bigquery.Client) -> None:
    load(client, "one")
    struct = [
        bigquery.StructQueryParameter(
            None,
            bigquery.ScalarQueryParameter("day", "DATE", day),
            bigquery.ScalarQueryParameter("cost", "NUMERIC", cost),
            bigquery.ScalarQueryParameter("at", "TIMESTAMP", datetime(2026, 1, 5, tzinfo=UTC)),
        )
        for day, cost in ((date(2026, 1, 2), Decimal("7.5")), (date(2026, 1, 9), None))
    ]
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ArrayQueryParameter("rows", "STRUCT", struct)])
    merge = """
      MERGE d.t AS t USING UNNEST(@rows) AS r ON t.day = r.day
      WHEN MATCHED THEN UPDATE SET cost = r.cost, at = r.at
      WHEN NOT MATCHED THEN INSERT (day, cost, at) VALUES (r.day, r.cost, r.at)
    """
    assert client.query(merge, job_config=config).result().num_dml_affected_rows == 2
    assert rows(client, "SELECT day, cost FROM d.t ORDER BY day") == [
        (date(2026, 1, 1), Decimal("0.000000001")),
        (date(2026, 1, 2), Decimal("7.5")),
        (date(2026, 1, 9), None),
    ]
    load(client, "two", ROWS.with_columns(day=date(2026, 1, 1)))
    twice = "UPDATE d.t AS t SET n = s.n FROM d.t AS s WHERE t.day = s.day AND s.n IS NOT NULL"
    with pytest.raises(exceptions.BadRequest, match="at most one source row"):
        client.query(twice).result()


def test_pages_follow_each_other(client: bigquery.Client) -> None:
    load(client, "one")
    load(client, "two")

    assert len(list(client.list_rows("d.t", page_size=3))) == 4
    assert len(list(client.query("SELECT * FROM d.t").result(page_size=3))) == 4
    assert len(list(client.query_and_wait("SELECT n, day FROM d.t", page_size=3))) == 4


def test_a_team_sees_its_rows_through_authorized_views(loopback: Loopback, client: bigquery.Client) -> None:
    load(client, "one")
    loopback.service.catalog.groups["ads@acme.com"] = {"ann@acme.com"}
    client.create_dataset("shown")
    client.query("CREATE VIEW shown.t AS SELECT t.team, t.n FROM d.t AS t").result()
    shown, stored = client.get_dataset("shown"), client.get_dataset("d")
    shown.access_entries = [bigquery.AccessEntry("READER", "groupByEmail", "ads@acme.com")]
    client.update_dataset(shown, ["access_entries"])
    ann = as_user(loopback, "ann@acme.com")
    with pytest.raises(exceptions.Forbidden, match=r"Access Denied: Table acme:d\.t"):
        rows(ann, "SELECT * FROM shown.t")

    whole = {"dataset": {"projectId": "acme", "datasetId": "shown"}, "targetTypes": ["VIEWS"]}
    stored.access_entries = [bigquery.AccessEntry(None, "dataset", whole)]
    client.update_dataset(stored, ["access_entries"])
    assert sorted(rows(ann, "SELECT * FROM shown.t")) == [("ads", 2), ("search", 1)]

    policy = "CREATE ROW ACCESS POLICY ads ON d.t GRANT TO ('group:ads@acme.com') FILTER USING (team = 'ads')"
    client.query(policy).result()
    assert rows(ann, "SELECT * FROM shown.t") == [("ads", 2)]
    with pytest.raises(exceptions.Forbidden):
        rows(ann, "SELECT * FROM d.t")
    ann.close()  # type: ignore[no-untyped-call]


def test_an_array_is_numbered_from_zero(client: bigquery.Client) -> None:
    sql = "SELECT x, n + 1 AS m FROM UNNEST(['a', 'b', 'c']) AS x WITH OFFSET AS n WHERE n > 0 ORDER BY n DESC"

    assert rows(client, sql) == [("c", 3), ("b", 2)]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NUMERIC '1.5' * NUMERIC '0.000000001'", Decimal("0.000000002")),
        ("AVG(NUMERIC '1') / 3", Decimal("0.333333333")),
        ("SUM(x) / SUM(y)", Decimal("0.7")),
        ("SAFE_DIVIDE(NUMERIC '1', 0)", None),
        ("SUM(1)", 1),
        ("COUNTIF(x > 1)", 1),
        ("CAST(2.5 AS INT64)", 3),
        ("CAST(NUMERIC '-2.5' AS INT64)", -3),
        ("CAST(NUMERIC '1.50' AS STRING)", "1.5"),
        ("CAST(NUMERIC '100' AS STRING)", "100"),
        ("ROUND(NUMERIC '-2.345', 2)", Decimal("-2.35")),
        ("DIV(-7, 2)", -3),
        ("10 * DIV(7, 2)", 30),
        ("10 * MOD(7, 4)", 30),
        ("MOD(-7, 2)", -1),
        ("TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 01:00:00+00', TIMESTAMP '2026-01-01 00:59:59+00', HOUR)", 0),
        ("DATE_TRUNC(DATE '2026-01-15', MONTH)", date(2026, 1, 1)),
        ("DATE_TRUNC(DATE '2026-01-04', WEEK(MONDAY))", date(2025, 12, 29)),
        ("EXTRACT(DAYOFWEEK FROM DATE '2026-01-04')", 1),
        ("UNIX_SECONDS(TIMESTAMP '1969-12-31 23:59:59.5+00')", -1),
        ("TIMESTAMP_MILLIS(1500)", datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
        ("DATE(TIMESTAMP '2026-01-01 23:30:00-02')", date(2026, 1, 2)),
        ("GREATEST(1, NULL)", None),
        ("CONCAT('a', NULL)", None),
        (r"'50%' LIKE '50\\%' AND NOT '501' LIKE '50\\%'", True),
        ("1.5 + 1", 2.5),
        ("9000000000 * 1000000000", 9_000_000_000_000_000_000),
        ("FORMAT_DATE('%Y-%m', DATE '2026-03-01')", "2026-03"),
        ("STRING_AGG('a')", "a"),
    ],
)
def test_googlesql_means_what_its_reference_says(client: bigquery.Client, expression: str, value: object) -> None:
    sql = f"SELECT {expression} AS value FROM (SELECT NUMERIC '2.1' AS x, 3 AS y)"

    assert [(type(row[0]), row[0]) for row in rows(client, sql)] == [(type(value), value)]
