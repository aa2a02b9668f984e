"""What the agent says of itself and of the devices, in Prometheus' text format, by OpenTelemetry's hardware names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct

from collector.source import Reading, Tick
from collector.wire import Device

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

CLIENT_S = 5.0
"""A client that neither asks nor reads for this long is hung up on."""

MOST_CLIENTS = 32

Labels = Mapping[str, str]


class Metric(Struct, frozen=True):
    """A family: its name, Prometheus type, help, and samples."""

    name: str
    kind: str
    says: str
    samples: list[tuple[Labels, float]]


def exposition(metrics: Iterable[Metric]) -> str:
    """The metrics as text; families without samples are left out."""
    lines: list[str] = []
    for metric in metrics:
        if metric.samples:
            lines += [f"# HELP {metric.name} {metric.says}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [f"{metric.name}{_labels(labels)} {value:.15g}" for labels, value in metric.samples]
    return "\n".join([*lines, ""])


def devices(tick: Tick, energy: Mapping[str, int]) -> list[Metric]:
    """Gauges of every device as last read; `energy` is mJ by UUID since the agent's start."""
    known = {device.uuid: device for device in tick.devices}
    read = [(_of(known[r.uuid]), r) for r in tick.readings if r.uuid in known]

    def gauge(name: str, says: str, value: Callable[[Reading], float | None]) -> Metric:
        found = [(labels, v) for labels, reading in read if (v := value(reading)) is not None]
        return Metric(name, "gauge", says, found)

    return [
        gauge("hw_gpu_utilization_ratio", "Share of time in which the device was busy.", lambda r: r.busy),
        gauge("hw_gpu_sm_active_ratio", "Share of streaming multiprocessor time in use.", lambda r: r.sm),
        gauge("hw_gpu_tensor_active_ratio", "Share of tensor core time in use.", lambda r: r.tensor),
        gauge("hw_gpu_dram_active_ratio", "Share of memory bandwidth in use.", lambda r: r.dram),
        gauge("hw_gpu_memory_usage_bytes", "Memory in use.", lambda r: r.memory_bytes),
        gauge("hw_power_watts", "Power drawn.", lambda r: None if r.power_mw is None else r.power_mw / 1000),
        gauge("hw_temperature_celsius", "Temperature.", lambda r: r.temperature),
        Metric(
            "hw_status",
            "gauge",
            "1 for the state that a device is in: ok or failed.",
            [({**labels, "hw_state": "failed" if r.health else "ok"}, 1) for labels, r in read],
        ),
        Metric(
            "hw_energy_joules_total",
            "counter",
            "Energy used since the agent's start.",
            [(_of(known[uuid]), mj / 1000) for uuid, mj in sorted(dict(energy).items()) if uuid in known],
        ),
    ]


def _of(device: Device) -> Labels:
    return {"hw_id": device.uuid, "hw_name": device.name, "hw_parent": device.parent, "hw_type": "gpu"}


def _labels(labels: Labels) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items() if value)
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


class _Bounded(ThreadingHTTPServer):
    """Answers few at once: a client that asks and never reads costs a thread until its time is up."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._room = threading.BoundedSemaphore(MOST_CLIENTS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the standard library's
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - likewise
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()


class Server:
    """Serves `/metrics` and `/healthz` from a thread of its own; `text` is called for every scrape.

    `healthy` says why the agent is not (503), or ''.
    """

    def __init__(self, host: str, port: int, text: Callable[[], str], healthy: Callable[[], str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = CLIENT_S

            def do_GET(self) -> None:
                if self.path.partition("?")[0] == "/metrics":
                    self._answer(200, text())
                elif self.path == "/healthz":
                    wrong = healthy()
                    self._answer(503 if wrong else 200, (wrong or "ok") + "\n")
                else:
                    self._answer(404, "there are /metrics and /healthz\n")

            def _answer(self, status: int, body: str) -> None:
                data = body.encode()
                self.send_response(status)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """A scrape every few seconds is not worth a line."""

        self._server = _Bounded((host, port), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
