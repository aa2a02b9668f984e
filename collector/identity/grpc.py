"""One gRPC call with one answer, over a unix socket, by the standard library alone.

grpcio would cost 29 MB of memory for the two small questions that the agent has.
"""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path
from urllib.parse import unquote

from collector.identity.enquiry import Unanswered
from collector.identity.hpack import Damaged, Decoder, encoded

MOST_BYTES = 16 << 20
"""No answer is larger. Both flow control windows are opened that wide at once, so that a server never waits."""

STATUS = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM = _ACK = 1
_END_HEADERS, _PADDED, _PRIORITY = 4, 8, 32
_FRAME_BYTES = 16384
_BLOCK_BYTES = 1 << 16


class CallFailed(Unanswered):
    """A call without an answer; `status` is one of STATUS."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


def call(path: Path, method: str, request: bytes, timeout_s: float) -> bytes:
    """The answer of the server at the socket `path`; raises `CallFailed`, after `timeout_s` at the latest."""
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        try:
            link.settimeout(timeout_s)
            link.connect(str(path))
            link.sendall(_asked(method, request, timeout_s))
            return _Answer(link, deadline).message()
        except TimeoutError as error:
            raise CallFailed("DEADLINE_EXCEEDED", f"no answer within {timeout_s:g} s") from error
        except OSError as error:
            raise CallFailed("UNAVAILABLE", f"{path}: {error.strerror or error}") from error
        except Damaged as error:
            raise CallFailed("INTERNAL", f"headers do not decode: {error}") from error


def _asked(method: str, request: bytes, timeout_s: float) -> bytes:
    headers = encoded(
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", method),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", f"{max(1, int(timeout_s * 1000))}m"),
        ]
    )
    return (
        _PREFACE
        + _frame(_SETTINGS, 0, 0, struct.pack(">HIHI", 2, 0, 4, MOST_BYTES))
        + _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", MOST_BYTES))
        + _frame(_HEADERS, _END_HEADERS, 1, headers)
        + _frame(_DATA, _END_STREAM, 1, struct.pack(">BI", 0, len(request)) + request)
    )


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


class _Answer:
    """Reads frames until the server has ended the stream."""

    def __init__(self, link: socket.socket, deadline: float) -> None:
        self._link = link
        self._deadline = deadline
        self._decoder = Decoder()
        self._headers: dict[str, str] = {}
        self._block = bytearray()
        self._data = bytearray()
        self._ended = False

    def message(self) -> bytes:
        while not self._ended:
            kind, flags, stream, body = self._next()
            if kind in {_DATA, _HEADERS, _CONTINUATION, _RST_STREAM}:
                if stream == 1:
                    self._take(kind, flags, body)
            else:
                self._keep_house(kind, flags, body)
        self._check_status()
        return self._one_message()

    def _next(self) -> tuple[int, int, int, bytes]:
        head = self._read(9)
        length = int.from_bytes(head[:3], "big")
        if length > _FRAME_BYTES:
            raise CallFailed("INTERNAL", f"a frame of {length} bytes")
        stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
        return head[3], head[4], stream, self._read(length)

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._link.settimeout(left)
            part = self._link.recv(count - len(data))
            if not part:
                raise CallFailed("UNAVAILABLE", "the connection was closed within the answer")
            data += part
        return bytes(data)

    def _take(self, kind: int, flags: int, body: bytes) -> None:
        if kind == _RST_STREAM:
            raise CallFailed("UNAVAILABLE", f"the server reset the stream, code {int.from_bytes(body, 'big')}")
        if kind == _DATA:
            self._data += _unpadded(flags, body)
            self._ended = bool(flags & _END_STREAM)
        else:
            self._take_headers(kind, flags, body)
        if len(self._data) > MOST_BYTES or len(self._block) > _BLOCK_BYTES:
            raise CallFailed("INTERNAL", "the answer is too large")

    def _take_headers(self, kind: int, flags: int, body: bytes) -> None:
        if kind == _HEADERS:
            body = _unpadded(flags, body)
            self._block = bytearray(body[5:] if flags & _PRIORITY else body)
            self._last = bool(flags & _END_STREAM)
        else:
            self._block += body
        if flags & _END_HEADERS:
            self._headers.update(self._decoder.decoded(bytes(self._block)))
            self._ended = self._last

    def _keep_house(self, kind: int, flags: int, body: bytes) -> None:
        if kind == _SETTINGS and not flags & _ACK:
            self._link.sendall(_frame(_SETTINGS, _ACK, 0, b""))
        elif kind == _PING and not flags & _ACK:
            self._link.sendall(_frame(_PING, _ACK, 0, body))
        elif kind == _GOAWAY and int.from_bytes(body[:4], "big") & 0x7FFFFFFF < 1:
            raise CallFailed("UNAVAILABLE", f"the server goes away: {body[8:].decode('latin-1')}")

    def _check_status(self) -> None:
        status = self._headers.get("grpc-status")
        if status is None:
            raise CallFailed("UNKNOWN", f"no gRPC status, HTTP status {self._headers.get(':status', 'unknown')}")
        if status != "0":
            name = STATUS[int(status)] if status.isdecimal() and int(status) < len(STATUS) else f"status {status}"
            raise CallFailed(name, unquote(self._headers.get("grpc-message", "")))

    def _one_message(self) -> bytes:
        if len(self._data) < 5:
            raise CallFailed("INTERNAL", "no message in the answer")
        compressed, length = struct.unpack_from(">BI", self._data)
        if compressed:
            raise CallFailed("INTERNAL", "a compressed answer, which was not asked for")
        if len(self._data) != 5 + length:
            raise CallFailed("INTERNAL", f"a message of {length} bytes with {len(self._data) - 5}")
        return bytes(self._data[5:])


def _unpadded(flags: int, body: bytes) -> bytes:
    if not flags & _PADDED:
        return body
    if not body or body[0] >= len(body):
        raise CallFailed("INTERNAL", "a frame of padding only")
    return body[1 : len(body) - body[0]]
