"""From a log to a sealed segment: the same bytes, however often it is begun anew."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from msgspec import structs

from collector.spool.coarse import latest, newest
from collector.spool.evidence import Evidence, Gap
from collector.spool.files import sync_folder, write_whole
from collector.spool.sealed import Sealed
from collector.wire import (
    MAGIC,
    Batch,
    Header,
    Segment,
    Unreadable,
    batch_of,
    encode_block,
    encode_end,
    encode_header,
    joined,
    known_lost,
    read_segment,
)


class Settled(NamedTuple):
    """What became of a log: its sealed segment if it had a sound batch, and what is surely lost of it.

    `torn`: the last batch was being written when the agent or the machine stopped; nobody was told that it was kept.
    `newer`: another version's, left as it is.
    """

    sealed: Sealed | None = None
    gap: Gap | None = None
    torn: bool = False
    newer: bool = False


def settle(path: Path, ordinal: int, evidence: Evidence, known: bool, appended: int = 0) -> Settled:
    """Seals what is sound in a log and takes the log away; raises `OSError`, and can then be called again.

    `known`: the sealed segment is there already. `appended` is the last seq that was acknowledged, where the caller
    knows.
    """
    data = path.read_bytes()
    if is_newer(data):
        return Settled(newer=True)
    try:
        found = read_segment(data)
    except Unreadable:
        return _unreadable(path, ordinal, evidence, data)
    sealed = None
    if found.blocks and not known:
        batch = joined(batch_of(block) for block in found.blocks)
        batch.holdings, batch.allocations = latest(batch.holdings), newest(batch.allocations)
        sealed = write_sealed(path.parent, ordinal, found.header, _last(found), batch)
    lost = _lost(data, found, appended)
    if lost:
        first = _last(found) + 1
        gap = Gap(ordinal=ordinal, stream=found.header.stream, first=first, last=first + lost - 1)
        evidence.keep(path, gap)
        return Settled(sealed, gap)
    path.unlink()
    sync_folder(path.parent)
    return Settled(sealed, torn=bool(found.wrong))


def write_sealed(
    folder: Path,
    ordinal: int,
    header: Header,
    last: int,
    batch: Batch,
    level: int = 0,
    sealed_ns: int | None = None,
) -> Sealed:
    """Writes the segment whose batches, up to `last`, are `batch`; raises `OSError`, and then there is none."""
    first = header.first
    data = encode_header(header) + encode_block(header.stream, first, last, batch)
    data += encode_end(header.stream, first, last)
    entry = Sealed(
        ordinal=ordinal,
        stream=header.stream,
        first=first,
        last=last,
        level=level,
        size=len(data),
        sealed_ns=sealed_ns or 0,
    )
    path = folder / entry.name
    write_whole(path, data, sealed_ns)
    return entry if sealed_ns else _dated(entry, path)


def is_newer(data: bytes) -> bool:
    """A segment, of a version that this agent does not read."""
    version = data[len(MAGIC) - 1 : len(MAGIC)]
    return data.startswith(MAGIC[:-1]) and version > MAGIC[-1:]


def _dated(entry: Sealed, path: Path) -> Sealed:
    return structs.replace(entry, sealed_ns=path.stat().st_mtime_ns)


def _unreadable(path: Path, ordinal: int, evidence: Evidence, data: bytes) -> Settled:
    """Without its header a log says nothing, but an empty one never had a batch: the header is durable before any."""
    if not data.strip(b"\0"):
        path.unlink()
        sync_folder(path.parent)
        return Settled(torn=True)
    gap = Gap(ordinal=ordinal)
    evidence.keep(path, gap)
    return Settled(gap=gap)


def _lost(data: bytes, found: Segment, appended: int) -> int:
    """Batches after the sound prefix; a cut or blank end is one that was never acknowledged."""
    if appended:
        return max(0, appended - _last(found))
    if not found.wrong:
        return 0
    whole = not found.wrong.startswith("cut off") and data[found.bytes_read :].strip(b"\0")
    return max(known_lost(data, found), 1 if whole else 0)


def _last(found: Segment) -> int:
    return found.blocks[-1].last if found.blocks else found.header.first - 1
