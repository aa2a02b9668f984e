"""The Prometheus endpoint, over a real socket."""

from __future__ import annotations

import socket
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

import pytest

from collector import metrics
from collector.metrics import Metric, Server, devices, exposition
from collector.source import Instant, Reading, Tick
from collector.wire import Device

TICK = Tick(
    at=Instant(0, 0),
    devices=(Device(uuid="GPU-1", name='odd "name"\\'), Device(uuid="GPU-2", name="L4")),
    readings=[
        Reading(uuid="GPU-1", busy=0.25, power_mw=70_500, memory_bytes=1 << 30),
        Reading(uuid="GPU-2", health=1),
    ],
)


def test_what_is_unknown_is_not_a_sample() -> None:
    text = exposition(devices(TICK, {"GPU-1": 1500}))
    assert 'hw_gpu_utilization_ratio{hw_id="GPU-1",hw_name="odd \\"name\\"\\\\",hw_type="gpu"} 0.25' in text
    assert 'hw_status{hw_id="GPU-2",hw_name="L4",hw_type="gpu",hw_state="failed"} 1' in text
    assert 'hw_gpu_utilization_ratio{hw_id="GPU-2"' not in text
    assert "hw_energy_joules_total" in text
    assert "hw_gpu_sm_active_ratio" not in text


def test_large_counters_keep_their_digits() -> None:
    assert "x_total 1234567890123\n" in exposition([Metric("x_total", "counter", "X.", [({}, 1234567890123)])])


def test_the_endpoint_tells_metrics_and_health() -> None:
    wrong = [""]
    server = Server("127.0.0.1", 0, lambda: "x 1\n", lambda: wrong[0])
    base = f"http://127.0.0.1:{server.port}"
    with urllib.request.urlopen(f"{base}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert answer.read() == b"x 1\n"
    with urllib.request.urlopen(f"{base}/healthz") as answer:
        assert answer.read() == b"ok\n"
    wrong[0] = "the driver hangs"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{base}/healthz")
    assert refused.value.code == 503
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{base}/")
    assert missing.value.code == 404
    refused.value.close()
    missing.value.close()
    server.close()


def test_clients_that_ask_slowly_or_never_read_cost_nobody_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "CLIENT_S", 0.5)
    before = threading.active_count()
    server = Server("127.0.0.1", 0, lambda: "x 1\n", lambda: "")
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4 * metrics.MOST_CLIENTS)]
    for one in slow:
        with suppress(OSError):  # one of those that found no room
            one.sendall(b"GET /metrics HTT")
    assert threading.active_count() <= before + 1 + metrics.MOST_CLIENTS
    assert [_answered(server.port) for _ in range(1)] == [b"x 1\n"]
    for one in slow:
        one.close()
    server.close()


def _answered(port: int) -> bytes:
    for _ in range(100):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                found: bytes = answer.read()
                return found
        except OSError:
            time.sleep(0.05)
    raise AssertionError("nobody was hung up on")
