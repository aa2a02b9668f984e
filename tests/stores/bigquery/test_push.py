"""What the lake has comes to BigQuery once, and counts all at once, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from accounting.errors import StoreError
from accounting.inputs.importing import silent
from accounting.stores.bigquery import push as pushing
from accounting.stores.bigquery.define import define
from accounting.stores.bigquery.difference import Foreign
from accounting.stores.lake import now_ms
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback
from tests.stores.bigquery.hosts import Host, copied, differing, host, loads_twice, settings
from tests.test_pipeline import FILES, Ledger


def test_a_push_brings_everything_and_the_next_one_nothing(one: Host, loopback: Loopback) -> None:
    first = one.push()

    assert differing(one) == []
    assert loads_twice(loopback) == []
    jobs, requests = sum(loopback.loads.values()), len(loopback.requests)
    assert first.loads == jobs > 10
    assert first.rows == sum(rows for (rows,) in loopback.sql('SELECT "rows" FROM gpu_store.loads'))

    again = one.push()
    assert (again.loads, again.rows, again.generation) == (0, 0, first.generation)
    assert sum(loopback.loads.values()) == jobs
    assert {method for method, _ in loopback.requests[requests:]} == {"GET"}


def test_lost_answers_change_nothing(one: Host, loopback: Loopback) -> None:
    define(one.warehouse, silent)
    loopback.faults.add(Fault(when="after", probability=0.4, times=1000))
    one.push()
    assert loopback.faults.happened > 20
    loopback.faults.clear()

    assert differing(one) == []
    assert loads_twice(loopback) == []
    assert sum(loopback.loads.values()) == len(loopback.sql("SELECT 1 FROM gpu_store.loads"))


def test_connections_that_are_cut_change_nothing(one: Host, loopback: Loopback) -> None:
    define(one.warehouse, silent)
    loopback.faults.add(Fault(when="cut_after", path="/upload|/jobs", probability=0.3, times=1000))
    one.push()
    loopback.faults.clear()

    assert differing(one) == []
    assert loads_twice(loopback) == []


def test_a_job_that_failed_is_done_by_the_next_attempt(one: Host, loopback: Loopback) -> None:
    one.push()
    one.ledger.bring("jobs", FILES["jobs"].replace("burst", "other"))
    loopback.faults.failing_jobs = 2
    one.push()

    assert differing(one) == []
    assert loads_twice(loopback) == []


def test_a_quota_that_is_used_up_is_said_and_nothing_is_half_counted(one: Host, loopback: Loopback) -> None:
    one.push()
    before = loopback.sql(
        "SELECT state, COUNT(*) FROM gpu_store.imports WHERE state <> 'staging' GROUP BY ALL ORDER BY 1"
    )
    one.ledger.bring("jobs", FILES["jobs"].replace("burst", "other"))
    loopback.faults.add(Fault("POST", "/upload", 403, "quotaExceeded", times=100))

    with pytest.raises(StoreError, match=r"loading 6 rows into input_jobs.*docs/bigquery.md, Quotas$"):
        one.push()
    after = loopback.sql(
        "SELECT state, COUNT(*) FROM gpu_store.imports WHERE state <> 'staging' GROUP BY ALL ORDER BY 1"
    )
    assert after == before

    loopback.faults.clear()
    assert one.push().loads == 1
    assert differing(one) == []


def test_undo_and_a_new_version_reach_the_warehouse(one: Host) -> None:
    one.push()
    one.ledger.bring("capacity", FILES["capacity"], source="now")
    one.ledger.bring("capacity", FILES["capacity"].replace("train,H100-80GB,4", "train,H100-80GB,5"), source="now")
    one.lake.undo_import(1)
    one.push()
    one.ledger.run()
    one.push()

    assert differing(one) == []


def test_two_hosts_cannot_both_have_an_import_of_one_number(ledger: Ledger, loopback: Loopback, tmp_path: Path) -> None:
    one, two = (copied(ledger, tmp_path / name, settings(loopback)) for name in ("one", "two"))
    one.push()
    two.push()
    for which, here in (("left", one), ("right", two)):
        here.ledger.bring("jobs", FILES["jobs"].replace("burst", which))
    loopback.faults.add(Fault("POST", "/upload", 403, "quotaExceeded"))
    with pytest.raises(StoreError, match=r"docs/bigquery\.md, Quotas"):
        one.push()  # it has taken the number, and loaded nothing

    with pytest.raises(Foreign, match=r"import 9, jobs of .*staging.*copy --from bigquery"):
        two.push()
    one.push()
    assert differing(one) == []
    with pytest.raises(Foreign, match="another host wrote to it"):
        two.push()


def test_a_publication_of_another_host_is_not_overwritten(ledger: Ledger, loopback: Loopback, tmp_path: Path) -> None:
    one, two = (copied(ledger, tmp_path / name, settings(loopback)) for name in ("one", "two"))
    one.push()
    for here in (one, two):
        here.lake.undo_import(2)
        here.ledger.run()
    one.push()

    with pytest.raises(Foreign, match=r"has what this lake has not \(publication"):
        two.push()
    assert differing(one) == []


def test_what_the_lake_has_forgotten_leaves_the_warehouse(one: Host, loopback: Loopback) -> None:
    one.push()
    one.lake.undo_import(2)
    one.ledger.run()
    one.push()
    assert loopback.sql("SELECT COUNT(DISTINCT publication) FROM gpu_store.usage") == [(3,)]

    assert one.lake.sweep(now_ms() + 10, 0) > 0
    one.push()

    kept = {name for (name,) in loopback.sql("SELECT DISTINCT publication FROM gpu_store.usage")}
    assert kept == {day.publication for day in one.lake.live()}
    assert loads_twice(loopback) == []
    assert differing(one) == []
    known = len(loopback.requests)
    one.push()
    assert {method for method, _ in loopback.requests[known:]} == {"GET"}


def test_more_than_one_transaction_can_hold_switch_in_steps(
    one: Host, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushing, "MOST_ROWS", 3)
    one.push()

    assert differing(one) == []
    assert loads_twice(loopback) == []


def test_an_empty_lake_defines_an_empty_warehouse(loopback: Loopback, tmp_path: Path) -> None:
    empty = host(tmp_path / "empty", settings(loopback))

    assert empty.push().loads == 0
    assert differing(empty) == []


def test_one_project_has_two_warehouses(ledger: Ledger, loopback: Loopback, tmp_path: Path) -> None:
    for name in ("first", "second"):
        here = copied(ledger, tmp_path / name, settings(loopback, name))
        assert here.push().loads > 10
        assert loads_twice(loopback, name) == []
        assert differing(here) == []
