"""What a person does: filters by click, moves between pages, comes back by the address, in light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import PATHS, Server, Visitor, bring, chipledger, new, visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def choose(visit: Visitor, label: str, option: str) -> None:
    visit.page.get_by_role("combobox", name=label).click()
    visit.page.get_by_role("option", name=option, exact=True).click()


def test_a_filter_by_click_is_in_the_address_and_on_the_next_page(visit: Visitor) -> None:
    from playwright.sync_api import expect

    visit.open()
    everything = visit.exact("cost")
    choose(visit, "Team", "vision")
    expect(visit.page.locator("[data-basis]")).to_contain_text("team vision")
    narrowed = visit.exact("cost")
    assert narrowed is not None
    assert everything is not None
    assert 0 < narrowed < everything
    expect(visit.page).to_have_url(f"{visit.url}/?team=vision")

    visit.page.get_by_role("link", name="Chargeback").click()
    expect(visit.page.locator("h1")).to_have_text("Chargeback")
    expect(visit.page.locator("[data-basis]")).to_contain_text("team vision")
    expect(visit.total("bill_cost")).to_have_attribute("data-exact", f"{narrowed:f}")


def test_a_period_comes_back_from_a_page_without_one(visit: Visitor) -> None:
    from playwright.sync_api import expect

    visit.open("?period=2026-03")
    expect(visit.page.locator("[data-basis]")).to_contain_text("Mar 1 – Mar 31, 2026")
    for name in ("Chargeback", "Idle waste"):
        visit.page.get_by_role("link", name=name, exact=True).click()
        expect(visit.page.locator("h1")).to_have_text(name)
    expect(visit.page.locator("[data-basis]")).to_contain_text("Mar 1 – Mar 31, 2026")


def test_a_team_leads_to_its_bill(visit: Visitor) -> None:
    from playwright.sync_api import expect

    visit.open()
    visit.page.locator('[data-table="Cost by team"]').get_by_role("link", name="search").click()
    expect(visit.page.locator("h1")).to_have_text("Chargeback")
    expect(visit.page.locator("[data-basis]")).to_contain_text("team search")


def test_a_workload_leads_to_its_charges_and_a_charge_to_its_trace(visit: Visitor) -> None:
    from playwright.sync_api import expect

    visit.open("chargeback")
    visit.page.locator('[data-table="Workloads"]').get_by_role("link").first.click()
    expect(visit.page.locator("h1")).to_have_text("Explain")
    visit.page.locator('[data-table="Charges"]').get_by_role("link").first.click()
    expect(visit.page.locator('[data-step="arithmetic"]')).to_have_attribute("open", "")
    cost = visit.exact("explain_cost")
    whole = visit.page.locator('[data-table="by hour (UTC)"] tr.cl-total td').last.inner_text()
    assert cost is not None
    assert whole.replace(",", "") == f"{cost:f}"
    visit.page.locator('[data-step="price"] summary').click()
    expect(visit.page.locator('[data-step="price"]')).to_contain_text("prices.csv")
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_hours_instead_of_cost(visit: Visitor) -> None:
    from playwright.sync_api import expect

    visit.open()
    visit.page.get_by_role("radio", name="Hours").click()
    expect(visit.page.locator(".cl-grid span").last).to_contain_text(" h")
    expect(visit.page).to_have_url(f"{visit.url}/?unit=Hours")


def test_an_unknown_value_in_the_address_is_said(visit: Visitor) -> None:
    visit.open("?team=nobody&period=never")
    said = visit.page.locator('[data-notice="unknown-filter"]').all_text_contents()
    assert said == [
        "There is no team “nobody”: all teams are shown.",
        "There is no period “never”: last 14 days are shown.",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages_fit_in_both_themes(browser: Browser, server: Server, scheme: str, width: int) -> None:
    for visit in visitor(browser, server.url, scheme=scheme, width=width):
        for path in PATHS.values():
            visit.open(path)
            assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            main = visit.page.locator("[data-testid=stMain]")
            assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), path
            ink, ground = visit.page.locator(".cl-value").first.evaluate(
                "e => [getComputedStyle(e).color, getComputedStyle(document.querySelector('.stApp')).backgroundColor]"
            )
            assert (brightness(ink) > brightness(ground)) == (scheme == "dark")


def brightness(color: str) -> int:
    return sum(int(part) for part in color.removeprefix("rgb(").removeprefix("rgba(").rstrip(")").split(",")[:3])


def test_an_empty_project_says_what_to_do_and_fills_up(browser: Browser, tmp_path: Path) -> None:
    folder = new(tmp_path / "fresh")
    with Server(folder) as server:
        for visit in visitor(browser, server.url):
            visit.open()
            assert visit.page.locator('[data-state="nothing-imported"]').count() == 1
            bring(folder, "capacity", "prices", "jobs")
            visit.open()
            assert visit.page.locator('[data-state="nothing-published"]').count() == 1
            chipledger(folder, "run")
            visit.open()
            assert visit.exact("cost") is not None


def test_inputs_that_wait_are_said(browser: Browser, own: Path) -> None:
    with Server(own) as server:
        for visit in visitor(browser, server.url):
            visit.open()
            assert visit.page.locator("[data-notice=stale]").count() == 0
            chipledger(own, "imports", "undo", "3")
            visit.open().page.wait_for_selector("[data-notice=stale]")
            assert "2 days wait for a run" in visit.page.locator("[data-notice=stale]").inner_text()


def test_a_page_keeps_to_itself(server: Server, visit: Visitor) -> None:
    answer = visit.page.request.get(server.url)
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    foreign = visit.page.request.get(
        f"{server.url}/_stcore/host-config", headers={"Origin": "http://elsewhere.example"}
    )
    assert foreign.headers.get("access-control-allow-origin") is None
