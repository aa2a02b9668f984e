"""The real Prometheus scrapes an exporter that replays what a real dcgm-exporter wrote."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from collector.central.findings import Span
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.source import PrometheusSource
from tests.collector.prometheus.telling import Told, read, spans
from tests.fakes.prometheus.server import Prometheus

UUID = "GPU-20c56d28-0da5-6d26-a36a-e7af1ce2586e"


class Exporter:
    """Serves a text, with one label of a pod more where there is one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.pod = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(outer.now().encode())

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def now(self) -> str:
        if not self.pod:
            return self._text
        return self._text.replace('"} ', f'",pod="{self.pod}",namespace="ml",container="c"}} ')

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def exporter(root: Path) -> Iterator[Exporter]:
    samples = sorted((root / "../shared/data/dcgm_exporter_samples").glob("*.prom"))
    if not samples:
        pytest.skip("no ../shared/data/dcgm_exporter_samples")
    server = Exporter(samples[0].read_text("utf-8"))
    yield server
    server.close()


def test_what_is_scraped_is_told_until_nothing_is(prometheus: Prometheus, exporter: Exporter) -> None:
    began = time.time_ns() // 1_000_000
    prometheus.targets(exporter.address)
    try:
        time.sleep(6)  # a new target is seen within five seconds
        exporter.pod = "train"
        time.sleep(4)
        exporter.pod = ""
        time.sleep(3)
        exporter.close()
        time.sleep(4)
    finally:
        prometheus.targets()
    ended = time.time_ns() // 1_000_000

    source = PrometheusSource(Config(url=prometheus.url))
    whole = read(source, spans(began, ended))
    parts = read(PrometheusSource(Config(url=prometheus.url)), spans(*range(began, ended, 1700), ended))

    # Where two readings cut a scrape's interval, the first step is not known to the one that saw a single scrape.
    assert parts.holds == whole.holds
    _observed(whole, began, ended)
    _held(whole)
    assert next(f for f in source.examine() if f.grade == "ok").says.startswith("Prometheus 2.")


def _observed(told: Told, began: int, ended: int) -> None:
    assert list(told.rows) == [UUID]
    rows = told.rows[UUID]
    assert 7 <= len(rows) <= 14
    assert all(row[2:6] == (0, -1, -1, -1) and row[6:8] == (0, 0) for row in rows)
    # Stale after it went away: nothing of the last seconds.
    assert began < rows[0][0] + rows[0][1]
    assert rows[-1][0] + rows[-1][1] < ended - 2500
    assert all(a[0] + a[1] == b[0] for a, b in pairwise(rows))


def _held(told: Told) -> None:
    # `pod` is the exporter's own for Prometheus, which keeps it: the holder's is `exported_pod`.
    assert {key[:2] for key in told.holds} == {(UUID, "ml/train")}
    assert [closed for _, closed in told.holds.values()] == [True]
    assert 3 <= told.hours("ml/train") * 3600 <= 5


def test_a_source_asked_of_nothing_finds_nothing(prometheus: Prometheus) -> None:
    found = PrometheusSource(Config(url=prometheus.url)).read(Span(1_600_000_000_000, 1_600_000_060_000))

    assert (found.activity, found.holds, found.allocated, found.stocked, found.points) == ([], [], [], [], 0)


class Engine(Exporter):
    """A vLLM that has served some more with every scrape; what it told last of each of its processes is known."""

    def __init__(self) -> None:
        self.last: list[int] = []
        self.start()
        super().__init__("")

    def start(self) -> None:
        """A new process, which has served nothing."""
        self.began = time.time()
        self.last.append(0)

    def now(self) -> str:
        self.last[-1] += 7
        tokens = self.last[-1]
        return (
            f"process_start_time_seconds {self.began:.3f}\n"
            f'vllm:prompt_tokens_total{{engine="0",model_name="m"}} {tokens * 10}.0\n'
            f'vllm:generation_tokens_total{{engine="0",model_name="m"}} {tokens}.0\n'
            f'vllm:request_success_total{{engine="0",model_name="m",finished_reason="stop"}} {tokens}.0\n'
        )


def test_tokens_are_exact_over_the_restart_of_an_engine_that_is_scraped(prometheus: Prometheus) -> None:
    """The second process overtakes the first within a scrape or two: only its start says that it is another."""
    began = time.time_ns() // 1_000_000
    engine = Engine()
    prometheus.targets(engine.address)
    try:
        wait_for(lambda: engine.last[-1] >= 21)
        engine.start()
        engine.last[-1] = 100
        wait_for(lambda: engine.last[-1] >= 121)
        time.sleep(1.5)  # the last scrape is stored
    finally:
        prometheus.targets()
        engine.close()
    ended = time.time_ns() // 1_000_000 + 2000

    source = PrometheusSource(Config(url=prometheus.url))
    counted = [row for span in spans(began, (began + ended) // 2, ended) for row in source.read(span).counted]
    assert sum(row.output_tokens for row in counted) == sum(engine.last)
    assert sum(row.input_tokens for row in counted) == 10 * sum(engine.last)
    assert {row.model for row in counted} == {"m"}


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)
