"""HTTP: requests in, JSON out, and the faults that befall them."""

from __future__ import annotations

import gzip
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.fakes.bigquery import jobs_api, tables_api
from tests.fakes.bigquery.errors import ApiError
from tests.fakes.bigquery.faults import Fault
from tests.fakes.bigquery.jobs_api import Incomplete
from tests.fakes.bigquery.requests import Request, answered
from tests.fakes.bigquery.service import Service

Json = dict[str, Any]
APIS = (tables_api, jobs_api)
"""Modules whose routes are served."""


class Server(ThreadingHTTPServer):
    """Serves REST on loopback."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service: Service, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.service = service

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the service keeps what was asked."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 (the names that the base class looks for)

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        path, service = unquote(parts.path), self.server.service
        service.requests.append((self.command, path))
        fault = service.faults.strike(self.command, path)
        if fault and fault.when == "cut":
            self.rfile.read(int(self.headers.get("Content-Length") or 0) // 2)
            self._hang_up()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._answer(Request(self.command, path, query, headers, body, self.server.url), fault)

    def _answer(self, request: Request, fault: Fault | None) -> None:
        if fault and fault.when == "before":
            self._refuse(fault)
            return
        try:
            code, answer = 200, answered(self.server.service, request)
        except Incomplete:
            code, answer = 308, {}
        except ApiError as error:
            code, answer = error.code, error.body()
        except Exception as error:  # noqa: BLE001 (a defect of this server must not look like one to try again)
            code, answer = 501, ApiError(501, "notImplemented", f"{type(error).__name__}: {error}").body()
        if fault and fault.when == "after":
            self._refuse(fault)
        elif fault:
            self._hang_up()
        else:
            self._send(code, answer, request.answer)

    def _refuse(self, fault: Fault) -> None:
        self._send(fault.code, ApiError(fault.code, fault.reason, "This went wrong on request").body(), {})

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, code: int, body: Json, headers: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()
