"""A lake that is made from BigQuery is the lake that was pushed there."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.close import close
from accounting.disputes import credits_of, dispute, resolve
from accounting.errors import InputError, StoreError
from accounting.inputs.importing import silent
from accounting.stores.bigquery import rows
from accounting.stores.closing import closes
from accounting.stores.disputes import entries
from accounting.stores.lake import Lake
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.serving import Loopback
from tests.segments import Node
from tests.stores.bigquery.hosts import Host, differing, held, host, settings
from tests.test_ingest import bring
from tests.test_pipeline import FILES, NOW


@pytest.mark.parametrize("streamed", [True, False])
def test_a_pulled_lake_is_the_pushed_one(one: Host, loopback: Loopback, tmp_path: Path, *, streamed: bool) -> None:
    one.push()
    two = host(tmp_path / "two", settings(loopback, streamed=streamed))
    two.pull()

    assert held(two.ledger) == held(one.ledger)
    assert two.lake.imports() == one.lake.imports()
    assert two.lake.live() == one.lake.live()
    assert two.lake.integrity() == "ok"
    assert two.ledger.run().publication is None  # every day is up to date
    assert two.push().loads == 0


def test_two_hosts_take_turns(one: Host, loopback: Loopback, tmp_path: Path) -> None:
    one.push()
    two = host(tmp_path / "two", settings(loopback))
    two.pull()
    two.ledger.bring("jobs", FILES["jobs"].replace("burst", "theirs"))
    bring(two.ledger, Node("a").segment(71, 80), Node("a").segment(61, 70))
    two.ledger.run()
    two.push()
    assert differing(two) == []

    one.pull()  # its lake has nothing of its own, and is only behind
    assert held(one.ledger) == held(two.ledger)
    more = FILES["capacity"].replace("train,H100-80GB,4", "train,H100-80GB,5")
    assert one.ledger.bring("capacity", more, source="c").record.seq == 11
    one.push()
    assert differing(one) == []


def test_a_lake_with_something_of_its_own_is_not_replaced(one: Host) -> None:
    one.push()
    one.ledger.bring("jobs", FILES["jobs"].replace("burst", "mine"))
    before = held(one.ledger)

    with pytest.raises(InputError, match=r"has what BigQuery has not \(import 9, .*copy --to bigquery"):
        one.pull()
    assert held(one.ledger) == before


def test_an_undo_and_a_close_are_its_own(one: Host) -> None:
    one.push()
    close(one.ledger.project, "2025-01", NOW, silent)
    with pytest.raises(InputError, match=r"has what BigQuery has not \(close of 2025-01\)"):
        one.pull()

    one.lake.undo_import(1)
    with pytest.raises(InputError, match=r"has what BigQuery has not \(import 1, jobs.*, is undone here\)"):
        one.pull()
    one.push()
    one.pull()
    assert one.lake.imports()[0].state == "undone"
    assert [line.month for line in closes(one.lake)] == ["2025-01"]


def test_disputes_go_there_and_come_back(one: Host, loopback: Loopback, tmp_path: Path) -> None:
    one.push()
    text = "SELECT charge_id FROM charges WHERE team <> 'platform' ORDER BY cost DESC LIMIT 1"
    (charge,) = one.ledger.project.query(text)["charge_id"]
    dispute(one.ledger.project, charge, "the node was down", NOW)
    with pytest.raises(InputError, match=rf"has what BigQuery has not \(dispute 1 of charge {charge}\)"):
        one.pull()
    one.push()
    resolve(one.ledger.project, charge, "half of it", Decimal("0.5"), NOW)
    one.ledger.run()
    one.push()
    assert differing(one) == []

    two = host(tmp_path / "two", settings(loopback))
    two.pull()
    assert [replace(line, credit=None) for line in entries(two.lake)] == [
        replace(line, credit=None) for line in entries(one.lake)
    ]
    assert credits_of(two.lake) == credits_of(one.lake)
    assert two.ledger.run().publication is None
    assert held(two.ledger) == held(one.ledger)


def test_a_pull_that_fails_leaves_the_lake_as_it_was(one: Host, loopback: Loopback, tmp_path: Path) -> None:
    one.push()
    two = host(tmp_path / "two", settings(loopback, streamed=False))
    loopback.faults.add(Fault("GET", "/usage/data", 403, "accessDenied"))
    with pytest.raises(StoreError, match=r"reading usage.*docs/bigquery\.md, Access"):
        two.pull()
    assert two.lake.imports() == []

    two.pull()
    assert held(two.ledger) == held(one.ledger)
    assert [path.name for path in (tmp_path / "two").iterdir() if "pulled" in path.name] == []


def test_rows_that_are_gone_are_noticed(one: Host, loopback: Loopback, tmp_path: Path) -> None:
    one.push()
    loopback.sql("DELETE FROM gpu_store.input_jobs WHERE row = 1")
    two = host(tmp_path / "two", settings(loopback))

    with pytest.raises(StoreError, match=r"input_jobs: 5 rows of 1, where 6 were loaded"):
        two.pull()
    assert Lake.open(two.lake.folder).imports() == []


def test_nothing_can_be_pulled_from_nowhere(loopback: Loopback, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset acme\.gpu has no chipledger in it"):
        host(tmp_path / "two", settings(loopback)).pull()


def test_a_stream_that_breaks_off_goes_on(
    one: Host, loopback: Loopback, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "FEW_ROWS", 1)
    one.push()
    two = host(tmp_path / "two", settings(loopback))
    loopback.faults.broken_streams = 5
    two.pull()

    assert held(two.ledger) == held(one.ledger)
