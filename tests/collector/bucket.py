"""A bucket on the loopback, by what S3 documents of PutObject: conditional writes, errors, and connections that end."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote

ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}</Message></Error>'
STATUS = {"PreconditionFailed": 412, "SlowDown": 503, "AccessDenied": 403, "InternalError": 500}


class Bucket:
    """Objects by key; `faults` are what happens to the next requests: an error's code, 'cut' before or 'lost' after."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.puts: list[str] = []
        self.lock = threading.Lock()
        self.url = ""

    @property
    def settings(self) -> dict[str, str]:
        return {"endpoint": self.url, "region": "us-east-1", "access_key_id": "key", "secret_access_key": "secret"}

    def put(self, key: str, data: bytes, headers: dict[str, str]) -> str:
        """What S3 answers: '' for stored, 'cut' and 'lost' for a connection that ends, or an error's code."""
        with self.lock:
            self.puts.append(key)
            fault = self.faults.pop(0) if self.faults else ""
            if not headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 Credential=key/"):
                return "AccessDenied"
            if fault not in {"", "lost"}:
                return fault
            if headers.get("if-none-match") == "*" and key in self.objects:
                return "PreconditionFailed"
            self.objects[key] = data
            return fault


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: ClassVar[Bucket]

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.bucket.put(unquote(self.path), data, headers)
        if answer in {"cut", "lost"}:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = ERROR.format(code=answer).encode() if answer else b""
        self.send_response(STATUS[answer] if answer else 200)
        self.send_header("ETag", f'"{hashlib.md5(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: a test's output is its own."""


@contextmanager
def serving() -> Iterator[Bucket]:
    """A bucket that answers until the block ends."""
    bucket = Bucket()
    handler = type("Bound", (Handler,), {"bucket": bucket})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        bucket.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield bucket
        server.shutdown()
        thread.join()
