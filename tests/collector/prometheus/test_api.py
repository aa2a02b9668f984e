from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple
from urllib.parse import parse_qs

import pytest

from collector.central.findings import Span, Unanswered
from collector.prometheus.api import Api, literal
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.transport import MOST_BYTES, Transport

SPAN = Span(1_700_000_000_000, 1_700_000_064_000)


class Asked(NamedTuple):
    path: str
    form: dict[str, list[str]]
    headers: dict[str, str]


Reply = Callable[[Asked], tuple[int, object]]


class Scripted:
    """Answers each request by the next of `replies`, the last for ever."""

    def __init__(self, *replies: Reply) -> None:
        self.asked: list[Asked] = []
        self._replies = list(replies)
        self.packed = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.reply(self, "")

            def do_POST(self) -> None:
                outer.reply(self, self.rfile.read(int(self.headers["Content-Length"])).decode())

            def log_message(self, format: str, *args: object) -> None:
                """Nothing is logged."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/prometheus"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def reply(self, handler: BaseHTTPRequestHandler, form: str) -> None:
        asked = Asked(handler.path, parse_qs(form), dict(handler.headers))
        self.asked.append(asked)
        status, said = (self._replies.pop(0) if len(self._replies) > 1 else self._replies[0])(asked)
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        handler.send_response(status)
        if self.packed:
            body = gzip.compress(body)
            handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(body)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    servers: list[Scripted] = []

    def start(*replies: Reply) -> Scripted:
        servers.append(Scripted(*replies))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def always(status: int, said: object) -> Reply:
    return lambda asked: (status, said)


def matrix(*values: tuple[float, str], **more: object) -> dict[str, object]:
    result = [{"metric": {"__name__": "up", "job": "a"}, "values": [list(v) for v in values]}]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}, **more}


def failed(kind: str, error: str) -> dict[str, str]:
    return {"status": "error", "errorType": kind, "error": error}


def api(url: str, **more: object) -> tuple[Api, list[float]]:
    """With a clock that only pauses move."""
    config, slept = Config(url=url, **more), list[float]()  # type: ignore[arg-type]
    return Api(config, Transport(config, sleep=slept.append, clock=lambda: sum(slept))), slept


def test_points_lie_after_the_start_up_to_the_end(scripted: Callable[..., Scripted]) -> None:
    start, end = SPAN.start_ms / 1000, SPAN.end_ms / 1000
    server = scripted(always(200, matrix((start, "1"), (start + 0.001, "2"), (end, "3"), (end + 0.001, "4"))))

    found = api(server.url, selector='cluster="x"')[0].series(["up", "b.c"], SPAN, 'job=~"a"')

    assert [s.points for s in found] == [[(SPAN.start_ms + 1, 2.0), (SPAN.end_ms, 3.0)]]
    assert (found[0].name, found[0].labels) == ("up", {"job": "a"})
    assert server.asked[0].path == "/prometheus/api/v1/query"
    assert server.asked[0].form == {
        "query": ['{__name__=~"b\\\\.c|up",cluster="x",job=~"a"}[64000ms]'],
        "time": ["1700000064.000"],
    }


def test_what_is_no_number_is_no_point(scripted: Callable[..., Scripted]) -> None:
    server = scripted(always(200, matrix((1_700_000_001, "NaN"), (1_700_000_002, "+Inf"), (1_700_000_003, "1e+06"))))

    assert api(server.url)[0].series(["up"], SPAN)[0].points == [(1_700_000_003_000, 1e6)]


def test_a_server_that_stumbles_is_asked_again(scripted: Callable[..., Scripted]) -> None:
    server = scripted(always(503, b"starting"), always(429, b"slow down"), always(200, matrix((1_700_000_001, "1"))))
    asked, slept = api(server.url)

    assert len(asked.series(["up"], SPAN)) == 1
    assert len(slept) == 2
    assert slept[1] > slept[0] / 2


def test_it_is_given_up_after_the_timeout(scripted: Callable[..., Scripted]) -> None:
    asked, slept = api(scripted(always(503, b"no\nmore")).url, timeout=5)

    with pytest.raises(Unanswered, match=r"127\.0\.0\.1:.*503 no more"):
        asked.series(["up"], SPAN)
    assert 1 < sum(slept) <= 5


def test_nobody_there_is_said() -> None:
    with pytest.raises(Unanswered, match=r"127\.0\.0\.1:9: ConnectionRefusedError"):
        api("http://127.0.0.1:9", timeout=1)[0].version()


@pytest.mark.parametrize(
    ("status", "said", "why"),
    [
        (200, matrix((1_700_000_001, "1"), warnings=["store unavailable"]), "in part only: store unavailable"),
        (400, failed("bad_data", "parse error"), "400 bad_data: parse error"),
        (401, b"Unauthorized", "not an answer of Prometheus: 401 Unauthorized"),
        (200, b"<html>", "see `url`"),
        (200, {"status": "success", "data": {"resultType": "matrix", "result": 7}}, "not an answer of Prometheus"),
    ],
)
def test_an_answer_that_is_not_whole_does_not_count(
    scripted: Callable[..., Scripted], status: int, said: object, why: str
) -> None:
    server = scripted(always(status, said))

    with pytest.raises(Unanswered, match=why):
        api(server.url)[0].series(["up"], SPAN)
    assert len(server.asked) == 1


def seconds(asked: Asked) -> int:
    return int(asked.form["query"][0].rpartition("[")[2].removesuffix("ms]")) // 1000


def test_what_is_too_much_is_asked_for_in_halves(scripted: Callable[..., Scripted]) -> None:
    def reply(asked: Asked) -> tuple[int, object]:
        end, length = float(asked.form["time"][0]), seconds(asked)
        if length > 16:
            return 422, failed("execution", "query processing would load too many samples into memory")
        return 200, matrix(*((end - i, "1") for i in range(length, -1, -1)))

    server = scripted(reply)
    points = api(server.url)[0].series(["up"], SPAN)[0].points

    assert [at for at, _ in points] == list(range(SPAN.start_ms + 1000, SPAN.end_ms + 1, 1000))
    assert sorted(map(seconds, server.asked)) == [16, 16, 16, 16, 32, 32, 64]


def test_an_answer_that_is_too_long_is_asked_for_in_halves(scripted: Callable[..., Scripted]) -> None:
    def reply(asked: Asked) -> tuple[int, object]:
        padding = b" " * (MOST_BYTES if seconds(asked) > 32 else 0)
        return 200, json.dumps(matrix((float(asked.form["time"][0]), "1"))).encode() + padding

    server = scripted(reply)
    server.packed = True

    assert len(api(server.url)[0].series(["up"], SPAN)[0].points) == 2


def test_too_much_even_for_a_second_is_said(scripted: Callable[..., Scripted]) -> None:
    server = scripted(always(422, failed("execution", "exceeds the limit of samples")))

    with pytest.raises(Unanswered, match="even of a second: exceeds the limit of samples; narrow `selector`"):
        api(server.url)[0].series(["up"], SPAN)


def test_who_asks_is_read_anew_for_every_request(scripted: Callable[..., Scripted], tmp_path: Path) -> None:
    server, token = scripted(always(200, {"status": "success", "data": ["up"]})), tmp_path / "token"
    asked, _ = api(server.url, token_file=str(token), headers={"X-Scope-OrgID": "a"})
    for value in ("one", "two"):
        token.write_text(f"{value}\n", "utf-8")
        assert asked.names(["up", "other"], SPAN) == {"up"}

    assert [a.headers["Authorization"] for a in server.asked] == ["Bearer one", "Bearer two"]
    assert server.asked[0].headers["X-Scope-OrgID"] == "a"
    token.unlink()
    with pytest.raises(Unanswered, match=r"token_file .*No such file"):
        asked.names(["up"], SPAN)


def test_a_user_has_a_password(scripted: Callable[..., Scripted], tmp_path: Path) -> None:
    server, password = scripted(always(404, b"")), tmp_path / "password"
    password.write_text("secret\n", "utf-8")

    assert api(server.url, user="me", password_file=str(password))[0].version() == ""
    assert server.asked[0].headers["Authorization"] == "Basic bWU6c2VjcmV0"


def test_a_literal_is_quoted_twice() -> None:
    assert literal('a.b|"c\\') == 'a\\\\.b\\\\|\\"c\\\\\\\\'
