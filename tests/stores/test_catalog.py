"""A lake of an older chipledger becomes one of today's when it is opened, once, and in one transaction."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from accounting.errors import StoreError
from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.stores import catalog
from accounting.stores.lake import Lake
from tests.segments import HOUR, MIDNIGHT, Node

FIRST = (Path(__file__).parents[1] / "data" / "catalog-1.sql").read_text("utf-8")
"""What chipledger 0.1 wrote: `.dump` of its catalog, with one import of jobs."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "lake"
    (folder / "data").mkdir(parents=True)
    with closing(sqlite3.connect(folder / catalog.NAME)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(FIRST)
    return folder


def structure(folder: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(folder / catalog.NAME)) as connection:
        return set(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))


def version(folder: Path) -> str:
    with closing(sqlite3.connect(folder / catalog.NAME)) as connection:
        return str(connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()[0])


def test_an_old_catalog_becomes_a_new_one(old: Path, tmp_path: Path) -> None:
    lake = Lake.open(old)

    assert version(old) == str(catalog.VERSION)
    assert structure(old) == structure(Lake.create(tmp_path / "new").folder)
    assert [(i.seq, i.kind, i.file, i.state) for i in lake.imports()] == [(1, "jobs", "jobs.csv", "live")]
    Node().segment(1, 3).put(tmp_path / "inbox")
    assert ingest(lake, open_inbox("inbox", tmp_path), MIDNIGHT + HOUR).imports == [2]


def test_many_may_open_it_at_once(old: Path) -> None:
    code = "import sys; from pathlib import Path; from accounting.stores.lake import Lake; Lake.open(Path(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(old)]) for _ in range(4)]

    assert [process.wait() for process in processes] == [0] * 4
    assert version(old) == str(catalog.VERSION)


def test_a_migration_that_fails_leaves_it_as_it_was(old: Path) -> None:
    with closing(sqlite3.connect(old / catalog.NAME)) as connection:
        connection.execute("CREATE VIEW live_segments AS SELECT 1")
        connection.commit()
    before = structure(old)

    with pytest.raises(StoreError):
        Lake.open(old)
    assert (version(old), structure(old)) == ("1", before)
