"""HTTP to a Prometheus: who asks, how long, how often, and how much may come back."""

from __future__ import annotations

import base64
import http.client
import random
import ssl
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, urlencode, urlsplit

from collector.central.findings import Unanswered
from collector.prometheus.config import Prometheus

MOST_BYTES = 16 << 20
"""Of one answer, unpacked: half a million points."""

RETRIED_S = 10.0
"""Whoever asks tries the whole span again, later."""

_AGAIN = {429, 500, 502, 503, 504}
_CHUNK = 1 << 18


class TooLarge(Exception):
    """An answer of more than `MOST_BYTES`."""


class Answer(NamedTuple):
    """What the server said, whatever its status."""

    status: int
    body: bytes


class Transport:
    """Requests below `config.url`; a failed one is tried again with growing pauses, for RETRIED_S at most."""

    def __init__(
        self,
        config: Prometheus,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._url = urlsplit(config.url)
        self._sleep, self._clock = sleep, clock

    def get(self, path: str, parameters: list[tuple[str, str]]) -> Answer:
        """Raises `Unanswered` and `TooLarge`."""
        return self._tried("GET", f"{path}?{urlencode(parameters)}", None)

    def post(self, path: str, parameters: list[tuple[str, str]]) -> Answer:
        """Raises `Unanswered` and `TooLarge`."""
        return self._tried("POST", path, urlencode(parameters).encode())

    def _tried(self, method: str, path: str, body: bytes | None) -> Answer:
        deadline, pause = self._clock() + min(RETRIED_S, self._config.timeout), 0.5
        while True:
            wanted = pause * random.uniform(0.5, 1)
            try:
                answer, after = self._once(method, path, body)
                if answer.status not in _AGAIN:
                    return answer
                trouble, wanted = f"{answer.status} {reason(answer.body)}", max(wanted, after)
            except (OSError, http.client.HTTPException, zlib.error) as error:
                trouble = f"{type(error).__name__}: {error}"
            if self._clock() + wanted > deadline:
                raise Unanswered(f"{place(self._url)}: {trouble}; see whether it runs and can be reached from here")
            self._sleep(wanted)
            pause = min(2 * pause, 10)

    def _once(self, method: str, path: str, body: bytes | None) -> tuple[Answer, float]:
        link = self._connection()
        try:
            link.request(method, self._url.path.rstrip("/") + path, body, self._headers(body))
            response = link.getresponse()
            after = response.headers.get("Retry-After", "")
            return Answer(response.status, _body(response)), float(after) if after.isdecimal() else 0.0
        finally:
            link.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, timeout = self._url.hostname or "", self._config.timeout
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, self._url.port, timeout=timeout)
        try:
            context = ssl.create_default_context(cafile=self._config.ca_file or None)
        except OSError as error:
            raise Unanswered(f"ca_file {self._config.ca_file}: {error}") from error
        return http.client.HTTPSConnection(host, self._url.port, timeout=timeout, context=context)

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "chipledger-agent"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        if self._config.token_file:
            headers["Authorization"] = f"Bearer {_secret('token_file', self._config.token_file)}"
        elif self._config.user:
            password = _secret("password_file", self._config.password_file)
            pair = base64.b64encode(f"{self._config.user}:{password}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {pair}"
        return {**headers, **self._config.headers}


def place(url: SplitResult) -> str:
    """Where a URL leads, without a password that may stand in it."""
    return f"{url.hostname}:{url.port}" if url.port else str(url.hostname)


def reason(body: bytes) -> str:
    """The beginning of an error's body on one line."""
    return " ".join(body[:300].decode("utf-8", "replace").split())


def _secret(key: str, file: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unanswered(f"{key} {file}: {error}; give the path of a file that this user may read") from error


def _body(response: http.client.HTTPResponse) -> bytes:
    packed = response.headers.get("Content-Encoding", "") == "gzip"
    unpack = zlib.decompressobj(wbits=31) if packed else None
    parts: list[bytes] = []
    room = MOST_BYTES
    while chunk := response.read(_CHUNK):
        part = chunk if unpack is None else unpack.decompress(chunk, room + 1)
        room -= len(part)
        if room < 0:
            raise TooLarge
        parts.append(part)
    if unpack is not None and not unpack.eof:
        raise http.client.IncompleteRead(b"".join(parts))
    return b"".join(parts)
