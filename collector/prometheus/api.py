"""The HTTP API of Prometheus: which metrics there are, and the points of series exactly as they were scraped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from collector.central.findings import Span, Unanswered
from collector.central.series import Series, series
from collector.prometheus.config import Prometheus
from collector.prometheus.transport import Answer, TooLarge, Transport, place, reason

LEAST_MS = 1000
"""A span that is still too much for the server is halved down to this."""

_MANY = re.compile("too many|exceed|limit|too large", re.IGNORECASE)
_AT_ONCE = 100


class _Stream(Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]] = []


class _Matrix(Struct, rename={"kind": "resultType"}):
    kind: str
    result: list[_Stream]


class _Build(Struct):
    version: str = ""


class _Envelope(Struct, rename={"kind": "errorType"}):
    status: str = ""
    kind: str = ""
    error: str = ""
    warnings: list[str] | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


_Data = TypeVar("_Data")
_Id = tuple[str, tuple[tuple[str, str], ...]]
_envelope = msgspec.json.Decoder(_Envelope)
_matrix = msgspec.json.Decoder(_Matrix)
_names = msgspec.json.Decoder(list[str])
_build = msgspec.json.Decoder(_Build)


class Api:
    """Questions to one server; every method raises `Unanswered`, also where it says that its answer is not whole."""

    def __init__(self, config: Prometheus, transport: Transport | None = None) -> None:
        self._transport = transport or Transport(config)
        self._extra = config.selector
        self._place = place(urlsplit(config.url))

    def version(self) -> str:
        """The server's; '' where it tells none, as some that only speak like Prometheus."""
        answer = self._transport.get("/api/v1/status/buildinfo", [])
        return self._decoded(answer, _build).version if answer.status == 200 else ""

    def names(self, wanted: Iterable[str], span: Span) -> set[str]:
        """Which of these metrics there are in a span."""
        parameters = [("match[]", selector(wanted, self._extra)), *_between(span)]
        try:
            told = self._decoded(self._transport.get("/api/v1/label/__name__/values", parameters), _names)
        except TooLarge as error:
            raise Unanswered(f"{self._place}: its list of metrics: {error}; narrow `selector`") from error
        return {name for name in wanted if name in told}

    def series(self, names: Iterable[str], span: Span, *matchers: str) -> list[Series]:
        """The series of these metrics with all of their points after the span's start up to its end."""
        asked = selector(names, self._extra, *matchers)
        labels: dict[_Id, dict[str, str]] = {}
        points: dict[_Id, list[tuple[int, float]]] = {}
        for stream in self._streams(asked, span):
            name = stream.metric.pop("__name__", "")
            key = (name, tuple(sorted(stream.metric.items())))
            labels[key] = stream.metric
            # A range is open at its start in version 3 and closed in version 2.
            read = [(round(at * 1000), float(value)) for at, value in stream.values]
            points.setdefault(key, []).extend([one for one in read if span.start_ms < one[0] <= span.end_ms])
        return [series(key[0], labels[key], points[key]) for key in sorted(points) if points[key]]

    def of(self, names: Iterable[str], span: Span, label: str, values: Iterable[str]) -> Iterator[Series]:
        """As `series`, of those only whose label has one of these values."""
        every = sorted(set(values))
        for first in range(0, len(every), _AT_ONCE):
            some = "|".join(literal(value) for value in every[first : first + _AT_ONCE])
            yield from self.series(names, span, f'{label}=~"{some}"')

    def _streams(self, asked: str, span: Span) -> Iterator[_Stream]:
        try:
            yield from self._range(asked, span)
        except TooLarge as error:
            if span.end_ms - span.start_ms < 2 * LEAST_MS:
                what = f"{self._place}: too much for one answer even of a second: {error}"
                raise Unanswered(f"{what}; narrow `selector`, or raise the server's limits") from error
            middle = (span.start_ms + span.end_ms) // 2
            yield from self._streams(asked, Span(span.start_ms, middle))
            yield from self._streams(asked, Span(middle, span.end_ms))

    def _range(self, asked: str, span: Span) -> list[_Stream]:
        length = span.end_ms - span.start_ms
        form = [("query", f"{asked}[{length}ms]"), ("time", f"{span.end_ms / 1000:.3f}")]
        found = self._decoded(self._transport.post("/api/v1/query", form), _matrix)
        return found.result

    def _decoded(self, answer: Answer, decoder: msgspec.json.Decoder[_Data]) -> _Data:
        try:
            told = _envelope.decode(answer.body)
            if told.status == "success" and not told.warnings:
                return decoder.decode(told.data)
        except msgspec.MsgspecError as error:
            said = f"{answer.status} {reason(answer.body)}"
            raise Unanswered(f"{self._place}: not an answer of Prometheus: {said}; see `url`") from error
        if told.warnings:
            raise Unanswered(f"{self._place}: an answer in part only: {told.warnings[0][:300]}")
        if told.kind == "timeout" or (answer.status == 422 and _MANY.search(told.error)):
            raise TooLarge(told.error[:300])
        raise Unanswered(f"{self._place}: {answer.status} {told.kind}: {told.error[:300]}")


def selector(names: Iterable[str], *matchers: str) -> str:
    """A selector of metrics by name, with matchers of which '' are none."""
    named = "|".join(literal(name) for name in sorted(names))
    return "{" + ",".join([f'__name__=~"{named}"', *(matcher for matcher in matchers if matcher)]) + "}"


def literal(value: str) -> str:
    """A regular expression, as it stands in a quoted string of PromQL, that matches nothing but this value."""
    exact = re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", value)
    return exact.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _between(span: Span) -> list[tuple[str, str]]:
    return [("start", f"{span.start_ms / 1000:.3f}"), ("end", f"{span.end_ms / 1000:.3f}")]
