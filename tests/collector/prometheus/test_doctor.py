from __future__ import annotations

from accounting.simulate.apis.prometheus import Prometheus as StandIn
from collector.central.findings import Span
from collector.prometheus.api import Api
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.doctor import examined
from collector.prometheus.source import PrometheusSource
from tests.collector.prometheus.worlds import START, minute, series


def test_the_doctor_says_what_is_there_and_what_to_install() -> None:
    present = ["DCGM_FI_DEV_GPU_UTIL", "kueue_pending_workloads"]
    server = StandIn([series(name, 1) for name in present])
    found = list(examined(Api(Config(url=server.url)), "prometheus", Span(START, minute(60))))
    server.close()

    assert [(f.grade, f.says.partition(":")[0]) for f in found] == [
        ("ok", "Prometheus 2.42.0"),
        ("ok", "dcgm-exporter"),
        ("warn", "profiling"),
        ("warn", "kube-state-metrics"),
        ("warn", "node labels"),
        ("warn", "pod labels"),
        ("warn", "Kueue"),
    ]
    assert all(f.remedy for f in found if f.grade == "warn")
    assert "metrics.enableClusterQueueResources" in found[-1].remedy


def test_of_kueue_nothing_is_missing_where_it_tells_quotas_or_is_not_there() -> None:
    pending, quota, used = (
        series(f"kueue_{name}", 1)
        for name in ("pending_workloads", "cluster_queue_nominal_quota", "cluster_queue_resource_usage")
    )
    for stored, says in (([pending, quota, used], False), ([pending, quota], True), ([series("up", 1)], False)):
        server = StandIn(stored)
        found = list(examined(Api(Config(url=server.url)), "prometheus", Span(START, minute(60))))
        server.close()

        assert any(f.says.startswith("Kueue") for f in found) == says


def test_one_that_is_not_there_is_a_finding() -> None:
    source = PrometheusSource(Config(url="http://127.0.0.1:9", name="far", timeout=1))
    (finding,) = source.examine()

    assert (finding.grade, finding.about) == ("fail", "far")
    assert "127.0.0.1:9: ConnectionRefusedError" in finding.says
    assert (source.name, source.kind, source.cost()) == ("far", "prometheus", "")
