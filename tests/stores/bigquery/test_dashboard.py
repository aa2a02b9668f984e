"""The dashboard on a host that has no lake, and what a project without BigQuery loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from accounting.inputs.importing import silent
from accounting.project import open_project
from accounting.stores.bigquery.client import connect
from accounting.stores.bigquery.cost import costs
from accounting.stores.bigquery.push import push
from accounting.stores.engine import views
from app.filters import Bill
from app.literal import parameters_of
from app.source import Source, question
from tests.app.conftest import KINDS, bring, new, run
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback, serve
from tests.stores.bigquery.fleet import Fleet, settings_of

MARCH = Bill("2026-03").parameters


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    with serve() as served:
        yield served


def settle(folder: Path, loopback: Loopback) -> Path:
    """A folder with settings and no lake."""
    folder.mkdir()
    given = settings_of(loopback)
    keys = ("project", "dataset", "endpoint", "storage_endpoint")
    lines = [f'{key} = "{getattr(given, key)}"' for key in keys]
    (folder / "chipledger.toml").write_text("\n".join(["[bigquery]", *lines, ""]))
    return folder


def test_a_push_turns_the_page_on_a_host_without_a_lake(tmp_path: Path, loopback: Loopback) -> None:
    there, here = new(tmp_path / "there"), settle(tmp_path / "here", loopback)
    bring(there, *KINDS)
    run(there)
    project, asking = open_project(there), open_project(here)
    push(project.lake, connect(settings_of(loopback)), silent)
    source = Source(here)
    with source.open() as look:
        assert asking.remote
        assert look.book.status() is None
        with Source(there).open() as local:
            assert look.book.rows("bill_teams", MARCH) == local.book.rows("bill_teams", MARCH)
        before = look.book
    asked = len(loopback.requests)
    with source.open() as look:
        assert look.book is before
        look.book.rows("bill_teams", MARCH)
    assert [method for method, _ in loopback.requests[asked:]] == ["GET"]

    project.lake.undo_import(KINDS.index("teams") + 1)
    run(there)
    push(project.lake, connect(settings_of(loopback)), silent)

    with source.open() as look:
        assert look.book is not before
        assert {row["team"] for row in look.book.rows("bill_teams", MARCH)} == {
            row["team"] for row in project.query("SELECT DISTINCT team FROM charges").to_dicts()
        }


def test_the_last_good_book_stays_where_bigquery_is_away(fleet: Fleet, tmp_path: Path) -> None:
    source = Source(settle(tmp_path / "here", fleet.loopback))
    with source.open() as look:
        days = look.book.rows("published", {})
    fleet.loopback.faults.add(Fault("GET", "/tables/switch", 403, "accessDenied"))
    with source.open() as look:
        assert look.problem is not None
        assert "see docs/bigquery.md, Access" in look.problem
        assert look.book.rows("published", {}) == days
    fleet.loopback.faults.clear()


def test_threads_ask_bigquery_each_question_once(fleet: Fleet, tmp_path: Path) -> None:
    source = Source(settle(tmp_path / "here", fleet.loopback))
    with source.open() as look:
        names, month = ("bill_teams", "bill_models", "bill_total", "bill_workloads"), Bill("2026-10").parameters
        before = len(fleet.loopback.requests)
        look.book.ahead(names * 3, month)
        found = {name: look.book.rows(name, month) for name in names}
    assert len(fleet.loopback.requests) - before == len(names)
    mine = {key: month[key] for key in parameters_of(question("bill_teams"))}
    assert found["bill_teams"] == tuple(fleet.project.query(question("bill_teams"), mine).to_dicts())


def test_views_cost_what_they_scan(fleet: Fleet) -> None:
    found = {one.view: one for one in costs(fleet.warehouse)}

    assert set(found) == set(views())
    with closing(fleet.asking().reader()) as reader:
        assert found["usage"].all_bytes == reader.estimate("SELECT * FROM usage")
    usage = found["usage"]
    assert usage.month is not None
    assert 0 < (usage.month_bytes or 0) <= usage.all_bytes
    assert found["runs"].month_bytes is None


def test_a_project_without_bigquery_loads_none_of_it(tmp_path: Path) -> None:
    folder = new(tmp_path / "p")
    code = (
        "import sys; from accounting.cli import cli\n"
        f"cli(['--config', {str(folder)!r}, 'query', 'SELECT COUNT(*) AS n FROM usage'], standalone_mode=False)\n"
        "import app.source\n"
        "print(sorted({'google', 'grpc', 'pyarrow'} & {name.partition('.')[0] for name in sys.modules}),"
        " [name for name in sys.modules if name.startswith('accounting.stores.bigquery')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.splitlines()[-1] == "[] []"
