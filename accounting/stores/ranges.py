"""Which batches of which stream have come in: the ranges that segments cover, each once."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from accounting.errors import StoreError

_COLUMNS = "agent, stream, first, last, sha256, name, bytes, node, cluster, previous, previous_last, start_ms, end_ms"


@dataclass(frozen=True, slots=True)
class Range:
    """One segment: batches `first` to `last` of a stream, what its bytes are, and when it tells of (ms; None: nothing).

    `name` is what it was called in the inbox. The agent's stream before this one, `previous`, ended with batch
    `previous_last`.
    """

    agent: str
    stream: str
    first: int
    last: int
    sha256: str
    name: str
    bytes: int
    node: str
    cluster: str
    previous: str
    previous_last: int
    start_ms: int | None
    end_ms: int | None


class Taken(StoreError):
    """Batches that another process brought meanwhile: `segments` are those that must not come in again."""

    def __init__(self, segments: Sequence[Range]) -> None:
        super().__init__(f"{len(segments)} segments came in meanwhile: ingest again")
        self.segments = tuple(segments)


def overlapping(connection: sqlite3.Connection, segment: Range) -> list[tuple[int, int, str]]:
    """First, last and SHA-256 of the live segments that share batches with this one."""
    found = connection.execute(
        "SELECT first, last, sha256 FROM segments"
        " WHERE live AND agent = ? AND stream = ? AND first <= ? AND last >= ? ORDER BY first",
        (segment.agent, segment.stream, segment.last, segment.first),
    )
    return [tuple(row) for row in found]


def named(connection: sqlite3.Connection) -> set[tuple[str, int]]:
    """Name and size of every live segment."""
    return {tuple(row) for row in connection.execute("SELECT name, bytes FROM segments WHERE live")}


def insert(connection: sqlite3.Connection, seq: int, segments: Sequence[Range]) -> None:
    """Adds the segments of an import, inside its transaction; raises `Taken` where batches of them are there."""
    marks = ", ".join("?" * len(_COLUMNS.split(",")))
    taken = []
    for segment in segments:
        if overlapping(connection, segment):
            taken.append(segment)
            continue
        connection.execute(
            f"INSERT INTO segments ({_COLUMNS}, import_seq, live) VALUES ({marks}, ?, 1)", (*astuple(segment), seq)
        )
    if taken:
        raise Taken(taken)


def free(connection: sqlite3.Connection, seq: int) -> None:
    """Lets the batches of an import come in again."""
    connection.execute("UPDATE segments SET live = 0 WHERE import_seq = ?", (seq,))


def missing(connection: sqlite3.Connection) -> list[tuple[str, str, str, str, int, int, int | None, int | None]]:
    """Agent, node, cluster, stream, first and last of batches that have not come, and the times next to them.

    Between 1 and the last batch that came, and up to where a later stream says that this one ended.
    """
    return [tuple(row) for row in connection.execute(_MISSING)]


_MISSING = """
WITH known AS (
  SELECT agent, stream, node, cluster, first, last, start_ms, end_ms,
    LAG(last, 1, 0) OVER stream_order AS before, LAG(end_ms) OVER stream_order AS ended_ms
  FROM segments WHERE live
  WINDOW stream_order AS (PARTITION BY agent, stream ORDER BY first)
),
reached AS (
  SELECT agent, stream, MAX(last) AS last, MAX(end_ms) AS end_ms FROM segments WHERE live GROUP BY agent, stream
),
told AS (
  SELECT agent, previous AS stream, MAX(previous_last) AS last, MIN(start_ms) AS start_ms,
    MIN(node) AS node, MIN(cluster) AS cluster
  FROM segments WHERE live AND previous <> '' GROUP BY agent, previous
)
SELECT agent, node, cluster, stream, before + 1 AS first, first - 1 AS last, ended_ms AS after_ms, start_ms AS before_ms
FROM known WHERE first > before + 1
UNION ALL
SELECT told.agent, told.node, told.cluster, told.stream, COALESCE(reached.last, 0) + 1, told.last, reached.end_ms,
  told.start_ms
FROM told LEFT JOIN reached ON reached.agent = told.agent AND reached.stream = told.stream
WHERE told.last > COALESCE(reached.last, 0)
ORDER BY agent, stream, first
"""
