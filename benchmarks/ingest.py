"""A million records of agents, read from segments and freed of repetitions, against Polars reading JSON lines."""

from __future__ import annotations

import hashlib
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from accounting.inbox import open_inbox
from accounting.ingest import ingest
from accounting.inputs import observations
from accounting.inputs.segments import decode
from accounting.inputs.telling import frames
from accounting.stores.lake import Lake
from collector import wire
from collector.wire import UNKNOWN, Batch, Device, Header, Names, Record

CLAIMED_PER_SECOND = 1_000_000
CLAIMED_RATIO = 2.0
GPUS, WINDOWS, WINDOW_MS = 8, 90, 10_000
BEGIN_MS = 1_738_281_600_000
_YEAR_MS = 366 * 86_400_000

COLUMNS = ("start_ms", "length_ms", "busy_ms", "sm_ms", "memory_byte_ms", "energy_mj")


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of one round, how many records were read, and how many were left."""

    seconds: float
    read: int
    records: int


def measure(folder: Path, records: int, rounds: int) -> bool:
    """Prints each round and the medians; False where a claim does not hold."""
    write(folder, -(-records // (GPUS * WINDOWS)))
    speeds, ratios = [], []
    read = 0
    for number in range(1, rounds + 1):
        ours, theirs, whole = _ours(folder), _theirs(folder), _into_lake(folder, number)
        assert ours.records == theirs.records == whole.records
        read = ours.read
        speeds.append(ours.read / ours.seconds)
        ratios.append(ours.seconds / theirs.seconds)
        print(
            f"round {number}: segments {ours.seconds:.2f} s, {speeds[-1]:,.0f} records/s; polars reading json lines "
            f"{theirs.seconds:.2f} s; ratio {ratios[-1]:.2f}; `ingest` into a lake {whole.seconds:.2f} s",
            flush=True,
        )
    speed, ratio = statistics.median(speeds), statistics.median(ratios)
    claim = f"claimed: at least {CLAIMED_PER_SECOND:,} records/s, ratio at most {CLAIMED_RATIO}"
    print(f"ingest: {read:,} records: median {speed:,.0f} records/s, ratio {ratio:.2f} ({claim})")
    return speed >= CLAIMED_PER_SECOND and ratio <= CLAIMED_RATIO


def write(folder: Path, segments: int) -> None:
    """Each segment in `inbox/`, and the same rows in `lines/`, one file per segment too; one of ten comes twice."""
    (folder / "lines").mkdir(parents=True)
    for number in range(segments):
        agent = f"agent-{number % 100:03}"
        first = number // 100 * WINDOWS + 1
        rows = list(_rows(number, first))
        for stream in ("s1", "s2") if number % 10 == 0 else ("s1",):
            _write_segment(folder / "inbox", agent, stream, first, rows)
            lines = (_line(agent, row) for row in rows)
            (folder / "lines" / f"{agent}-{stream}-{first}.jsonl").write_text("".join(lines))


def _rows(number: int, first: int) -> Iterator[Record]:
    for gpu in range(GPUS):
        for n in range(first, first + WINDOWS):
            noise = int.from_bytes(hashlib.blake2b(f"{number}/{gpu}/{n}".encode(), digest_size=4).digest(), "little")
            busy, memory = noise % WINDOW_MS, (60_000_000_000 + noise % 1000 * 65_536) * WINDOW_MS
            start = BEGIN_MS + n * WINDOW_MS
            yield Record(
                gpu, UNKNOWN, start, WINDOW_MS, busy, busy * 3 // 4, UNKNOWN, UNKNOWN, memory, UNKNOWN, busy * 7
            )


def _write_segment(inbox: Path, agent: str, stream: str, first: int, rows: list[Record]) -> None:
    last = first + WINDOWS - 1
    names = Names([Device(uuid=_uuid(agent, gpu), name="NVIDIA H100 80GB HBM3") for gpu in range(GPUS)], [], [])
    header = wire.encode_header(Header(agent=agent, stream=stream, first=first, node=agent))
    block = wire.encode_block(stream, first, last, wire.joined([Batch(names, rows)]))
    path = inbox / wire.object_name(agent, stream, first, last)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + block + wire.encode_end(stream, first, last))


def _line(agent: str, row: Record) -> str:
    told = {"node": agent, "device_id": _uuid(agent, row.device), **{name: getattr(row, name) for name in COLUMNS}}
    return json.dumps(told) + "\n"


def _uuid(agent: str, gpu: int) -> str:
    return f"GPU-{agent}-0000-0000-{gpu:012}"


def _ours(folder: Path) -> Took:
    began = time.perf_counter()
    inbox = open_inbox("inbox", folder)
    told = [decode(data) for data in inbox.read(inbox.items()) if data is not None]
    rows = frames(told)["agent_records"]
    left = observations.distinct(rows).height
    return Took(time.perf_counter() - began, rows.height, left)


def _theirs(folder: Path) -> Took:
    began = time.perf_counter()
    rows = pl.scan_ndjson(folder / "lines" / "*.jsonl").collect()
    left = rows.unique(["node", "device_id", "start_ms"], keep="any").height
    return Took(time.perf_counter() - began, rows.height, left)


def _into_lake(folder: Path, number: int) -> Took:
    """All of it: also staged, synced and committed; what comes twice is in the lake twice, and counts once."""
    lake = Lake.create(folder / f"lake-{number}")
    began = time.perf_counter()
    read = ingest(lake, open_inbox("inbox", folder), BEGIN_MS + _YEAR_MS, keep=True).records
    seconds = time.perf_counter() - began
    return Took(seconds, read, observations.distinct(observations.records(lake).collect()).height)
