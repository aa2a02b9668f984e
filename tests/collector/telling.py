"""What the spool's tests tell, and how they read what became of it."""

from __future__ import annotations

from pathlib import Path

from collector.spool.spool import Spool
from collector.wire import Batch, Device, Header, Holding, Note, Record, Segment, Workload, batch_of, read_segment

AGENT = "0123456789abcdef0123456789abcdef"
HEADER = Header(agent=AGENT, stream="", first=1, node="node-1", wall_ms=1_700_000_000_000, boot_ns=0)
START_MS = 1_700_000_100_000
WINDOW_MS = 10_000


def device(number: int) -> Device:
    return Device(uuid=f"GPU-{number:08x}", name="NVIDIA H100 80GB HBM3", minor=number, memory_bytes=85_899_345_920)


def workload(number: int) -> Workload:
    return Workload(id=f"team-{number}/pod", kind="kubernetes", namespace=f"team-{number}", claims={"team": "search"})


def tell(spool: Spool, window: int, devices: int = 2) -> int:
    """Appends what `devices` did in the window of this number: their records, and a holding of each."""
    names = spool.names
    records: list[Record] = []
    holdings: list[Holding] = []
    start = START_MS + window * WINDOW_MS
    for number in range(devices):
        where, who = names.device(device(number)), names.workload(workload(number))
        busy = (window * 7919 + number * 104_729) % WINDOW_MS
        measures = (busy, busy // 2, busy // 3, busy // 4, busy << 30, 40 << 30, busy * 600, 0)
        records += [Record(where, -1, start, WINDOW_MS, *measures), Record(where, who, start, WINDOW_MS, *measures)]
        holdings.append(Holding(where, who, START_MS, start + WINDOW_MS, 1_000_000, 0))
    return spool.append(Batch(records=records, holdings=holdings))


def segments(folder: Path) -> dict[str, Segment]:
    """All sealed segments below a folder, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".seg", ".sent"})
    return {path.name: read_segment(path.read_bytes()) for path in paths}


def seqs(folder: Path) -> list[tuple[str, int]]:
    """Stream and seq of every batch that sealed segments below a folder have, in order and as often as they have it."""
    return sorted(
        (segment.header.stream, seq)
        for segment in segments(folder).values()
        for block in segment.blocks
        for seq in range(block.first, block.last + 1)
    )


def rows(folder: Path, stream: str | None = None) -> list[Record]:
    """All records with devices and workloads as numbers of `device` and `workload`, sorted by time."""
    found: list[Record] = []
    for segment in segments(folder).values():
        if stream in {None, segment.header.stream}:
            for block in segment.blocks:
                names = block.names
                found += [
                    row._replace(
                        device=names.devices[row.device].minor,
                        workload=-1 if row.workload < 0 else int(names.workloads[row.workload].namespace[5:]),
                    )
                    for row in batch_of(block).records
                ]
    return sorted(found, key=lambda row: (row.start_ms, *row))


def notes(folder: Path) -> list[tuple[Note, str]]:
    """All notes with their texts."""
    return [
        (note, block.names.texts[note.text] if note.text >= 0 else "")
        for segment in segments(folder).values()
        for block in segment.blocks
        for note in batch_of(block).notes
    ]
