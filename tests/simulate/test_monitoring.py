"""The loopback server of Cloud Monitoring, asked by Google's own client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import InvalidArgument, ResourceExhausted
from google.cloud import monitoring_v3 as api
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcTransport

from accounting.simulate.apis.filters import meets, terms
from accounting.simulate.apis.monitoring import Described, Fault, Monitoring, Point, Series, Server, gauge

BUSY = Described("kubernetes.io/node/accelerator/duty_cycle", "percent")
TOKENS = Described("prometheus.googleapis.com/vllm:prompt_tokens_total/counter", "", "CUMULATIVE", "INT64")
NOW = 1_000_000


class Asked:
    def __init__(self) -> None:
        self.now_ms = NOW
        told = [Point(k * 60_000, k) for k in range(1, 11)]
        series = [
            Series(BUSY, {"accelerator_id": f"GPU-{k}"}, "k8s_node", {"node_name": "n"}, gauge(told)) for k in (1, 2)
        ]
        counter = gauge([Point(120_000, 5, start_ms=60_000), Point(180_000, 7, shown_ms=NOW + 1, start_ms=60_000)])
        series.append(Series(TOKENS, {}, "prometheus_target", {"job": "j"}, counter))
        self.monitoring = Monitoring(series, [BUSY, TOKENS], lambda: self.now_ms, delay_ms=0)
        self.server = Server(self.monitoring)
        transport = MetricServiceGrpcTransport(channel=grpc.insecure_channel(self.server.endpoint))
        self.client = api.MetricServiceClient(transport=transport)

    def pages(self, chosen: str, start: int, end: int, size: int = 0) -> list[Any]:
        interval = api.TimeInterval(start_time={"seconds": start}, end_time={"seconds": end})
        request = api.ListTimeSeriesRequest(name="projects/p", filter=chosen, interval=interval, page_size=size)
        return list(self.client.list_time_series(request=request).pages)


@pytest.fixture
def asked() -> Iterator[Asked]:
    one = Asked()
    with one.server:
        yield one
    one.client.transport.close()  # type: ignore[no-untyped-call]


def told(pages: list[Any]) -> list[list[tuple[str, list[float]]]]:
    return [
        [(s.metric.labels["accelerator_id"], [p.value.double_value for p in s.points]) for s in page.time_series]
        for page in pages
    ]


OF_BUSY = f'metric.type = "{BUSY.type}"'


def test_points_end_after_the_start_and_up_to_the_end_newest_first(asked: Asked) -> None:
    assert told(asked.pages(OF_BUSY, 60, 180)) == [[("GPU-1", [3, 2]), ("GPU-2", [3, 2])]]


def test_pages_are_filled_by_points_and_split_series(asked: Asked) -> None:
    pages = told(asked.pages(OF_BUSY, 0, 300, size=4))

    assert pages == [
        [("GPU-1", [5, 4, 3, 2])],
        [("GPU-1", [1]), ("GPU-2", [5, 4, 3])],
        [("GPU-2", [2, 1])],
    ]


def test_points_are_shown_after_the_delay_or_when_they_come(asked: Asked) -> None:
    asked.monitoring.delay_ms = NOW - 200_000
    assert told(asked.pages(OF_BUSY, 0, 600)) == [[("GPU-1", [3, 2, 1]), ("GPU-2", [3, 2, 1])]]

    asked.monitoring.delay_ms = 0
    counted = f'metric.type = "{TOKENS.type}"'
    assert [len(s.points) for s in asked.pages(counted, 0, 600)[0].time_series] == [1]
    asked.now_ms = NOW + 1
    (counter,) = asked.pages(counted, 0, 600)[0].time_series
    assert [(p.value.int64_value, p.interval.start_time.timestamp()) for p in counter.points] == [(7, 60), (5, 60)]


@pytest.mark.parametrize("chosen", ["", 'resource.type = "k8s_node"', 'metric.type = starts_with("k")', "what?"])
def test_a_filter_names_one_metric(asked: Asked, chosen: str) -> None:
    with pytest.raises(InvalidArgument):
        asked.pages(chosen, 0, 600)


def test_an_interval_has_a_length(asked: Asked) -> None:
    with pytest.raises(InvalidArgument, match="start time"):
        asked.pages(OF_BUSY, 60, 60)


def test_descriptors_say_how_often_and_how_late(asked: Asked) -> None:
    request = {"name": "projects/p", "filter": 'metric.type = starts_with("kubernetes.io/")', "page_size": 1}
    (one,) = asked.client.list_metric_descriptors(request=request)

    assert (one.type, one.unit) == (BUSY.type, "percent")
    assert (one.metadata.sample_period.seconds, one.metadata.ingest_delay.seconds) == (60, 120)
    assert len(list(asked.client.list_metric_descriptors(request={"name": "projects/p", "page_size": 1}))) == 2


def test_faults_strike_as_often_as_they_are_asked_to(asked: Asked) -> None:
    asked.monitoring.faults = [Fault(code="RESOURCE_EXHAUSTED", after=1), Fault(partial=True)]
    assert asked.pages(OF_BUSY, 0, 60)[0].execution_errors == []
    with pytest.raises(ResourceExhausted):
        asked.pages(OF_BUSY, 0, 60)
    assert asked.pages(OF_BUSY, 0, 60)[0].execution_errors[0].code == 14
    assert asked.pages(OF_BUSY, 0, 60)[0].execution_errors == []


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ('metric.labels.a = "x"', True),
        ('metric.label.a = "x" AND resource.type = "r"', True),
        ('metric.labels.a = "x" resource.type != "r"', False),
        ('metric.labels.a = one_of("y", "x")', True),
        ('metric.labels.a = monitoring.regex.full_match("x.+")', False),
        ('metric.labels.a != ends_with("x")', False),
        ('metric.labels.a : "x"', True),
        ("metric.labels.a = x", True),
    ],
)
def test_filters(text: str, met: bool) -> None:
    assert meets(terms(text), {"metric.labels.a": "x", "resource.type": "r"}.__getitem__) == met
