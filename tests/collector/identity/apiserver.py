"""An API server on the loopback: LIST, WATCH and namespaces as the Kubernetes API reference describes them."""

from __future__ import annotations

import json
import queue
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]


def pod(name: str, uid: str, *, version: str = "10", namespace: str = "ml", **more: Any) -> Json:  # noqa: ANN401
    """A pod with the fields of the API reference, some of which nobody reads."""
    meta: Json = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": version}
    meta |= {key: more[key] for key in ("labels", "annotations", "ownerReferences") if key in more}
    meta |= {"managedFields": [{"manager": "kubelet", "operation": "Update", "fieldsV1": {"f:status": {}}}]}
    status = {"phase": "Running", "startTime": "2026-11-24T10:00:00Z", "qosClass": "Burstable"} | more.get("status", {})
    spec = {"nodeName": "node1", "containers": [{"name": "main", "image": "registry.example/app:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": status}


class ApiServer:
    """`pods` are listed; `change` sends a watch event, `end` ends the watch. `asked` are paths with their tokens."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.pods: list[Json] = []
        self.namespaces: dict[str, Json] = {}
        self.version = "100"
        self.token = "first"
        self.refuse: tuple[int, str] | None = None
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.changes: queue.Queue[bytes | None] = queue.Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def change(self, kind: str, item: Json) -> None:
        self.changes.put(json.dumps({"type": kind, "object": item}).encode() + b"\n")

    def end(self) -> None:
        self.changes.put(None)

    def close(self) -> None:
        self.end()
        self._server.shutdown()
        self._server.server_close()

    def lists(self) -> int:
        return sum(path in {"/api/v1/pods", "/pods"} and "watch" not in query for path, query in self.asked)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                server.asked.append((url.path, parse_qs(url.query)))
                answer(self, server, url.path, parse_qs(url.query))

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        return Handler


def answer(handler: BaseHTTPRequestHandler, server: ApiServer, path: str, query: dict[str, list[str]]) -> None:
    if handler.headers["Authorization"] != f"Bearer {server.token}":
        send(handler, 401, failure(401, "Unauthorized"))
    elif server.refuse is not None and not path.startswith("/api/v1/namespaces/"):
        send(handler, server.refuse[0], failure(*server.refuse))
    elif path == "/api/v1/pods" and "watch" in query:
        watch(handler, server.changes.get)
    elif path in {"/api/v1/pods", "/pods"}:
        listed = {"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": server.version}}
        send(handler, 200, listed | {"items": server.pods})
    elif path.startswith("/api/v1/namespaces/") and path.rpartition("/")[2] in server.namespaces:
        send(handler, 200, server.namespaces[path.rpartition("/")[2]])
    else:
        send(handler, 403, failure(403, f"cannot get {path}"))


def failure(code: int, message: str) -> Json:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}


def send(handler: BaseHTTPRequestHandler, code: int, body: Json) -> None:
    data = json.dumps(body).encode()
    handler.send_response(code)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def watch(handler: BaseHTTPRequestHandler, change: Callable[[], bytes | None]) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while (line := change()) is not None:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        handler.wfile.flush()
    handler.wfile.write(b"0\r\n\r\n")
