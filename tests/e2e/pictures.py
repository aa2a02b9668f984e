"""The documents' pictures of the dashboard: `python -m tests.e2e.pictures PROJECT` makes them anew in docs/images."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS, PATHS, ROOT, Server, visitor

IMAGES = ROOT / "docs" / "images"
WIDTH, TALLEST = 1400, 3000
SETTLED_MS = 700
"""Until fonts and transitions are done."""


def main(project: Path) -> None:
    IMAGES.mkdir(exist_ok=True)
    with Server(project) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        for name, path in PATHS.items() - {("explain", "explain")}:
            take(browser, server.url, path, "light", IMAGES / f"{name}.png")
        take(browser, server.url, dearest(browser, server.url), "light", IMAGES / "explain.png")
        take(browser, server.url, "", "dark", IMAGES / "overview-dark.png")
        browser.close()


def dearest(browser: Browser, url: str) -> str:
    """The address of the trace of the charge that cost the most."""
    found = ""
    for visit in visitor(browser, url, width=WIDTH):
        link = visit.open("explain").page.locator('[data-table="Charges"] a').first
        found = str(link.get_attribute("href")).removeprefix("./")
    return found


def take(browser: Browser, url: str, path: str, scheme: str, file: Path) -> None:
    """The whole page: the window grows to what it holds."""
    for visit in visitor(browser, url, scheme=scheme, width=WIDTH):
        visit.open(path)
        height = visit.page.locator("[data-testid=stMain]").evaluate("e => e.scrollHeight")
        visit.page.set_viewport_size({"width": WIDTH, "height": min(int(height), TALLEST)})
        visit.page.wait_for_timeout(SETTLED_MS)
        visit.page.screenshot(path=str(file))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
