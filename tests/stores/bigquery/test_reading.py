"""Queries to BigQuery: however rows come, whatever gets lost, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from polars.testing import assert_frame_equal

from accounting.errors import InputError, StoreError
from accounting.reader import Reader
from accounting.stores.subset import REFUSED
from tests.fakes.bigquery.faults import Fault
from tests.stores.bigquery.fleet import Fleet

MANY = (
    "SELECT a.hour, a.device_seconds, b.day FROM usage AS a JOIN prices AS b ON b.cluster = a.cluster ORDER BY 1, 2, 3"
)


@pytest.fixture(scope="module")
def reader(fleet: Fleet) -> Iterator[Reader]:
    with closing(fleet.asking().reader()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def quiet(fleet: Fleet) -> Iterator[None]:
    yield
    fleet.loopback.faults.clear()


def test_many_rows_come_by_the_storage_api_and_by_pages_alike(fleet: Fleet) -> None:
    mine = fleet.project.query(MANY)
    assert mine.height > 20_000
    before = len(fleet.loopback.requests)

    with closing(fleet.asking().reader()) as by_storage:
        stored = by_storage.query(MANY)
    pages = [path for _, path in fleet.loopback.requests[before:] if "/queries/" in path]
    with closing(fleet.asking(storage_endpoint="none").reader()) as by_rest:
        paged = by_rest.query(MANY)
    more = [path for _, path in fleet.loopback.requests[before:] if "/queries/" in path]

    assert_frame_equal(stored, mine)
    assert_frame_equal(paged, mine)
    assert len(more) - len(pages) >= 2


def test_a_stream_that_is_cut_is_read_on(fleet: Fleet, reader: Reader) -> None:
    fleet.loopback.faults.broken_streams = 2

    assert_frame_equal(reader.query(MANY), fleet.project.query(MANY))
    assert fleet.loopback.faults.broken_streams == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/queries$", 503, "backendError", times=2),
        Fault("POST", "/queries$", 429, "rateLimitExceeded", times=2),
        Fault("POST", "/queries$", 500, "internalError"),
        Fault("POST", "/queries$", when="after"),
        Fault("POST", "/queries$", when="cut"),
        Fault("POST", "/queries$", when="cut_after"),
    ],
    ids=lambda fault: f"{fault.code}-{fault.when}",
)
def test_what_is_not_answered_is_asked_again(fleet: Fleet, reader: Reader, fault: Fault) -> None:
    happened = fleet.loopback.faults.happened
    fleet.loopback.faults.add(fault)
    text = f"SELECT COUNT(*) AS n FROM usage WHERE state <> '{fault.code} {fault.when}'"

    assert reader.query(text).item() == fleet.project.query("SELECT COUNT(*) FROM usage").item()
    assert fleet.loopback.faults.happened > happened


def test_a_quota_is_one_line(fleet: Fleet, reader: Reader) -> None:
    fleet.loopback.faults.add(Fault("POST", "/queries$", 403, "quotaExceeded"))

    with pytest.raises(StoreError, match=r"^BigQuery, a query: .*see docs/bigquery.md") as caught:
        reader.query("SELECT MAX(hour) FROM usage")
    assert "\n" not in str(caught.value)


def test_no_answer_at_all_is_one_line(fleet: Fleet) -> None:
    nobody = fleet.asking(endpoint="http://127.0.0.1:9", storage_endpoint="none")

    with pytest.raises(StoreError, match=r"^BigQuery, a query: no answer .*run it again$"):
        nobody.query("SELECT 1")


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("SELECT cost FROM usage", None, "usage has no column `cost`"),
        ("SELECT 1 FROM usge", None, "did you mean usage"),
        ("SELECT day FROM staged.usage", None, "no table `staged.usage`"),
        ("SELECT 1 / 0", None, "division by zero"),
        ("SELECT @team", None, "no value is given for @team"),
        ("SELECT @team", {"team": b"vision"}, "parameter @team: a bytes cannot be asked for"),
        ("DELETE FROM usage", None, "read-only"),
        ("SELECT 1; SELECT 2", None, "one"),
        ("SELEC 1", None, "read-only"),
    ],
)
def test_what_is_wrong_costs_nothing(
    fleet: Fleet, reader: Reader, text: str, values: dict[str, Any] | None, said: str
) -> None:
    before = len(fleet.loopback.requests)
    with pytest.raises(InputError, match=said) as caught:
        reader.query(text, values)

    assert "\n" not in str(caught.value)
    assert len(fleet.loopback.requests) == before


SILENT = {
    "FORMAT": "SELECT FORMAT('%d-%s', 1, 'x')",
    "APPROX_QUANTILES": "SELECT APPROX_QUANTILES(device_seconds, 2) FROM usage",
    "APPROX_TOP_COUNT": "SELECT APPROX_TOP_COUNT(team, 2) FROM usage",
    "BIGNUMERIC": "SELECT CAST(1 AS BIGNUMERIC)",
    "ARRAY_AGG": "SELECT ARRAY_AGG(team ORDER BY team LIMIT 1) FROM usage",
    "EXTRACT(WEEK)": "SELECT EXTRACT(WEEK FROM day) FROM usage",
    "INFORMATION_SCHEMA": "SELECT 1 FROM gpu.INFORMATION_SCHEMA.TABLES",
    "SAFE.": "SELECT SAFE.SUBSTR(team, 1, -1) FROM usage",
    "TABLESAMPLE": "SELECT team FROM usage TABLESAMPLE SYSTEM (10 PERCENT)",
    "wildcard table": "SELECT team FROM `usage_*`",
    "TIMESTAMP_BUCKET": "SELECT TIMESTAMP_BUCKET(hour, INTERVAL 1 HOUR) FROM usage",
    "PARSE_NUMERIC": "SELECT PARSE_NUMERIC('1')",
    "INTERVAL": "SELECT INTERVAL 1 DAY",
}


@pytest.mark.parametrize("construct", SILENT)
def test_what_differs_silently_is_refused_by_both(fleet: Fleet, reader: Reader, construct: str) -> None:
    with pytest.raises(InputError) as mine:
        fleet.project.query(SILENT[construct])
    with pytest.raises(InputError) as theirs:
        reader.query(SILENT[construct])

    assert str(theirs.value) == str(mine.value)
    assert REFUSED[construct] in str(mine.value)


@pytest.mark.parametrize(
    "expression",
    [
        "CAST(0.0000199 AS NUMERIC)",
        "TIMESTAMP_DIFF(TIMESTAMP '2026-01-01 01:00:00', TIMESTAMP '2026-01-01 00:59:59', HOUR)",
        "EXTRACT(DAYOFWEEK FROM DATE '2026-10-31')",
        "CAST(1 AS NUMERIC) / CAST(3 AS NUMERIC)",
        "SAFE_DIVIDE(CAST(2 AS NUMERIC), CAST(3 AS NUMERIC))",
        "CAST('0.333333333' AS NUMERIC) * CAST('0.333333333' AS NUMERIC)",
        "1.5",
        "1",
        "(SELECT SUM(n) FROM UNNEST([1, 2]) AS n)",
        "DATE_TRUNC(DATE '2026-11-25', MONTH)",
        "DATE_TRUNC(DATE '2026-11-25', WEEK(MONDAY))",
        "TIMESTAMP_MICROS(1)",
        "PARSE_TIMESTAMP('%F %T', '2026-11-25 00:00:00')",
    ],
)
def test_what_would_differ_silently_is_mended(fleet: Fleet, reader: Reader, expression: str) -> None:
    text = f"SELECT {expression} AS x"

    assert_frame_equal(reader.query(text), fleet.project.query(text), check_exact=True)


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("team = @x", "vision"),
        ("team = @x", None),
        ("(@x IS NULL OR day = @x)", None),
        ("day = @x", date(2026, 10, 31)),
        ("hour = @x", datetime(2026, 10, 31, 3, tzinfo=UTC)),
        ("device_seconds > @x", Decimal("0.5")),
        ("device_seconds > @x", 100),
        ("(team IS NULL) = @x", True),
        ("team IN UNNEST(@x)", ["vision", "platform"]),
        ("day IN UNNEST(@x)", [date(2026, 10, 31)]),
        ("team IN UNNEST(@x)", []),
    ],
)
def test_parameters_are_typed_as_in_python(fleet: Fleet, reader: Reader, condition: str, value: object) -> None:
    text = f"SELECT COUNT(*) AS n, SUM(device_seconds) AS s FROM usage WHERE {condition}"

    assert_frame_equal(reader.query(text, {"x": value}), fleet.project.query(text, {"x": value}))


def test_names_are_placed_and_subqueries_keep_theirs(fleet: Fleet, reader: Reader) -> None:
    for text in (
        "WITH charges AS (SELECT day FROM usage) SELECT COUNT(*) FROM charges",
        "SELECT COUNT(*) AS n FROM Usage AS u WHERE EXISTS (SELECT 1 FROM store.publications AS p WHERE p.day = u.day)",
        "SELECT COUNT(*) FROM input.jobs",
        "FROM usage |> AGGREGATE SUM(device_seconds) AS s GROUP BY team |> ORDER BY team",
        "SELECT kind, COUNT(*) FROM store.quarantine GROUP BY kind",
    ):
        assert_frame_equal(reader.query(text), fleet.project.query(text))


def test_bytes_are_told_and_a_second_answer_is_free(fleet: Fleet, reader: Reader) -> None:
    text = "SELECT SUM(cost) AS spent FROM charges WHERE team <> 'nobody'"

    first, second = reader.answer(text).scan, reader.answer(text).scan

    assert first is not None
    assert second is not None
    assert first.billed >= 10_000_000 > first.processed > 0
    assert (second.billed, second.cached) == (0, True)
    assert fleet.project.lake_reader().answer(text).scan is None


def test_a_query_over_the_cap_is_not_run(fleet: Fleet) -> None:
    capped = fleet.asking(maximum_bytes_billed=1_000)

    with pytest.raises(InputError, match=r"more than maximum_bytes_billed = 1000: filter on day"):
        capped.query("SELECT MAX(energy_joules) FROM usage")


def test_a_dataset_that_is_not_there_is_one_line(fleet: Fleet) -> None:
    with pytest.raises(StoreError, match=r"^BigQuery, a query: .*[Nn]ot found"):
        fleet.asking(dataset="elsewhere").query("SELECT COUNT(*) FROM usage")
    with pytest.raises(InputError, match=r"there is no .*elsewhere.switch: look at"):
        _ = fleet.asking(dataset="elsewhere").version


def ask(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "chipledger"), "--config", str(folder), "query", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def elsewhere(fleet: Fleet, tmp_path: Path) -> Path:
    """A host that has the settings and no lake."""
    lines = [f'{key} = "{getattr(fleet.settings, key)}"' for key in ("project", "dataset", "endpoint")]
    (tmp_path / "chipledger.toml").write_text("\n".join(["[bigquery]", *lines, ""]))
    return tmp_path


def test_the_command_tells_what_it_cost(fleet: Fleet, elsewhere: Path) -> None:
    text = "SELECT team, SUM(cost) AS cost FROM charges GROUP BY team ORDER BY team"
    mine = fleet.project.query(text)

    done = ask(elsewhere, text, "--format", "csv")

    assert done.stdout == mine.write_csv()
    assert re.fullmatch(r"BigQuery: [0-9.]+ kB scanned, 8[34]\.\d MB billed\n", done.stderr)
    assert ask(elsewhere, text, "--format", "csv").stderr == "BigQuery: an earlier answer, nothing is billed\n"


def test_a_dry_run_asks_nothing(fleet: Fleet, elsewhere: Path) -> None:
    before = len(fleet.loopback.requests)

    done = ask(elsewhere, "SELECT * FROM usage", "--dry-run")

    assert done.stderr == ""
    assert re.fullmatch(
        r"BigQuery would scan 3\.\d MB: 0\.0000 USD at the list price of 6\.25 USD per TiB; .*\n", done.stdout
    )
    assert [method for method, _ in fleet.loopback.requests[before:]] == ["POST"]
    assert ask(elsewhere, "SELECT * FROM usge", "--dry-run").returncode == 2
