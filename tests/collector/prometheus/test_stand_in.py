"""Ours and the real one are asked the same over the same points."""

from __future__ import annotations

import json
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from accounting.simulate.apis.prometheus import Prometheus as StandIn
from tests.fakes.prometheus.day import MINUTE, START_MS, at
from tests.fakes.prometheus.server import Prometheus

NOON = f"{at(12) / 1000:.3f}"
SPAN = [("start", f"{at(11) / 1000}"), ("end", NOON)]
QUERIES = [
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_GPU_UTIL[5m]",
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION[1m]",
    'DCGM_FI_DEV_GPU_UTIL{Hostname="a"}[1h30m]',
    'DCGM_FI_DEV_GPU_UTIL{Hostname!="a", gpu = "0"}[90000ms]',
    '{__name__=~"DCGM_FI_DEV_.*",exported_pod=""}[2m]',
    '{__name__=~"kube_pod_.*",pod=~"train|long",uid!~".*train"}[10m]',
    '{__name__="up"}',
    'DCGM_FI_DEV_GPU_UTIL{modelName=~"NVIDIA A100-SXM4-80GB"}[1ms]',
    'DCGM_FI_DEV_GPU_UTIL{modelName=~"A100"}[5m]',
    "nobody[5m]",
]


def ask(url: str, path: str, parameters: list[tuple[str, str]]) -> object:
    with urlopen(f"{url}{path}?{urlencode(parameters)}", timeout=20) as answer:
        return canonical(json.load(answer))


def canonical(value: object) -> object:
    """With lists in one order: that of series is not promised."""
    if isinstance(value, list):
        return sorted((canonical(one) for one in value), key=json.dumps)
    if isinstance(value, dict):
        return {key: value[key] if key in {"values", "value"} else canonical(value[key]) for key in sorted(value)}
    return value


@pytest.mark.parametrize("query", QUERIES)
def test_points_are_the_same(prometheus: Prometheus, stand_in: StandIn, query: str) -> None:
    asked = [("query", query), ("time", NOON)]

    assert ask(stand_in.url, "/api/v1/query", asked) == ask(prometheus.url, "/api/v1/query", asked)


@pytest.mark.parametrize("path", ["/api/v1/label/__name__/values", "/api/v1/series"])
@pytest.mark.parametrize("match", ['{__name__=~"DCGM_.*|nobody"}', 'kube_pod_info{pod="train"}', "up"])
def test_names_and_series_are_the_same(prometheus: Prometheus, stand_in: StandIn, path: str, match: str) -> None:
    # A block of the real one answers by its index: whole days only are asked for.
    asked = [("match[]", match), ("start", f"{START_MS / 1000}"), ("end", f"{at(24) / 1000}")]

    assert ask(stand_in.url, path, asked) == ask(prometheus.url, path, asked)


@pytest.mark.parametrize("query", ["up{", 'up{a="b"', "up[5]", "up[5m", "", '{a=~"("}'])
def test_what_is_malformed_is_refused_alike(prometheus: Prometheus, stand_in: StandIn, query: str) -> None:
    for url in (prometheus.url, stand_in.url):
        with pytest.raises(HTTPError) as error:
            ask(url, "/api/v1/query", [("query", query), ("time", NOON)])
        assert (error.value.code, json.load(error.value)["errorType"]) == (400, "bad_data")


def test_a_range_is_closed_at_both_ends(prometheus: Prometheus, stand_in: StandIn) -> None:
    asked = [("query", f"up[{MINUTE}ms]"), ("time", NOON)]
    for url in (prometheus.url, stand_in.url):
        found = ask(url, "/api/v1/query", asked)
        assert isinstance(found, dict)
        assert found["data"]["result"][0]["values"] == [[at(12) / 1000 - 60, "1"], [at(12) / 1000, "1"]]
