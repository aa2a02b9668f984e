"""Quotas of queues on Idle waste, as the view has them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from accounting.config import load_config, write_project
from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.project import open_project
from accounting.stores.lake import Lake
from collector.central.findings import Findings
from tests.app.conftest import Open, run
from tests.app.test_pages import exact
from tests.collected import HOUR, allocated, pod, put, quoted, stocked
from tests.segments import MIDNIGHT

NAME = "Queues and quotas"


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("queues") / "p"
    lake = Lake.create(load_config(write_project(folder)).lake)
    hours = [MIDNIGHT + n * HOUR for n in range(4)]
    told = [
        quoted("research", 4, 6, hours[0], hours[1]),
        quoted("research", 4, 1, hours[1], hours[3]),
        quoted("batch", 8, 2, hours[0], hours[2], cohort=""),
    ]
    found = Findings(
        quoted=told,
        stocked=[stocked(16, hours[0], hours[3])],
        allocated=[allocated(pod("a"), 1, hours[0], hours[3], node="n1")],
    )
    put(folder / "inbox", "prometheus", found)
    ingest(lake, open_inbox("inbox", folder), hours[3])
    run(folder)
    return folder


def test_hours_of_a_queue_are_those_of_the_view(queues: Path, look: Open) -> None:
    html = look(queues, "idle").html
    rows = open_project(queues).query(
        "SELECT queue, SUM(quota_seconds), SUM(used_seconds), SUM(borrowed_seconds) FROM quotas GROUP BY queue"
    )

    assert sorted(rows.rows()) == [("batch", 16 * 3600, 4 * 3600, 0), ("research", 12 * 3600, 8 * 3600, 2 * 3600)]
    for queue, *amounts in rows.rows():
        shown = [exact(html, f"queue_{what}_east_{queue}") for what in ("quota", "used", "borrowed")]
        assert shown == amounts
    unused = {queue: exact(html, f"queue_unused_east_{queue}") for queue in ("batch", "research")}
    assert unused == {"batch": Decimal(12 * 3600), "research": Decimal(6 * 3600)}
    assert html.index("queue_quota_east_research") < html.index("queue_quota_east_batch")


def test_quotas_are_no_teams(queues: Path, look: Open) -> None:
    assert NAME in look(queues, "idle", cluster="east").html
    of_a_team = look(queues, "idle", team="red").html
    assert "Who held it" in of_a_team
    assert NAME not in of_a_team


def test_a_company_without_queues_has_no_such_table(company: Path, look: Open) -> None:
    assert NAME not in look(company, "idle").html
