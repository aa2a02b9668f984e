"""HTTP to the API server or the kubelet with the agent's service account."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from collector.identity.enquiry import Unanswered

TIMEOUT_S = 10.0
MOST_BYTES = 64 << 20


class Gone(Unanswered):
    """Changes since then are not kept any more (410): list anew."""


class Api:
    """GET of JSON at `url`; `account` is the folder with `token` and `ca.crt`.

    The token is read for every request, since it is replaced about every hour. A server whose certificate `ca.crt` did
    not sign never sees it.
    """

    def __init__(self, url: str, account: Path) -> None:
        self._url = urlsplit(url)
        self._account = account

    def get(self, path: str) -> bytes:
        """The whole answer; raises `Unanswered`."""
        with self._response(path, TIMEOUT_S) as response:
            body = response.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise Unanswered(f"{path}: an answer of more than {MOST_BYTES >> 20} MiB")
        return body

    def lines(self, path: str, timeout_s: float) -> Iterator[bytes]:
        """The lines of an answer as they come; raises `Unanswered` where none comes for `timeout_s`."""
        with self._response(path, timeout_s) as response:
            while line := response.readline(MOST_BYTES):
                if not line.endswith(b"\n"):
                    raise Unanswered(f"{path}: cut off")
                yield line

    @contextmanager
    def _response(self, path: str, timeout_s: float) -> Iterator[http.client.HTTPResponse]:
        place = self._url.netloc + path.partition("?")[0]
        try:
            link = self._connection(timeout_s)
        except (OSError, ValueError) as error:
            raise Unanswered(f"{self._account}: {error}") from error
        try:
            link.request("GET", self._url.path.rstrip("/") + path, headers=self._headers())
            response = link.getresponse()
            if response.status == 410:
                raise Gone(f"{place}: 410")
            if response.status != 200:
                raise Unanswered(f"{place}: {response.status} {_reason(response.read(4096))}")
            yield response
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unanswered(f"{place}: {type(error).__name__}: {error}") from error
        finally:
            link.close()

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        host = self._url.hostname or ""
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, self._url.port, timeout=timeout_s)
        context = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
        return http.client.HTTPSConnection(host, self._url.port, timeout=timeout_s, context=context)

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": "chipledger-agent"}
        try:
            return {**headers, "Authorization": f"Bearer {(self._account / 'token').read_text('ascii').strip()}"}
        except FileNotFoundError:
            return headers


def _reason(body: bytes) -> str:
    return body.decode("utf-8", "replace").strip().partition("\n")[0][:200]
