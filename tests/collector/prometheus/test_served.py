"""A scripted day of vLLM in a Prometheus: tokens per model are exact, across a restart and however it is read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from accounting.simulate.apis.prometheus import Prometheus
from collector.central.findings import Counted, Span
from collector.central.series import Series
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.labels import of_one_server
from collector.prometheus.source import PrometheusSource
from collector.rows import Happened
from tests.fakes import vllm
from tests.fakes.prometheus import server

DAY_S = 1_750_032_000
STEP_S = 30
DAY = Span(DAY_S * 1000, (DAY_S + vllm.DAY) * 1000)


@pytest.fixture(params=["the stand-in", "Prometheus"], scope="module")
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("vllm")
    day = vllm.stored(DAY_S, STEP_S)
    there = Prometheus(day) if request.param == "the stand-in" else server.Prometheus(folder, day)
    yield there.url
    there.close()


def read(url: str, *spans: Span) -> tuple[list[Counted], list[Happened]]:
    """What a source finds that forgets all but its memory between two spans."""
    memory, counted, happened = b"", [], []
    for span in spans:
        source = PrometheusSource(Config(url=url))
        source.remember(memory)
        found = source.read(span)
        memory = source.memory()
        counted += found.counted
        happened += found.happened
    return counted, happened


def hourly(step: int) -> list[Span]:
    return [Span(at, min(at + step, DAY.end_ms)) for at in range(DAY.start_ms, DAY.end_ms, step)]


def sums(rows: list[Counted]) -> dict[str, tuple[int, int, int]]:
    found: dict[str, tuple[int, int, int]] = {}
    for row in rows:
        before = found.get(row.model, (0, 0, 0))
        found[row.model] = (before[0] + row.requests, before[1] + row.input_tokens, before[2] + row.output_tokens)
    return found


@pytest.mark.parametrize("step", [3_600_000, 7_654_321])
def test_tokens_per_model_are_exact_across_the_restart(url: str, step: int) -> None:
    counted, happened = read(url, *hourly(step))
    true = vllm.served(vllm.replicas(), vllm.DAY)

    assert sums(counted) == {m: (s.stop + s.length, s.prompt, s.generation) for m, s in true.items()}
    assert {row.workload.id for row in counted} == {f"serve/{one.pod}" for one in vllm.replicas()}
    assert [one.event.kind for one in happened] == ["counter_gap"]


def test_a_span_that_is_read_again_tells_the_same(url: str) -> None:
    source = PrometheusSource(Config(url=url))
    first, second = hourly(43_200_000)
    source.read(first)
    memory = source.memory()
    once = source.read(second).counted
    source.remember(memory)

    assert source.read(second).counted == once


def test_what_two_servers_scraped_is_counted_once() -> None:
    whole = [(at, float(at)) for at in range(0, 100, 10)]
    found = [
        Series("m", {"pod": "a", "prometheus_replica": "0"}, whole[3:]),
        Series("m", {"pod": "a", "prometheus_replica": "1"}, whole),
        Series("m", {"pod": "b", "prometheus_replica": "0"}, whole),
    ]

    assert sorted(of_one_server(found), key=lambda s: s.labels["pod"]) == [
        Series("m", {"pod": "a"}, whole),
        Series("m", {"pod": "b"}, whole),
    ]
