"""Ingest: segments from the inbox into the lake, each batch of a stream exactly once.

A bounded number of segments is read, staged, and counts with one transaction of the catalog, which also holds the
ranges that came in; only then are the objects removed from the inbox. Killed anywhere, it is run again.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from accounting.agent_tables import AGENT
from accounting.inbox import Inbox, Item
from accounting.inputs.importing import Progress, silent
from accounting.inputs.segments import Told, decode
from accounting.inputs.telling import frames
from accounting.stores import ranges
from accounting.stores.lake import Lake, StagedFile, disk
from accounting.stores.ranges import Range, Taken
from accounting.tables import QUARANTINE
from collector.wire import MOST_BYTES, SUFFIX, Unreadable, object_name

KIND, SOURCE = "agent", "inbox"
BATCH_BYTES = 64 << 20
"""Matrices of one batch, the unit that is committed: what bounds memory."""

_WAVE, _WAVE_BYTES = 64, 16 << 20
_HEAD = 32
MOST_AHEAD_MS = 86_400_000
"""What is told of later than a day from now comes of a wrong clock: it would move a whole cluster's watermark."""

Stream = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An object that was not taken: why, and what it begins with."""

    name: str
    sha256: str
    reason: str
    head: str

    @property
    def content(self) -> str:
        return f"sha256 {self.sha256}, begins with {self.head}"


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A segment that is about to count, and what it begins with."""

    told: Told
    range: Range
    head: str


@dataclass(slots=True)
class Tally:
    """What an ingest did. `known` came in before, `newest_ms` is when the newest record ends (None: no record)."""

    segments: int = 0
    known: int = 0
    records: int = 0
    agents: set[str] = field(default_factory=set)
    newest_ms: int | None = None
    refused: list[Refusal] = field(default_factory=list)
    imports: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    """What was read since the last commit; `known` are names of objects whose batches count already."""

    arrivals: list[_Arrival] = field(default_factory=list)
    streams: dict[Stream, list[Range]] = field(default_factory=dict)
    known: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    bytes: int = 0

    def judge(self, connection: sqlite3.Connection, arrival: _Arrival) -> bool:
        """Whether a segment can come in; else it is known, or refused."""
        segment = arrival.range
        there = ranges.overlapping(connection, segment)
        here = self.streams.get((segment.agent, segment.stream), [])
        there += [(r.first, r.last, r.sha256) for r in here if r.first <= segment.last and r.last >= segment.first]
        if (segment.first, segment.last, segment.sha256) in there:
            self.known.append(segment.name)
        elif there:
            first, last, _ = there[0]
            reason = f"batches {segment.first} to {segment.last}: {first} to {last} came before, with other bytes"
            self.refused.append(Refusal(segment.name, segment.sha256, reason, arrival.head))
        return not there

    def judge_again(self, connection: sqlite3.Connection, lost: set[Range]) -> None:
        """Judges those that another ingest was faster with."""
        arrivals, self.arrivals, self.streams, self.bytes = self.arrivals, [], {}, 0
        for arrival in sorted(arrivals, key=lambda a: a.range in lost):
            if arrival.range not in lost or self.judge(connection, arrival):
                self.add(arrival)

    def add(self, arrival: _Arrival) -> None:
        self.arrivals.append(arrival)
        self.streams.setdefault((arrival.range.agent, arrival.range.stream), []).append(arrival.range)
        self.bytes += arrival.told.bytes


def ingest(
    lake: Lake,
    inbox: Inbox,
    now: int,
    *,
    keep: bool = False,
    batch_bytes: int = BATCH_BYTES,
    progress: Progress = silent,
) -> Tally:
    """Takes what lies in the inbox; `keep` leaves there what was taken. `now` is in ms.

    Every `batch_bytes` of rows are committed. What is damaged, foreign, or contradicts what came before goes to
    quarantine. Raises `StoreError` where inbox or lake fail; batches that were committed count then.
    """
    progress("listing the inbox", None)
    items = inbox.items()
    tally = Tally()
    if keep:
        with lake.catalog() as connection:
            known = ranges.named(connection)
        items = [item for item in items if (item.name, item.bytes) not in known]
    for batch, read in _batches(lake, inbox, items, batch_bytes, now):
        progress("storing", read / len(items))
        _take(lake, batch, now, tally)
        for refusal in batch.refused:
            inbox.set_aside(refusal.name, refusal.sha256, refusal.reason)
        if not keep:
            inbox.remove([*batch.known, *(a.range.name for a in batch.arrivals)])
    return tally


def _batches(
    lake: Lake, inbox: Inbox, items: Sequence[Item], batch_bytes: int, now: int
) -> Iterator[tuple[_Batch, int]]:
    """Batches, and how many objects were read so far."""
    batch, end = _Batch(), 0
    for wave in _waves(items):
        end += len(wave)
        with lake.catalog() as connection:
            for item, data in zip(wave, inbox.read(wave), strict=True):
                if data is not None:
                    _open(connection, batch, item, data, now)
        if batch.bytes >= batch_bytes:
            yield batch, end
            batch = _Batch()
    if items:
        yield batch, end


