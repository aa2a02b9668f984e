"""The one contract between the agent and accounting: what is told, and the segment format it travels in.

A **stream** is what one run of an agent tells, as batches numbered from 1 (`seq`). A **segment** is a file with
consecutive batches of one stream:

    magic, header (length, crc32, MessagePack of `Header`)
    blocks: length, crc32, first seq, last seq, payload          one batch each while written, merged when sealed
    end:    length 0, crc32, first seq, last seq of the segment  only when sealed

A block's checksum is seeded with its stream, so that a block that moved does not verify. A reader takes blocks up to
the first that does not verify: what it returns is always a prefix of what was written.

A payload is zlib of MessagePack `_Head` (names that are new in this segment, counts of rows) and, for each table, its
columns as one little-endian int64 matrix: each column's differences from row to row, split into eight byte planes, so
that high bytes, which rarely change, stand together. `UNKNOWN` stands for NULL. Times are Unix milliseconds (UTC),
intervals half-open, activity is an integral over the interval in milliseconds of a whole device (what is less than one
is carried over, so that sums are exact).
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import msgspec

VERSION = 1
MAGIC = b"chipseg\x01"
SUFFIX = ".seg"
UNKNOWN = -1
MOST_BYTES = 64 << 20
"""No header, block or payload is larger: a damaged length must not ask for memory."""

_LENGTH = struct.Struct("<II")
_BLOCK = struct.Struct("<IIQQ")
_SIZE = struct.Struct("<I")

HEALTH = {
    1: "lost: the driver does not reach the device",
    2: "xid: a critical error was reported",
    4: "ecc: an uncorrectable memory error was counted",
    8: "reset: the device asks for a reset",
}
"""Bits of `Record.health`; any bit means that the device could not be used."""

FLAGS = {
    1: "contradiction: signals of one device exclude each other, such as no SM activity at full utilization",
    2: "held: the last value stood in for a late one",
    4: "energy_restart: the energy counter began anew",
    8: "coarse: windows were joined to save room",
    16: "split_by_memory: no activity per process was to be had, memory divided the device's",
    32: "split_equally: neither activity nor memory per process was to be had",
}
"""Bits of `Record.flags`."""

NOTES = (
    "xid",
    "lost",
    "recovered",
    "driver_reload",
    "stalled",
    "clock_step",
    "coarsened",
    "dropped",
    "damaged",
    "unattributed",
    "layout",
    "unallocated_use",
)
"""Kinds of `Note`, by position. `dropped` and `damaged`: `value` is the milliseconds or batches that are gone."""


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device, or a MIG instance of the device `parent`; `minor` is N of /dev/nvidiaN, which Slurm counts by.

    `instance` is the id of a MIG device's GPU instance, by which GKE names it.
    """

    uuid: str
    name: str
    minor: int = UNKNOWN
    bus: str = ""
    serial: str = ""
    memory_bytes: int = UNKNOWN
    parent: str = ""
    profile: str = ""
    instance: int = UNKNOWN


class Workload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who holds a device: facts that it cannot forge, and what it says of itself.

    `kind`: kubernetes, slurm, docker, podman, containerd, systemd, user, host, … `trust` says what `id` rests on:
    fact (kernel, kubelet, scheduler), claim (labels) or hint (environment). `claims` and `hints` have the keys team,
    cost_center, model, purpose. `node` is not here: the segment has it.
    """

    id: str
    kind: str
    trust: str = "fact"
    uid: str = ""
    container: str = ""
    namespace: str = ""
    user: str = ""
    account: str = ""
    owner: str = ""
    claims: dict[str, str] = {}
    hints: dict[str, str] = {}


class Record(NamedTuple):
    """What a device (`workload` UNKNOWN), or one workload's part of it, did in one observed interval.

    `device` and `workload` are positions in the segment's names. What was not observed is UNKNOWN, never 0.
    """

    device: int
    workload: int
    start_ms: int
    length_ms: int
    busy_ms: int = UNKNOWN
    sm_ms: int = UNKNOWN
    tensor_ms: int = UNKNOWN
    dram_ms: int = UNKNOWN
    memory_byte_ms: int = UNKNOWN
    memory_peak_bytes: int = UNKNOWN
    energy_mj: int = UNKNOWN
    throttled_ms: int = UNKNOWN
    health: int = 0
    flags: int = 0


class Holding(NamedTuple):
    """A workload holds a share of a device since `start_ms`, known until `until_ms`; `closed`: it ended there.

    An open holding is told again as time goes on; of several with one device, workload and start the latest
    `until_ms` counts.
    """

    device: int
    workload: int
    start_ms: int
    until_ms: int
    share_ppm: int
    closed: int


class Note(NamedTuple):
    """Something that happened: `kind` is a position in NOTES, `device` and `text` may be UNKNOWN."""

    at_ms: int
    device: int
    kind: int
    value: int
    text: int


TABLES: dict[str, type[tuple[int, ...]]] = {"records": Record, "holdings": Holding, "notes": Note}
COLUMNS: dict[str, tuple[str, ...]] = {name: row._fields for name, row in TABLES.items()}  # type: ignore[attr-defined]


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a segment's batches come from; `first` is the seq of its first batch.

    `wall_ms` and `boot_ns` were read at one instant at the stream's start; `synced` is what the kernel said of its
    clock then. `previous` is the agent's stream before this one, and `previous_last` the last seq that is on disk of
    it, so that a reader knows what is still to come.
    """

    agent: str
    stream: str
    first: int
    node: str
    cluster: str = "default"
    pool: str = ""
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None
    boot: str = ""
    software: str = ""
    wall_ms: int = UNKNOWN
    boot_ns: int = UNKNOWN
    synced: bool | None = None
    window_ms: int = 10_000
    previous: str = ""
    previous_last: int = 0
    version: int = VERSION


