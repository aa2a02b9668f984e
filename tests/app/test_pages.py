"""Pages on real projects: what they say in every state."""

from __future__ import annotations

import re
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.project import open_project
from app import states
from tests.app.conftest import PAGES, Open, bring, run


def exact(html: str, name: str) -> Decimal:
    found = re.findall(rf'data-total="{re.escape(name)}" data-exact="([^"]*)"', html)
    assert len(found) == 1, (name, found)
    return Decimal(found[0])


UNWELL = [
    ("overview", "part_unhealthy", "SUM(cost)"),
    ("overview", "part_hours_unhealthy", "SUM(device_seconds)"),
    ("idle", "unhealthy_cost", "SUM(cost)"),
    ("chargeback", "bill_overhead", "SUM(cost)"),
    ("chargeback", "sum_overhead_cost", "SUM(cost)"),
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_the_company(company: Path, look: Open, page: str) -> None:
    shown = look(company, page)

    assert len(shown.test.title) == 1
    assert 'data-basis="1"' in shown.html
    assert "amounts in USD" in shown.html
    assert "data-state" not in shown.html
    assert 'data-notice="remainder"' not in shown.html


@pytest.mark.parametrize(("page", "name", "value"), UNWELL)
def test_what_could_not_be_used_is_shown_apart(unwell: Path, look: Open, page: str, name: str, value: str) -> None:
    html = look(unwell, page).html
    (found,) = open_project(unwell).query(f"SELECT {value} FROM charges WHERE state = 'unhealthy'").row(0)

    assert found > 0
    assert exact(html, name) == found
    assert 'data-notice="remainder"' not in html


def test_the_overview_is_the_charges(company: Path, look: Open) -> None:
    html = look(company, "overview").html
    row = open_project(company).query("SELECT SUM(cost) AS cost, SUM(device_seconds) AS s FROM charges").row(0)

    assert exact(html, "cost") == exact(html, "partition_total") == row[0]
    assert exact(html, "hours") == row[1]


def test_the_address_filters(company: Path, look: Open) -> None:
    html = look(company, "overview", team="vision").html
    (cost,) = open_project(company).query("SELECT SUM(cost) FROM charges WHERE team = 'vision'").row(0)

    assert exact(html, "cost") == cost
    assert "team vision" in html


@pytest.mark.parametrize("page", PAGES)
def test_an_unknown_value_in_the_address_is_said(company: Path, look: Open, page: str) -> None:
    html = look(company, page, team="<script>").html

    assert "There is no team “&lt;script&gt;”: all teams are shown." in html
    assert "<script>" not in html


@pytest.mark.parametrize("page", PAGES)
def test_no_project(tmp_path: Path, look: Open, page: str) -> None:
    html = look(tmp_path, page).html

    assert 'data-state="no-project"' in html
    assert "chipledger init" in html


def test_no_lake(company: Path, tmp_path: Path, look: Open) -> None:
    shutil.copy(company / "chipledger.toml", tmp_path)

    assert 'data-state="no-project"' in look(tmp_path, "overview").html


@pytest.mark.parametrize("page", PAGES)
def test_nothing_imported(empty: Path, look: Open, page: str) -> None:
    html = look(empty, page).html

    assert 'data-state="nothing-imported"' in html
    assert "chipledger import jobs" in html


def test_nothing_published_by_another_host() -> None:
    html = states.unpublished(None)

    assert 'data-state="nothing-published"' in html
    assert "import jobs" not in html


def test_nothing_published(empty: Path, look: Open) -> None:
    bring(empty, "capacity", "jobs")
    html = look(empty, "overview").html

    assert 'data-state="nothing-published"' in html
    assert "2 cluster-days are imported and wait for a run." in html
    assert "<code>chipledger run</code>" in html


@pytest.mark.parametrize("page", PAGES)
def test_nothing_in_the_filter(company: Path, look: Open, page: str) -> None:
    html = look(company, page, team="language", accelerator="L4").html

    assert 'data-state="no-rows"' in html
    assert "Published are Mar 2 – Mar 3, 2026" in html
    assert "data-card" not in html


def test_days_that_are_not_published(company: Path, look: Open) -> None:
    html = look(company, "overview", period="2026-03").html

    assert 'data-notice="partial"' in html
    assert "published from Mar 2, 2026 up to Mar 3, 2026" in html


def test_inputs_newer_than_the_figures(own: Path, look: Open) -> None:
    assert 'data-notice="stale"' not in look(own, "overview").html

    bring(own, "jobs")
    (own / "chipledger.toml").write_text('[policy]\nidle_after = "2m"\n')
    html = look(own, "overview").html

    assert 'data-notice="stale"' in html
    assert "2 days wait for a run (Mar 2 – Mar 3, 2026)" in html

    run(own)
    assert 'data-notice="stale"' not in look(own, "overview").html


def test_the_last_good_result_where_the_project_is_gone(own: Path, look: Open) -> None:
    before = exact(look(own, "overview").html, "cost")
    (own / "lake" / "catalog.sqlite").write_bytes(b"not a catalog")
    html = look(own, "overview").html

    assert 'data-notice="last-good"' in html
    assert exact(html, "cost") == before


def test_a_damaged_file_is_one_line(own: Path, look: Open) -> None:
    for file in (own / "lake" / "data" / "charges").glob("*.parquet"):
        file.write_bytes(b"no parquet")
    html = look(own, "overview").html

    assert 'data-state="error"' in html
    assert "Traceback" not in html


def test_without_prices_hours_are_shown(empty: Path, look: Open) -> None:
    bring(empty, "capacity", "teams", "jobs", "samples")
    run(empty)
    html = look(empty, "overview").html

    assert "nothing has a price" in html
    assert "+ 576.0 unpriced hours" in html
    assert 'data-total="cost" data-exact="">–<' in html
    assert "$0.00" not in html

    html = look(empty, "chargeback").html
    assert 'data-total="bill_cost" data-exact="">–<' in html
    assert "+ 576.0 unpriced hours" in html


def test_a_click_changes_the_figures(company: Path, look: Open) -> None:
    shown = look(company, "overview")
    all_of_it = exact(shown.html, "cost")
    shown.test.selectbox(key="team").set_value("search").run()

    assert len(shown.test.exception) == 0
    assert exact(shown.html, "cost") < all_of_it


def test_custom_days(company: Path, look: Open) -> None:
    shown = look(company, "overview", period="custom")
    assert len(shown.test.exception) == 0
    assert "Mar 2 – Mar 3, 2026 (2 days, UTC)" in shown.html


def test_the_change_against_the_day_before(company: Path, look: Open) -> None:
    shown = look(company, "overview", period="custom")
    shown.test.date_input(key="days").set_value((date(2026, 3, 3), date(2026, 3, 3))).run()

    assert len(shown.test.exception) == 0
    assert "vs the day before" in shown.html


def test_a_model_narrows_the_workloads(company: Path, look: Open) -> None:
    shown = look(company, "chargeback")
    shown.test.selectbox(key="model").set_value("detector").run()

    assert len(shown.test.exception) == 0
    table = shown.html.split('data-table="Workloads"')[1]
    assert "detector" in table
    assert "ranker" not in table.split("data-sql")[0]


def test_parts_of_months_are_said_and_not_compared(company: Path, look: Open) -> None:
    """The company has two days in March and nothing before."""
    html = look(company, "chargeback").html

    assert "March 2026 is not over: published up to Mar 3, 2026" in html
    assert "Parts of months are not compared." in html
    assert 'class="cl-change' not in html
    assert ">vs February 2026<" not in html


def test_a_billing_month_says_its_zone_and_a_calendar_month_that_it_is_none(own: Path, look: Open) -> None:
    (own / "chipledger.toml").write_text('[billing.gcp]\nzone = "America/Los_Angeles"\n')

    assert "; gcp in America/Los_Angeles)" in look(own, "chargeback").html
    assert (
        "Chargeback has the billing month (gcp in America/Los_Angeles)" in look(own, "overview", period="2026-03").html
    )
    assert 'data-notice="calendar"' not in look(own, "overview").html
