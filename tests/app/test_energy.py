"""Energy on Chargeback: what was measured by team, and what it emits once the grid is known."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.config import FILE
from accounting.project import open_project
from tests.app.conftest import Open, bring, new, run
from tests.app.test_pages import exact

GRID = "\n[[grid]]\nfrom = 2026-01-01\nco2e_g_per_kwh = 400\npue = 1.25\n"
TITLE = "Measured at the accelerators"


@pytest.fixture(scope="module")
def emitting(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("emitting") / "p"
    shutil.copytree(company, folder)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(GRID)
    run(folder)
    return folder


def test_teams_have_what_was_measured_of_their_time(company: Path, look: Open) -> None:
    html = look(company, "chargeback").html
    text = (
        "SELECT team, SUM(energy_joules) / 3600000 FROM usage WHERE month = '2026-03' AND team IS NOT NULL GROUP BY 1"
    )
    known = {team: kwh for team, kwh in open_project(company).query(text).rows() if kwh}

    assert known
    assert {team: round(exact(html, f"energy_{team}"), 6) for team in known} == {
        t: round(k, 6) for t, k in known.items()
    }
    assert "kg" not in html[html.index(TITLE) : html.index(TITLE) + 4000], "no factor, no emissions"


def test_emissions_follow_the_grid_and_its_pue(emitting: Path, look: Open) -> None:
    html = look(emitting, "chargeback", team="vision").html

    assert abs(exact(html, "co2e_vision") - exact(html, "energy_vision") * Decimal("0.5")) < Decimal("0.001")
    assert "energy_language" not in html


def test_where_nobody_measures_there_is_no_such_table(look: Open, tmp_path: Path) -> None:
    folder = new(tmp_path / "p")
    bring(folder, "capacity", "prices", "teams", "jobs")
    run(folder)
    assert TITLE not in look(folder, "chargeback").html