class Names(msgspec.Struct):
    """Devices, workloads and texts that rows speak of by position, in the order they became known."""

    devices: list[Device] = []
    workloads: list[Workload] = []
    texts: list[str] = []


class Batch(msgspec.Struct):
    """Rows of one or several seqs, and the names that are new since the segment's last batch."""

    names: Names = msgspec.field(default_factory=Names)
    records: list[Record] = []
    holdings: list[Holding] = []
    notes: list[Note] = []


class _Head(msgspec.Struct, array_like=True):
    names: Names
    rows: list[int]


class Block(NamedTuple):
    """Batches `first` to `last`; `tables` has, by table, the number of rows and their planes."""

    first: int
    last: int
    names: Names
    tables: dict[str, tuple[int, bytes]]


class Segment(NamedTuple):
    """A segment as far as it verifies. `sealed`: all of it is there; `wrong` says what is not, and '' nothing.

    `bytes_read` is where the sound prefix ends.
    """

    header: Header
    blocks: list[Block]
    sealed: bool
    wrong: str
    bytes_read: int


class Unreadable(Exception):
    """Not a segment: the message says why."""


def object_name(agent: str, stream: str, first: int, last: int) -> str:
    """The name under which a segment lies in an inbox; equal for equal batches."""
    return f"segments/{agent}/{stream}-{first:010d}-{last:010d}{SUFFIX}"


def encode_header(header: Header) -> bytes:
    """The beginning of a segment."""
    packed = msgspec.msgpack.encode(header)
    return MAGIC + _LENGTH.pack(len(packed), zlib.crc32(packed)) + packed


def encode_block(stream: str, first: int, last: int, batch: Batch) -> bytes:
    """Batches `first` to `last` as a block."""
    tables = {name: (len(getattr(batch, name)), _planes(getattr(batch, name))) for name in TABLES}
    return encode_planes(stream, Block(first, last, batch.names, tables))


def encode_planes(stream: str, block: Block) -> bytes:
    """A block whose rows are planes already, as `read_segment` has them."""
    head = msgspec.msgpack.encode(_Head(block.names, [block.tables[name][0] for name in TABLES]))
    planes = b"".join(block.tables[name][1] for name in TABLES)
    payload = zlib.compress(_SIZE.pack(len(head)) + head + planes, 6)
    checksum = _checksum(stream, block.first, block.last, payload)
    return _BLOCK.pack(len(payload), checksum, block.first, block.last) + payload


def encode_end(stream: str, first: int, last: int) -> bytes:
    """The end of a sealed segment with batches `first` to `last`."""
    return _BLOCK.pack(0, _checksum(stream, first, last, b""), first, last)


def read_header(data: bytes) -> tuple[Header, int]:
    """The header and where it ends; raises `Unreadable`."""
    start = len(MAGIC) + _LENGTH.size
    if data[: len(MAGIC) - 1] != MAGIC[:-1]:
        raise Unreadable("not a segment: it does not begin like one")
    if data[len(MAGIC) - 1 : len(MAGIC)] != MAGIC[-1:]:
        raise Unreadable("written by a newer agent: upgrade chipledger")
    if len(data) < start:
        raise Unreadable("cut off in its header")
    length, crc = _LENGTH.unpack_from(data, len(MAGIC))
    packed = data[start : start + length]
    if len(packed) < length or zlib.crc32(packed) != crc:
        raise Unreadable("its header is damaged")
    try:
        return msgspec.msgpack.decode(packed, type=Header), start + length
    except msgspec.DecodeError as error:
        raise Unreadable(f"its header does not fit: {error}") from error


