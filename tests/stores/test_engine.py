from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from accounting.errors import InputError, StoreError
from accounting.schema import Table
from accounting.stores.engine import Session, open_session
from accounting.stores.lake import Lake, PublishedDay
from accounting.tables import ADJUSTMENTS, CHARGES, INPUT_JOBS, INPUTS, RESULTS

DAY = date(2025, 1, 1)
NOON = 1_735_732_800_000
SUMMARY = {
    "from_day": "2025-01-01", "to_day": "2025-01-01", "cluster_days": 1, "usage_rows": 0, "charge_rows": 1,
    "cost": "0.333333333", "residual_seconds": "0.000", "residual_cost": "0.000000000", "unpriced_seconds": "0.000",
}  # fmt: skip


def rows(table: Table, *values: dict[str, Any]) -> pl.DataFrame:
    """Rows with the given values; other required columns are filled."""
    fill = {"string": "x", "int64": 0, "seconds": Decimal(0), "date": DAY}
    full = [{c.name: v.get(c.name, fill.get(c.kind) if c.required else None) for c in table.columns} for v in values]
    return pl.DataFrame(full, schema=table.schema)


def publish(lake: Lake, publication: str, cost: str, base: int) -> None:
    values = {"cluster": "a", "team": "nlp", "cost": Decimal(cost), "device_seconds": Decimal("1.500")}
    file = lake.stage(CHARGES, rows(CHARGES, {**values, "publication": publication}))
    lake.publish(publication, [PublishedDay("a", DAY, "f", base)], [file], NOON, NOON + 250, SUMMARY)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake.create(tmp_path / "o'lake")
    publish(lake, "p1", "9.000000000", 0)
    publish(lake, "p2", "0.333333333", 1)
    seq = lake.reserve_import("jobs", "log", "jobs.csv", "a", "b", NOON)
    jobs = rows(INPUT_JOBS, {"import_seq": seq, "row": 1, "cluster": "a", "start_ms": NOON})
    lake.commit_import(seq, 1, 0, {}, [lake.stage(INPUT_JOBS, jobs)], [])
    return lake


@pytest.fixture
def session(lake: Lake) -> Iterator[Session]:
    with open_session(lake.snapshot()) as session:
        yield session


def test_a_view_shows_the_live_publication_only(session: Session) -> None:
    assert session.query("SELECT publication, cost FROM charges").rows() == [("p2", Decimal("0.333333333"))]
    stored = session.query("SELECT publication FROM store.charges ORDER BY publication")
    assert stored.rows() == [("p2",)], "a snapshot has no files of replaced publications"
    assert session.query("SELECT publication, live FROM publications ORDER BY seq").rows() == [
        ("p1", False),
        ("p2", True),
    ]


def test_decimals_and_times_come_out_exact(session: Session) -> None:
    frame = session.query("SELECT cost, device_seconds, day, cost / 3 AS third FROM charges")
    assert frame.schema == {
        "cost": pl.Decimal(38, 9), "device_seconds": pl.Decimal(18, 3), "day": pl.Date(), "third": pl.Decimal(38, 9),
    }  # fmt: skip
    assert frame.rows() == [(Decimal("0.333333333"), Decimal("1.500"), DAY, Decimal("0.111111111"))]
    runs = session.query("SELECT ended, residual_cost FROM runs ORDER BY publication LIMIT 1")
    assert runs.rows() == [(datetime(2025, 1, 1, 12, 0, 0, 250_000, UTC), Decimal(0))]
    assert runs.schema["ended"] == pl.Datetime("us", "UTC")


def test_imported_rows_are_there_to_ask(session: Session) -> None:
    assert session.query("SELECT TIMESTAMP_MILLIS(start_ms) AS start FROM input.jobs").item() == datetime(
        2025, 1, 1, 12, tzinfo=UTC
    )


def test_an_empty_store_has_every_table(tmp_path: Path) -> None:
    with open_session(Lake.create(tmp_path / "lake").snapshot()) as session:
        for table in RESULTS:
            view = ADJUSTMENTS if table == CHARGES else table
            names = {table.name: view.names, **{f"{x}.{table.name}": table.names for x in ("store", "staged")}}
            for name, columns in names.items():
                found = session.query(f"SELECT * FROM {name}")
                assert (found.height, found.columns) == (0, columns)
        for kind, table in INPUTS.items():
            assert session.query(f"SELECT * FROM input.{kind}").columns == table.names


def test_staged_rows_are_apart_from_published_ones(lake: Lake) -> None:
    file = lake.stage(CHARGES, rows(CHARGES, {"cluster": "b", "cost": Decimal(7)}))
    with open_session(lake.snapshot(), staged={"charges": [str(lake.folder / file.path)]}) as session:
        assert session.query("SELECT cluster, cost FROM staged.charges").rows() == [("b", Decimal(7))]
        assert session.query("SELECT cluster FROM charges").rows() == [("a",)]


def test_parameters_are_named(session: Session) -> None:
    query = "SELECT team FROM charges WHERE day = @day AND team IN UNNEST(@teams)"
    assert session.query(query, {"day": DAY, "teams": ["nlp"]}).rows() == [("nlp",)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM `/etc/passwd`",
        "SELECT * FROM '/etc/passwd'",
        "COPY charges TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT getenv('HOME')",
    ],
)
def test_a_query_reaches_nothing_outside_the_store(session: Session, query: str) -> None:
    with pytest.raises(InputError) as caught:
        session.query(query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
    ],
)
def test_the_engine_itself_is_closed(session: Session, query: str) -> None:
    with pytest.raises(duckdb.Error, match=r"disabled|locked|cannot"):
        session.connection.execute(query)


