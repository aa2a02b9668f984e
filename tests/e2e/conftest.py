"""The real command serves a real project to a real browser; where there is no browser these tests skip."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
COMMAND = [sys.executable, "-P", "-c", "from chipledger.command import main; main()"]
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
]
PATHS = {"overview": "", "idle": "idle", "chargeback": "chargeback", "explain": "explain"}
READY = '[data-testid="stApp"][data-test-script-state="notRunning"]'


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def chipledger(folder: Path, *arguments: str) -> str:
    """What a command prints; fails with what it complained of."""
    done = subprocess.run(
        [*COMMAND, "--config", str(folder), *arguments], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bring(folder: Path, *kinds: str) -> None:
    for kind in kinds:
        chipledger(folder, "import", kind, str(EXAMPLES / f"{kind}.csv"), "--mapping", str(EXAMPLES / f"{kind}.toml"))


def new(folder: Path) -> Path:
    subprocess.run([*COMMAND, "init", str(folder)], env=environment(), check=True, capture_output=True)
    return folder


@dataclass(slots=True)
class Server:
    """`chipledger app` of a project on a free port, from the line that says so to Ctrl-C."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [*COMMAND, "--config", str(self.folder), "app", "--port", str(self.port)],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"dashboard: {self.url}  (Ctrl-C ends it)\n"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=20)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example company, made by the commands of the README."""
    folder = new(tmp_path_factory.mktemp("e2e") / "mycluster")
    bring(folder, "capacity", "prices", "teams", "jobs", "samples")
    chipledger(folder, "run")
    return folder


@pytest.fixture(scope="session")
def server(browser: Browser, company: Path) -> Iterator[Server]:
    with Server(company) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        launched.close()


@dataclass(slots=True)
class Visitor:
    """A browser window; it notes what was asked of other hosts and what the console complains of."""

    page: Page
    url: str
    elsewhere: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("request", lambda request: self._requested(request.url))
        self.page.on("console", lambda message: self._said(message.type, message.text, message.location.get("url", "")))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _requested(self, url: str) -> None:
        if not url.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.elsewhere.append(url)

    def _said(self, kind: str, text: str, url: str) -> None:
        probes = ("/_stcore/health", "/_stcore/host-config")  # a deep link asks for these below its own path first
        if kind in ("error", "warning") and not ("404" in text and url.endswith(probes)):
            self.complaints.append(f"{text} {url}")

    def open(self, address: str = "") -> Visitor:
        self.page.goto(f"{self.url}/{address}", wait_until="commit")
        return self.settle()

    def settle(self) -> Visitor:
        """Waits until the script has run and its last piece is there."""
        self.page.wait_for_selector("h1")
        self.page.wait_for_selector(f"{READY} .cl-cards, {READY} .cl-state")
        assert self.page.locator("[data-testid=stException], [data-testid=stAlert]").count() == 0
        return self

    def total(self, name: str) -> Locator:
        return self.page.locator(f'[data-total="{name}"]')

    def exact(self, name: str) -> Decimal | None:
        value = self.total(name).get_attribute("data-exact")
        return Decimal(value) if value else None

    def totals(self) -> dict[str, Decimal | None]:
        """Every total on the page."""
        found = self.page.locator("[data-total]").evaluate_all(
            "all => all.map(e => [e.dataset.total, e.dataset.exact])"
        )
        return {name: Decimal(value) if value else None for name, value in found}


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visitor]:
    """A window in light colors; nothing may have left the machine, nothing been complained of."""
    yield from visitor(browser, server.url)


def visitor(browser: Browser, url: str, *, scheme: str = "light", width: int = 1400) -> Iterator[Visitor]:
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
        accept_downloads=True,
    )
    found = Visitor(context.new_page(), url)
    found.watch()
    yield found
    context.close()
    assert found.elsewhere == []
    assert found.complaints == []


@pytest.fixture
def own(company: Path, tmp_path: Path) -> Path:
    shutil.copytree(company, tmp_path / "own")
    return tmp_path / "own"