def read_segment(data: bytes) -> Segment:
    """The sound prefix of a segment; raises `Unreadable` where not even the header is sound."""
    header, at = read_header(data)
    blocks: list[Block] = []
    expected = header.first
    while at < len(data):
        found = _read_block(data, at, header.stream)
        if isinstance(found, str):
            return Segment(header, blocks, False, found, at)
        length, first, last, payload = found
        if not length:
            sound = first == header.first and last == expected - 1 and at + _BLOCK.size == len(data)
            return Segment(header, blocks, sound, "" if sound else "its end does not fit", at + _BLOCK.size)
        if first != expected or last < first:
            return Segment(header, blocks, False, f"batch {expected} is missing", at)
        try:
            blocks.append(_unpacked(first, last, payload))
        except (zlib.error, msgspec.DecodeError, struct.error, ValueError) as error:
            return Segment(header, blocks, False, f"batch {first} does not fit: {error}", at)
        expected = last + 1
        at += _BLOCK.size + length
    return Segment(header, blocks, False, "", at)


def known_lost(data: bytes, segment: Segment) -> int:
    """How many batches beyond a segment's sound prefix were surely written: sound blocks stand after them."""
    last = segment.blocks[-1].last if segment.blocks else segment.header.first - 1
    found = last
    for at in range(segment.bytes_read + 1, len(data) - _BLOCK.size + 1):
        _, _, first, to = _BLOCK.unpack_from(data, at)
        if last < first <= to < last + (1 << 32) and not isinstance(_read_block(data, at, segment.header.stream), str):
            found = max(found, to)
    return found - last


def rows(block: Block, table: str) -> list[Any]:
    """The rows of a table of a block, as tuples of TABLES."""
    count, planes = block.tables[table]
    row = TABLES[table]
    width = len(COLUMNS[table])
    values = array("q", bytes(8 * count * width))
    raw = memoryview(values).cast("B")
    for plane in range(8):
        raw[plane::8] = planes[plane * count * width : (plane + 1) * count * width]
    if sys.byteorder == "big":
        values.byteswap()
    columns = [accumulate(values[c * count : (c + 1) * count]) for c in range(width)]
    return [row._make(found) for found in zip(*columns, strict=True)]  # type: ignore[attr-defined]


def batch_of(block: Block) -> Batch:
    """A block's rows and new names."""
    return Batch(block.names, rows(block, "records"), rows(block, "holdings"), rows(block, "notes"))


def joined(batches: Iterable[Batch]) -> Batch:
    """Consecutive batches of one segment as one; rows sorted, so that they compress."""
    whole = Batch(Names([], [], []), [], [], [])
    for batch in batches:
        whole.names.devices += batch.names.devices
        whole.names.workloads += batch.names.workloads
        whole.names.texts += batch.names.texts
        whole.records += batch.records
        whole.holdings += batch.holdings
        whole.notes += batch.notes
    whole.records.sort()
    whole.holdings.sort()
    whole.notes.sort()
    return whole


def _planes(table: Sequence[tuple[int, ...]]) -> bytes:
    differences = array("q")
    for column in zip(*table, strict=True):
        differences.append(column[0])
        differences.extend(b - a for a, b in pairwise(column))
    if sys.byteorder == "big":
        differences.byteswap()
    raw = differences.tobytes()
    return b"".join(raw[plane::8] for plane in range(8))


def _checksum(stream: str, first: int, last: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(f"{stream}/{first}/{last}".encode()))


def _read_block(data: bytes, at: int, stream: str) -> tuple[int, int, int, bytes] | str:
    """Length, first, last and payload of the block at `at`, or what is wrong with it."""
    if at + _BLOCK.size > len(data):
        return "cut off between batches"
    length, crc, first, last = _BLOCK.unpack_from(data, at)
    if length > MOST_BYTES:
        return "a batch is damaged"
    payload = data[at + _BLOCK.size : at + _BLOCK.size + length]
    if len(payload) < length:
        return "cut off in a batch"
    if _checksum(stream, first, last, payload) != crc:
        return "a batch is damaged"
    return length, first, last, payload


def _unpacked(first: int, last: int, payload: bytes) -> Block:
    inflate = zlib.decompressobj()
    raw = inflate.decompress(payload, MOST_BYTES)
    if not inflate.eof:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    (size,) = _SIZE.unpack_from(raw)
    head = msgspec.msgpack.decode(raw[_SIZE.size : _SIZE.size + size], type=_Head)
    at = _SIZE.size + size
    tables: dict[str, tuple[int, bytes]] = {}
    for (name, columns), count in zip(COLUMNS.items(), head.rows, strict=True):
        length = 8 * count * len(columns)
        if count < 0 or at + length > len(raw):
            raise ValueError(f"{name} are cut off")
        tables[name] = (count, raw[at : at + length])
        at += length
    return Block(first, last, head.names, tables)