def test_a_file_of_the_lake_that_does_not_count_cannot_be_read(lake: Lake, session: Session) -> None:
    orphan = lake.stage(CHARGES, rows(CHARGES, {"cluster": "b"}))
    with pytest.raises(duckdb.Error, match="disabled"):
        session.connection.execute("SELECT * FROM read_parquet(?)", [str(lake.folder / orphan.path)])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT tem FROM charges", "^query: charges has no column `tem`: did you mean team[?]$"),
        ("SELECT charges.tem FROM charges", "query: charges has no column `tem`: did you mean team[?]"),
        ("SELECT `user` FROM usage", "query: usage has no column `user`"),
        ("SELECT user", "query: no table here has a column `user`"),
        ("SELECT nothing FROM faults", "query: faults has no column `nothing`: there is accelerator, .*workloads$"),
        ("SELECT team FROM chargs", "query: there is no table `chargs`: did you mean charges[?]"),
        ("SELECT cost / 2 FROM store.chargs", "query: there is no table `store.chargs`: did you mean store.charges"),
        ("SELECT x.cost / 2 FROM charges AS c", "query: there is no table or alias `x` here: there is c"),
        ("SELECT u.team FROM usage AS u JOIN charges AS c USING (tem)", "query: USING names a column .*: tem"),
        ("SELECT 1 / 0", "query: division by zero: write SAFE_DIVIDE"),
        ("SELECT CAST('x' AS INT64)", "query: this text is no INT64: x"),
        (
            "SELECT day FROM usage, charges",
            "query: column `day` is ambiguous, usage and charges have one: write usage.day",
        ),
        ("SELECT team, SUM(cost) FROM charges", "query: .*team.*GROUP BY"),
        ("SELECT team FROM charges WHERE team = @x", "query: no value is given for @x: write the value itself"),
        (
            "SELECT * FROM charges AS c JOIN usage AS u USING (workload_id)",
            "query: two columns are called `.*`: rename",
        ),
    ],
)
def test_a_wrong_query_is_told_in_one_line(session: Session, query: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        session.query(query)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT busy_second FROM usage",
        "SELECT SUM(busy_second) / 3600 FROM usage",
        "SELECT busy_second / 3600 FROM usage",
        "SELECT u.busy_second * 2 FROM usage AS u",
        "SELECT AVG(busy_second) FROM usage",
        "SELECT SAFE_DIVIDE(SUM(busy_second), SUM(device_seconds)) FROM usage",
        "SELECT DATE_TRUNC(busy_second, MONTH) FROM usage",
        "SELECT x / 2 FROM (SELECT SUM(busy_second) AS x FROM usage)",
        "WITH a AS (SELECT busy_second * 2 AS x FROM usage) SELECT x / 2 FROM a",
        "SELECT (SELECT SUM(u.busy_second) / 2 FROM usage AS u WHERE u.team = c.team) FROM charges AS c",
        "FROM usage |> AGGREGATE SUM(busy_second) / 2 AS x GROUP BY team",
        "SELECT team FROM charges UNION ALL SELECT busy_second / 2 FROM usage",
    ],
)
def test_a_misspelled_column_is_told_before_its_type(session: Session, query: str) -> None:
    with pytest.raises(InputError, match=r"^query: usage has no column `busy_second`: did you mean busy_seconds\?$"):
        session.query(query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT SUM(y) / 2 FROM (SELECT cost AS x FROM charges)", "the subquery has no column `y`"),
        ("WITH a AS (SELECT team FROM charges) SELECT SUM(tem) / 2 FROM a", "a has no column `tem`: did you mean team"),
        ("SELECT tem / 2 FROM usage, charges", "none of usage, charges has a column `tem`: did you mean team"),
    ],
)
def test_a_missing_column_names_what_was_asked(session: Session, query: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        session.query(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a FROM UNNEST([STRUCT(1 AS a)])",
        "SELECT x.a, off FROM (SELECT [STRUCT(1 AS a)] AS l), UNNEST(l) AS x WITH OFFSET AS off",
        "SELECT COUNT(*) FROM charges AS c, UNNEST([c.team]) AS t WHERE t = c.team",
        "SELECT C.TEAM, SUM(Cost) AS c FROM Charges AS c GROUP BY team HAVING c > 1 ORDER BY c, team",
        "SELECT usage FROM (SELECT charge_kind, cost FROM charges) PIVOT (SUM(cost) FOR charge_kind IN ('usage'))",
        "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 5) SELECT n / 2 FROM a",
        "SELECT x.n FROM (SELECT * EXCEPT (cost), 1 AS n FROM charges) AS x",
        "FROM charges |> EXTEND cost / 2 AS half |> AGGREGATE SUM(half) AS h GROUP BY team |> WHERE h > 1",
    ],
)
def test_names_that_exist_are_found(session: Session, query: str) -> None:
    session.query(query)


def test_a_query_too_big_for_its_memory_says_so(lake: Lake) -> None:
    query = "SELECT COUNT(DISTINCT x * 3) FROM UNNEST(GENERATE_ARRAY(1, 3000000)) AS x"
    with (
        open_session(lake.snapshot(), memory_limit="32MB", threads=1) as session,
        pytest.raises(StoreError, match=r"memory|Memory"),
    ):
        session.query(query)


def test_nothing_is_printed_at_exit(lake: Lake) -> None:
    program = (
        "import sys; from pathlib import Path; from accounting.stores.engine import open_session;"
        "from accounting.stores.lake import Lake\n"
        "with open_session(Lake.open(Path(sys.argv[1])).snapshot()) as session: session.query('SELECT 1')"
    )
    done = subprocess.run([sys.executable, "-c", program, str(lake.folder)], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_a_session_may_be_shared_by_threads(session: Session) -> None:
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(session.query("SELECT COUNT(*) FROM charges").item()))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
