"""A source of known findings, whose memory is the number of spans that it has read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import msgspec

from collector.central.findings import Activity, Findings, Span, Unanswered
from collector.finding import Finding
from collector.wire import UNKNOWN, Device

MINUTE = 60_000
STEP_MS = 10_000


class Scripted:
    """Tells one row of ten seconds for each step of a span; fails as often as `failures` says, after having read."""

    kind = "prometheus"

    def __init__(self, name: str = "scripted") -> None:
        self.name = name
        self.spans: list[Span] = []
        self.failures: list[Exception] = []
        self.count = 0
        self.closed = False

    def read(self, span: Span) -> Findings:
        self.spans.append(span)
        self.count += 1
        if self.failures:
            raise self.failures.pop(0)
        starts = takewhile(lambda at: at < span.end_ms, range(span.start_ms, span.end_ms, STEP_MS))
        rows = [(at, STEP_MS, STEP_MS // 2, *[UNKNOWN] * 7, 0, 0) for at in starts]
        device = Device(uuid="GPU-1", name="NVIDIA H100 80GB HBM3")
        return Findings(activity=[Activity(device, None, rows)], points=len(rows))

    def memory(self) -> bytes:
        return str(self.count).encode()

    def remember(self, memory: bytes) -> None:
        self.count = msgspec.json.decode(memory or b"0", type=int)

    def examine(self) -> Iterator[Finding]:
        yield Finding("ok", self.name, "scripted")

    def cost(self) -> str:
        return f"{self.count} spans"

    def close(self) -> None:
        self.closed = True


def away(times: int) -> list[Exception]:
    return [Unanswered("nobody answers") for _ in range(times)]
