"""What the tests of serving engines share: pods, their scrapes, and reading them in spans."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from collector.central.findings import Counted, Span
from collector.central.series import Series
from collector.rows import Happened
from collector.serving import Memory, counted
from collector.wire import UNKNOWN, Workload
from tests.fakes.exposition import scraped

HOUR = 1_800_000_000_000
"""A whole hour, in Unix ms."""
SECOND = 1000


def pod(name: str, port: int = 8000) -> dict[str, str]:
    address = f"10.0.0.{sum(name.encode()) % 250}:{port}"
    return {"job": "engines", "instance": address, "namespace": "serving", "pod": name}


def workload_of(labels: Mapping[str, str]) -> Workload:
    name = labels["pod"]
    claims = {"model": "claimed-7b"} if name.startswith("claims") else {}
    return Workload(id=f"serving/{name}", kind="kubernetes", uid=f"uid-{name}", namespace="serving", claims=claims)


def scrapes(texts: Mapping[int, str | None], name: str = "a-0") -> list[Series]:
    """Of one pod, at seconds after HOUR."""
    return scraped({HOUR + at * SECOND: text for at, text in texts.items()}, pod(name))


def read(
    found: Sequence[Series], until: int, since: int = 0, memory: Memory | None = None
) -> tuple[list[Counted], list[Happened]]:
    """One span, in seconds after HOUR."""
    kept = Memory() if memory is None else memory
    return counted(found, workload_of, Span(HOUR + since * SECOND, HOUR + until * SECOND), kept)


def read_in_spans(
    found: Sequence[Series], edges: Iterable[int], memory: Memory | None = None
) -> tuple[list[Counted], list[Happened]]:
    """Span after span, as a source does: only the span's points are told, the memory goes through its encoding."""
    rows: list[Counted] = []
    happened: list[Happened] = []
    kept = msgspec.json.encode(memory or Memory())
    for start, end in pairwise(HOUR + at * SECOND for at in edges):
        points = [Series(s.name, s.labels, [p for p in s.points if start < p[0] <= end]) for s in found]
        told = msgspec.json.decode(kept, type=Memory)
        more, events = counted(points, workload_of, Span(start, end), told)
        again = counted(points, workload_of, Span(start, end), msgspec.json.decode(kept, type=Memory))
        assert again == (more, events)
        kept = msgspec.json.encode(told)
        rows += more
        happened += events
    return rows, happened


def totals(rows: Iterable[Counted]) -> dict[tuple[str, str, str], tuple[int, int, int, int]]:
    """(requests, input tokens, output tokens, busy_ms) by pod, model and engine; UNKNOWN where no row knows it."""
    fields = ("requests", "input_tokens", "output_tokens", "busy_ms")
    found: dict[tuple[str, str, str], Tally[str]] = {}
    for row in rows:
        tally = found.setdefault((row.workload.id.removeprefix("serving/"), row.model, row.engine), Tally())
        tally.update({field: value for field in fields if (value := getattr(row, field)) != UNKNOWN})
    return {
        key: (
            tally.get("requests", UNKNOWN),
            tally.get("input_tokens", UNKNOWN),
            tally.get("output_tokens", UNKNOWN),
            tally.get("busy_ms", UNKNOWN),
        )
        for key, tally in found.items()
    }
