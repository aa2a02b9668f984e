"""Points that become visible after their span was read: by remote write, or a collector's clock that runs ahead."""

from __future__ import annotations

import pytest

from accounting.simulate.apis.prometheus import Prometheus, Stored
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.memory import decode
from collector.prometheus.source import PrometheusSource
from tests.collector.prometheus.telling import Told, read, spans
from tests.collector.prometheus.worlds import GPU, START, minute, series, told

FLEET = [
    series("DCGM_FI_DEV_GPU_UTIL", 50, **GPU),
    series("kube_node_status_capacity", 8, node="n1", resource="nvidia_com_gpu"),
    series("vllm:generation_tokens_total", lambda i: 7 * i, model_name="m", job="v", instance="v:1"),
]


@pytest.mark.parametrize("late_ms", [0, 40_000, 400_000, 3_000_000])
def test_a_span_ends_at_the_newest_point_and_the_next_one_begins_there(late_ms: int) -> None:
    server = Prometheus([])
    source = PrometheusSource(Config(url=server.url))
    found = []
    for one in spans(*map(minute, range(130))):
        server.stored = [Stored(s.labels, [p for p in s.points if p[0] <= one.end_ms - late_ms]) for s in FLEET]
        found += [source.read(one)]
    server.close()

    late, whole = Told(found), told(FLEET)
    assert late.rows == whole.rows
    assert late.stocked == whole.stocked
    assert sum(row.output_tokens for one in found for row in one.counted) == 7 * 60


def test_a_span_in_which_nothing_was_scraped_tells_nothing() -> None:
    server = Prometheus([series("DCGM_FI_DEV_GPU_UTIL", lambda i: None if 20 < i < 50 else 50, **GPU)])
    found = read(PrometheusSource(Config(url=server.url)), spans(START, *map(minute, (25, 35, 45)), minute(60)))
    server.close()

    assert found.total("GPU-1", 1) == (20 + 2 + 11) * 60_000 - 60_000


def test_what_nothing_was_heard_of_for_a_day_is_forgotten() -> None:
    hour = 60
    server = Prometheus([*FLEET, series("up", 1, range(0, 30 * hour, 30), job="x", instance="x")])
    source = PrometheusSource(Config(url=server.url))
    sizes = []
    for one in spans(*map(minute, range(0, 30 * hour, hour))):
        source.read(one)
        sizes.append(len(decode(source.memory()).nodes))
    server.close()

    assert sizes[2] == 1
    assert sizes[-1] == 0