def _waves(items: Sequence[Item]) -> Iterator[list[Item]]:
    """What is read at once: few enough objects, and few enough bytes."""
    wave: list[Item] = []
    size = 0
    for item in items:
        if wave and (len(wave) == _WAVE or size + item.bytes > _WAVE_BYTES):
            yield wave
            wave, size = [], 0
        wave.append(item)
        size += item.bytes
    if wave:
        yield wave


def _open(connection: sqlite3.Connection, batch: _Batch, item: Item, data: bytes, now: int) -> None:
    """Puts an object into the batch: as a segment that is new, as known, or refused."""
    sha256, head = hashlib.sha256(data).hexdigest(), data[:_HEAD].hex()
    try:
        told = _decoded(item, data, now)
    except Unreadable as error:
        batch.refused.append(Refusal(item.name, sha256, str(error), head))
        return
    arrival = _Arrival(told, _range(told, item, sha256), head)
    if batch.judge(connection, arrival):
        batch.add(arrival)


def _decoded(item: Item, data: bytes, now: int) -> Told:
    if item.bytes > MOST_BYTES:
        raise Unreadable(f"{item.bytes} bytes are more than a segment has")
    if not item.name.endswith(SUFFIX):
        raise Unreadable(f"not a segment: its name does not end with {SUFFIX}")
    told = decode(data)
    key = object_name(told.header.agent, told.header.stream, told.first, told.last)
    if item.name != key:
        raise Unreadable(f"another agent's or another part's: by its content it is {key}")
    ahead = (told.latest_ms or now) - now
    if ahead > MOST_AHEAD_MS:
        raise Unreadable(f"tells of a time {ahead / 3_600_000:.0f} hours from now: set the clock of {told.header.node}")
    return told


def _range(told: Told, item: Item, sha256: str) -> Range:
    h = told.header
    return Range(
        h.agent, h.stream, told.first, told.last, sha256, item.name, item.bytes, h.node, h.cluster, h.previous,
        h.previous_last, told.start_ms, told.end_ms,
    )  # fmt: skip


def _take(lake: Lake, batch: _Batch, now: int, tally: Tally) -> None:
    """Commits a batch; where another ingest was faster with a segment it is judged anew, and the rest tried again."""
    while batch.arrivals or batch.refused:
        refused = _unknown(lake, batch.refused)
        if not batch.arrivals and not refused:
            break
        try:
            seq, records = _commit(lake, batch.arrivals, refused, now)
        except Taken as taken:
            with lake.catalog() as connection:
                batch.judge_again(connection, set(taken.segments))
            continue
        tally.imports.append(seq)
        tally.records += records
        break
    _count(tally, batch)


def _count(tally: Tally, batch: _Batch) -> None:
    tally.segments += len(batch.arrivals)
    tally.known += len(batch.known)
    tally.refused += batch.refused
    tally.agents |= {a.range.agent for a in batch.arrivals}
    ends = [a.range.end_ms for a in batch.arrivals if a.range.end_ms is not None]
    newest = [tally.newest_ms] if tally.newest_ms is not None else []
    tally.newest_ms = max([*ends, *newest], default=None)


def _unknown(lake: Lake, refused: list[Refusal]) -> list[Refusal]:
    """Those that are not in quarantine yet: a killed ingest may have come as far as to say so."""
    if not refused:
        return []
    said = lake.scan_quarantine().filter(kind=KIND).select("file", "content").collect().rows()
    return [r for r in refused if (r.name, r.content) not in set(said)]


def _commit(lake: Lake, arrivals: list[_Arrival], refused: list[Refusal], now: int) -> tuple[int, int]:
    """The number of the import and of its records; raises `Taken`."""
    digest = hashlib.sha256("".join(a.range.sha256 for a in arrivals).encode()).hexdigest()
    count = f"{len(arrivals)} segments"
    files: list[StagedFile] = []
    with disk(lake.folder):
        seq = lake.reserve_import(KIND, SOURCE, count, digest, "", now)
        try:
            for file in _staged(lake, seq, arrivals, refused):
                files.append(file)  # noqa: PERF402 - what was staged before an error has to be discarded
            rows = sum(file.rows for file in files if file.table == "agent_records")
            notes = {"segments": len(arrivals)}
            lake.commit_import(seq, rows, len(refused), notes, files, [], [a.range for a in arrivals])
        except BaseException:
            lake.discard(files)
            raise
    return seq, rows


def _staged(lake: Lake, seq: int, arrivals: list[_Arrival], refused: list[Refusal]) -> Iterator[StagedFile]:
    told = frames([a.told for a in arrivals]) if arrivals else {}
    for name, frame in told.items():
        if frame.height:
            yield lake.stage(AGENT[name], _numbered(frame, seq).select(AGENT[name].names))
    if refused:
        yield lake.stage(QUARANTINE, _numbered(_rejects(refused), seq).select(QUARANTINE.names))


def _numbered(frame: pl.DataFrame, seq: int) -> pl.DataFrame:
    return frame.with_columns(pl.lit(seq, pl.Int64).alias("import_seq"), pl.int_range(1, pl.len() + 1).alias("row"))


def _rejects(refused: list[Refusal]) -> pl.DataFrame:
    rows = [(KIND, r.name, None, r.reason, r.content) for r in refused]
    schema = dict.fromkeys(("kind", "file", "column", "reason", "content"), pl.String)
    return pl.DataFrame(rows, schema=schema, orient="row")
