"""Disputes on Chargeback: those of the month's charges, and what was credited."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.disputes import dispute, resolve
from accounting.project import open_project
from tests.app.conftest import NOW, Open, run
from tests.app.test_pages import exact

NAME = "What teams objected to"


@pytest.fixture(scope="module")
def disputed(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disputed") / "p"
    shutil.copytree(company, folder)
    project = open_project(folder)
    text = "SELECT charge_id FROM charges WHERE team IN ('search', 'vision') AND cost > 9 ORDER BY team, cost DESC"
    search, *_, vision = project.query(text)["charge_id"]
    dispute(project, search, "the <node> was down", NOW)
    resolve(project, search, "its link was", Decimal("4.5"), NOW)
    dispute(project, vision, "not ours", NOW)
    run(folder)
    return folder


def test_a_month_shows_its_disputes_and_what_was_credited(disputed: Path, look: Open) -> None:
    html = look(disputed, "chargeback").html
    rows = open_project(disputed).query("SELECT number, credit, booked FROM disputes WHERE action = 'credit'").rows()

    assert rows == [(1, Decimal("4.5"), "2026-03")]
    assert exact(html, "dispute_1") == Decimal("4.5")
    assert "the &lt;node&gt; was down" in html
    assert html.index("not ours") < html.index("its link was")


def test_disputes_are_of_teams_and_no_clusters(disputed: Path, look: Open) -> None:
    of_vision = look(disputed, "chargeback", team="vision").html
    assert "not ours" in of_vision
    assert "its link was" not in of_vision
    assert NAME not in look(disputed, "chargeback", cluster="default").html


def test_a_month_without_disputes_has_no_such_table(company: Path, look: Open) -> None:
    assert NAME not in look(company, "chargeback").html
