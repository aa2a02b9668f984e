"""How fast the dashboard is: from a question to its figures at the server, and to what a browser shows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from benchmarks.measure import chipledger
from tests.e2e.conftest import CHROMIUM, FLAGS, PATHS, READY, Server

CARDS = {"": "cost", "idle": "idle_cost", "chargeback": "bill_cost"}
"""The first key figure of each page."""
FILTER = "Accelerator"
"""The filter that is clicked: the first of its options."""
CHANGED = """([said, chosen]) => {
  const now = document.querySelector('[data-basis]')?.innerText;
  return now && now !== said && now.includes(chosen);
}"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What is measured, in seconds, and what it may be."""

    name: str
    seconds: list[float]
    budget: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def held(self) -> bool:
        return self.median <= self.budget

    def show(self) -> None:
        worst = max(self.seconds)
        verdict = "ok" if self.held else "OVER"
        print(
            f"{self.name:<46} {self.median:6.3f} s   worst {worst:6.3f}   budget {self.budget:5.2f}   {verdict}",
            flush=True,
        )


def measure(project: Path, rounds: int) -> bool:
    """Prints the server's first figures and the browser's heading; False where a budget is not met."""
    claims = [*server_claims(project, rounds), *browser_claims(project, rounds)]
    return all(claim.held for claim in claims)


def demo(folder: Path) -> Path:
    """The demo, as `chipledger demo` makes it."""
    chipledger(folder, "demo", "--no-app", "--until", "2026-11-23")
    return folder / "demo"


def server_claims(project: Path, rounds: int) -> Iterator[Claim]:
    """From asking for a page to its key figures, over the page's own socket: after a start, and with all of it warm."""
    for page, path in PATHS.items():
        cold = []
        for _ in range(rounds):
            with Server(project) as server:
                cold.append(first_figures(server, path))
        yield _shown(Claim(f"server, {page}: key figures, first after start", cold, 0.5))
    with Server(project) as server:
        for page, path in PATHS.items():
            first_figures(server, path)
            warm = [first_figures(server, path) for _ in range(2 * rounds)]
            yield _shown(Claim(f"server, {page}: key figures, warm", warm, 0.15))


def first_figures(server: Server, path: str) -> float:
    """Seconds until a new session has the key figures of a page."""
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    protocols = [Subprotocol("streamlit")]
    with connect(
        address, subprotocols=protocols, origin=Origin(server.url), max_size=None, close_timeout=0.5
    ) as socket:
        ask = BackMsg()
        ask.rerun_script.query_string = ""
        ask.rerun_script.page_name = path
        began = time.perf_counter()
        socket.send(ask.SerializeToString())
        card = f'data-card="{CARDS[path]}"'.encode()
        while card not in (answer := socket.recv(timeout=30)):
            assert isinstance(answer, bytes)
        return time.perf_counter() - began


def browser_claims(project: Path, rounds: int) -> list[Claim]:
    """From the address to the heading, and from a click to the filtered figures, in Chromium."""
    with Server(project) as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        claims = [claim for page, path in PATHS.items() for claim in _page(browser, server, page, path, rounds)]
        browser.close()
    return claims


def _page(browser: Browser, server: Server, name: str, path: str, rounds: int) -> Iterator[Claim]:
    cold, warm, effects = [], [], []
    for _ in range(rounds):
        with _window(browser) as page:
            cold.append(_heading(page, f"{server.url}/{path}"))
            warm.append(_heading(page, f"{server.url}/{path}"))
            effects.append(_effect(page))
    yield _shown(Claim(f"browser, {name}: heading, empty cache", cold, 2.5))
    yield _shown(Claim(f"browser, {name}: heading, warm cache", warm, 1.0))
    yield _shown(Claim(f"browser, {name}: a filter's effect", effects, 0.5))


@contextmanager
def _window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-US", timezone_id="UTC")
    yield context.new_page()
    context.close()


def _heading(page: Page, url: str) -> float:
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("h1")
    took = time.perf_counter() - began
    page.wait_for_selector(f"{READY} .cl-cards")
    return took


def _effect(page: Page) -> float:
    before = page.locator("[data-basis]").inner_text()
    page.get_by_role("combobox", name=FILTER).click()
    option = page.get_by_role("option").first
    chosen = option.inner_text()
    began = time.perf_counter()
    option.click()
    page.wait_for_function(CHANGED, arg=[before, chosen])
    return time.perf_counter() - began


def _shown(claim: Claim) -> Claim:
    claim.show()
    return claim
