"""Every file in sql/views runs over the CSV cases in tests/sql/<view>/<case>/."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

import sql
from accounting.stores.arrow import frame
from accounting.stores.engine import open_session
from accounting.stores.lake import Snapshot
from accounting.stores.lint import lint
from accounting.tables import ALL, INPUTS, TOLD, by_name

TEXTS = "HEADER, ALLOW_QUOTED_NULLS false"
"""`""` in a case is an empty text, and nothing at all NULL."""
MORE = {"charges": ("corrects",), "publications": ("live",), "statements": ("state",), "disputes": ("state",)}
"""Columns that a view has beside its table's."""
HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/*/expect.csv"))
VIEWS = [name.partition("/")[2] for name in sql.names("views")]


def load(case: Path, folder: Path) -> Snapshot:
    """The case's CSV files with the tables' types, as files of a store."""
    frames = {table.name: table.empty() for table in TOLD}
    files: dict[str, list[str]] = {t.name: [] for t in INPUTS.values()}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA store")
    for path in sorted(case.glob("*.csv")):
        if path.stem == "expect":
            continue
        table = by_name(path.stem)
        connection.execute(table.create_duckdb())
        header = path.read_text().partition("\n")[0]
        connection.execute(f"COPY store.{table.name} ({header}) FROM '{path}' ({TEXTS})")
        rows = frame(connection.sql(f"FROM store.{table.name}")).cast(table.schema)
        if table.name in frames:
            frames[table.name] = rows
        else:
            rows.write_parquet(folder / f"{table.name}.parquet")
            files[table.name] = [str(folder / f"{table.name}.parquet")]
    return Snapshot(files, frames, 1)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_view_gives_the_expected_rows(case: Path, tmp_path: Path) -> None:
    header = (case / "expect.csv").read_text().partition("\n")[0]
    with open_session(load(case, tmp_path)) as session:
        session.query(f"SELECT {header} FROM {case.parent.name}").write_parquet(tmp_path / "got.parquet")
    connection = duckdb.connect()
    connection.execute(f"SET TimeZone = 'UTC'; CREATE TABLE got AS FROM '{tmp_path / 'got.parquet'}'")
    connection.execute("CREATE TABLE want AS FROM got LIMIT 0")
    connection.execute(f"COPY want FROM '{case / 'expect.csv'}' ({TEXTS})")

    assert frame(connection.sql("FROM want EXCEPT ALL FROM got")).rows() == []
    assert frame(connection.sql("FROM got EXCEPT ALL FROM want")).rows() == []


def test_every_view_has_a_case() -> None:
    assert set(VIEWS) == {case.parent.name for case in CASES}


@pytest.mark.parametrize("view", [v for v in VIEWS if v in {t.name for t in ALL}])
def test_a_view_of_a_table_has_its_columns(view: str, tmp_path: Path) -> None:
    with open_session(load(tmp_path, tmp_path)) as session:
        found = session.query(f"SELECT * FROM {view}").columns
    assert [name for name in found if name not in MORE.get(view, ())] == by_name(view).names


@pytest.mark.parametrize("name", [*sql.names("views"), *sql.names("checks")])
def test_our_own_files_keep_to_the_subset(name: str) -> None:
    text = sql.read(name)
    assert lint(text) == []
    assert text.startswith("-- Grain: " if name.startswith("views/") else "-- fail: ")
