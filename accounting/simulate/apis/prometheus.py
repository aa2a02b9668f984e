"""A server with the part of Prometheus's HTTP API that reads series by selector, over series in memory."""

from __future__ import annotations

import json
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from accounting.simulate.apis.promql import Malformed, Selector, parsed

LOOKBACK_MS = 300_000
"""So far back the latest point of a series counts."""

VERSION = "2.42.0"
"""Whose answers these are; from 3.0 on a range is open at its start."""

_Parameters = Mapping[str, list[str]]


class Stored(NamedTuple):
    """A series: its labels, `__name__` among them, and its points (Unix ms, value) in ascending order."""

    labels: dict[str, str]
    points: list[tuple[int, float]]


class Prometheus:
    """Serves on a port of 127.0.0.1 (0: a free one) until it is closed; what is stored may grow meanwhile."""

    def __init__(self, stored: Iterable[Stored], port: int = 0) -> None:
        self.stored = list(stored)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, name="prometheus", daemon=True).start()

    @property
    def url(self) -> str:
        """What stands before /api/v1."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, parameters: _Parameters) -> object:
        """The data of an answer; raises `Malformed`, and `LookupError` for a path that there is not."""
        if path == "/api/v1/status/buildinfo":
            return {"version": VERSION}
        if path == "/api/v1/label/__name__/values":
            return sorted({one.labels["__name__"] for one in self._asked(parameters)})
        if path == "/api/v1/series":
            return [one.labels for one in self._asked(parameters)]
        if path == "/api/v1/query":
            return self._query(parsed(_one(parameters, "query")), _ms(_one(parameters, "time")))
        raise LookupError(path)

    def _query(self, selector: Selector, at_ms: int) -> object:
        ranged = selector.range_ms is not None
        since_ms = at_ms - (LOOKBACK_MS if selector.range_ms is None else selector.range_ms)
        found: list[dict[str, object]] = []
        for one in self.stored:
            first = bisect_left(one.points, (since_ms, -math.inf))
            last = bisect_right(one.points, (at_ms, math.inf))
            if first < last and selector.fits(one.labels):
                points = [[at / 1000, number(value)] for at, value in one.points[first:last]]
                value = {"values": points} if ranged else {"value": [at_ms / 1000, points[-1][1]]}
                found.append({"metric": one.labels, **value})
        return {"resultType": "matrix" if ranged else "vector", "result": found}

    def _asked(self, parameters: _Parameters) -> list[Stored]:
        selectors = [parsed(text) for text in parameters.get("match[]", [])]
        start_ms = _ms(parameters["start"][0]) if "start" in parameters else 0
        end_ms = _ms(parameters["end"][0]) if "end" in parameters else 1 << 62
        return [
            one
            for one in self.stored
            if (not selectors or any(selector.fits(one.labels) for selector in selectors))
            and bisect_left(one.points, (start_ms, -math.inf)) < bisect_right(one.points, (end_ms, math.inf))
        ]


def number(value: float) -> str:
    """A value as Prometheus writes it."""
    if math.isfinite(value):
        # Most samples are whole, and this is several times as fast.
        if value == int(value) and abs(value) < 1e15:
            return str(int(value))
        return format(Decimal(repr(value)).normalize(), "f")
    return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"


def _one(parameters: _Parameters, name: str) -> str:
    if name not in parameters:
        raise Malformed(f'invalid parameter "{name}"')
    return parameters[name][0]


def _ms(text: str) -> int:
    try:
        return round(float(text) * 1000)
    except ValueError as error:
        raise Malformed(f"not an instant: {text[:40]!r}") from error


def _handler(server: Prometheus) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing is logged."""

        def _reply(self, query: str) -> None:
            try:
                data = server.answer(urlsplit(self.path).path, parse_qs(query))
                self._send(200, {"status": "success", "data": data})
            except Malformed as error:
                self._send(400, {"status": "error", "errorType": "bad_data", "error": str(error)})
            except LookupError:
                self._send(404, {"status": "error", "errorType": "not_found", "error": "no such page"})

        def _send(self, status: int, answer: object) -> None:
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
