"""The segment format: headers, blocks of byte planes, and the end; reading takes the sound prefix."""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import msgspec

from collector.wire.records import COLUMNS, TABLES, Batch, Header, Names

MAGIC = b"chipseg\x01"
SUFFIX = ".seg"
MOST_BYTES = 64 << 20
"""No header, block or payload is larger: a damaged length must not ask for memory."""

_LENGTH = struct.Struct("<II")
_BLOCK = struct.Struct("<IIQQ")
_SIZE = struct.Struct("<I")

_FIRST = 3
"""Tables that every segment has; later ones are left out of a payload where nothing follows."""


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
    counts = [block.tables[name][0] for name in TABLES]
    while len(counts) > _FIRST and not counts[-1]:
        counts.pop()
    head = msgspec.msgpack.encode(_Head(block.names, counts))
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
    return Batch(block.names, **{name: rows(block, name) for name in TABLES})


def joined(batches: Iterable[Batch]) -> Batch:
    """Consecutive batches of one segment as one; rows sorted, so that they compress."""
    whole = Batch(Names([], [], [], []), **{name: [] for name in TABLES})
    for batch in batches:
        for name in Names.__struct_fields__:
            getattr(whole.names, name).extend(getattr(batch.names, name))
        for name in TABLES:
            getattr(whole, name).extend(getattr(batch, name))
    for name in TABLES:
        getattr(whole, name).sort()
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
    if not _FIRST <= len(head.rows) <= len(TABLES):
        raise ValueError(f"{len(head.rows)} tables")
    counts = head.rows + [0] * (len(TABLES) - len(head.rows))
    for (name, columns), count in zip(COLUMNS.items(), counts, strict=True):
        length = 8 * count * len(columns)
        if count < 0 or at + length > len(raw):
            raise ValueError(f"{name} are cut off")
        tables[name] = (count, raw[at : at + length])
        at += length
    return Block(first, last, head.names, tables)
