from __future__ import annotations

import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import wire
from collector.wire import (
    Allocation,
    Batch,
    Device,
    Group,
    Header,
    Holding,
    Names,
    Note,
    Place,
    Quota,
    Record,
    Served,
    Stock,
    Workload,
)

STREAM = "a" * 32
HEADER = Header(agent="agent", stream=STREAM, first=1, node="node")

# UNKNOWN and all else that is not negative: then no difference from row to row leaves 64 bits.
values = st.one_of(st.integers(-1, 2**63 - 2), st.sampled_from([-1, 0, 2**63 - 2]))


def rows_of(row: type) -> st.SearchStrategy[list[tuple[int, ...]]]:
    fields = row._fields  # type: ignore[attr-defined]
    return st.lists(st.tuples(*[values] * len(fields)).map(row._make), max_size=5)  # type: ignore[attr-defined]


texts = st.text(max_size=8)
names = st.builds(
    Names,
    st.lists(st.builds(Device, uuid=texts, name=texts, minor=values, serial=texts), max_size=3),
    st.lists(st.builds(Workload, id=texts, kind=texts, hints=st.dictionaries(texts, texts, max_size=2)), max_size=3),
    st.lists(texts, max_size=3),
    st.lists(st.builds(Group, place=st.builds(Place, cluster=texts, pool=texts), accelerator=texts), max_size=3),
)
batches = st.builds(
    Batch,
    names,
    rows_of(Record),
    rows_of(Holding),
    rows_of(Note),
    rows_of(Allocation),
    rows_of(Stock),
    rows_of(Served),
    rows_of(Quota),
)


def segment(told: list[Batch], sealed: bool = True) -> bytes:
    blocks = [wire.encode_block(STREAM, seq, seq, batch) for seq, batch in enumerate(told, 1)]
    end = wire.encode_end(STREAM, 1, len(told)) if sealed else b""
    return wire.encode_header(HEADER) + b"".join(blocks) + end


def record(start_ms: int) -> Batch:
    return Batch(records=[Record(0, -1, start_ms, 10_000, busy_ms=5)])


@given(st.lists(batches, min_size=1, max_size=4), st.booleans())
def test_what_is_told_is_read(told: list[Batch], sealed: bool) -> None:
    found = wire.read_segment(segment(told, sealed))

    assert found.header == HEADER
    assert (found.sealed, found.wrong) == (sealed, "")
    assert [wire.batch_of(block) for block in found.blocks] == told
    assert [(block.first, block.last) for block in found.blocks] == [(seq, seq) for seq in range(1, len(told) + 1)]


@given(st.lists(batches, max_size=4))
def test_joined_is_all_rows_sorted(told: list[Batch]) -> None:
    whole = wire.joined(told)

    for kind in ("devices", "workloads", "texts", "groups"):
        assert getattr(whole.names, kind) == [name for batch in told for name in getattr(batch.names, kind)]
    for table in wire.TABLES:
        assert getattr(whole, table) == sorted(row for batch in told for row in getattr(batch, table))


def test_an_agent_tells_what_older_readers_know_and_what_they_wrote_is_read() -> None:
    (block,) = wire.read_segment(segment([record(0)])).blocks
    payload = zlib.decompress(wire.encode_planes(STREAM, block)[24:])
    (size,) = struct.unpack_from("<I", payload)

    assert msgspec.msgpack.decode(payload[4 : 4 + size])[1] == [1, 0, 0]


def test_a_segment_from_before_there_were_quotas_is_read() -> None:
    """A payload as it was written then: counts of six tables, and their planes."""
    told = Batch(stock=[Stock(0, 5, 9, 8_000_000, 0)], served=[Served(0, 0, 1, 5, 60_000, 3, -1, 9, -1)])
    (block,) = wire.read_segment(segment([told])).blocks
    head = msgspec.msgpack.encode([block.names, [0, 0, 0, 0, 1, 1]])
    payload = zlib.compress(struct.pack("<I", len(head)) + head + block.tables["stock"][1] + block.tables["served"][1])
    crc = zlib.crc32(payload, zlib.crc32(f"{STREAM}/1/1".encode()))
    old = wire.encode_header(HEADER) + struct.pack("<IIQQ", len(payload), crc, 1, 1) + payload
    found = wire.read_segment(old + wire.encode_end(STREAM, 1, 1))

    assert (found.sealed, found.wrong) == (True, "")
    assert [wire.batch_of(one) for one in found.blocks] == [told]
    assert wire.encode_block(STREAM, 1, 1, told)[24:] == zlib.compress(zlib.decompress(payload), 6)


def test_a_number_beyond_64_bits_is_refused_when_it_is_told() -> None:
    with pytest.raises(OverflowError):
        wire.encode_block(STREAM, 1, 1, Batch(notes=[Note(0, -1, 0, 2**63, -1)]))
    with pytest.raises(OverflowError):
        wire.encode_block(STREAM, 1, 1, Batch(notes=[Note(0, -1, 0, -2, -1), Note(0, -1, 0, 2**63 - 1, -1)]))


def test_a_block_that_moved_does_not_verify() -> None:
    told = segment([record(1), record(2)], sealed=False)
    first = wire.encode_block(STREAM, 1, 1, record(1))
    second = wire.encode_block(STREAM, 2, 2, record(2))
    assert told.endswith(first + second)

    swapped = wire.read_segment(told[: -len(first + second)] + second + first)
    assert (swapped.blocks, swapped.wrong) == ([], "batch 1 is missing")

    foreign = wire.encode_block("b" * 32, 2, 2, record(2))
    mixed = wire.read_segment(told[: -len(second)] + foreign)
    assert (len(mixed.blocks), mixed.wrong) == (1, "a batch is damaged")

    renumbered = second[:8] + struct.pack("<QQ", 3, 3) + second[24:]
    assert wire.read_segment(told + renumbered).wrong == "a batch is damaged"


def test_the_end_must_fit() -> None:
    told = segment([record(1)], sealed=False)

    assert wire.read_segment(told + wire.encode_end(STREAM, 1, 2)).wrong == "its end does not fit"
    assert wire.read_segment(told + wire.encode_end(STREAM, 1, 1) + b"x").wrong == "its end does not fit"


def test_a_newer_version_says_what_to_do() -> None:
    newer = wire.MAGIC[:-1] + b"\x02" + b"whatever follows"

    with pytest.raises(wire.Unreadable, match="newer agent: upgrade chipledger"):
        wire.read_segment(newer)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "does not begin like one"),
        (b"PAR1 and more", "does not begin like one"),
        (wire.MAGIC, "cut off in its header"),
        (wire.MAGIC + struct.pack("<II", 0xFFFFFFFF, 0), "its header is damaged"),
    ],
)
def test_what_is_no_segment_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(wire.Unreadable, match=why):
        wire.read_segment(data)


def test_a_header_of_unknown_fields_is_read_and_a_wrong_one_refused() -> None:
    fields = msgspec.to_builtins(HEADER) | {"later": 1}
    packed = msgspec.msgpack.encode(fields)
    prefix = wire.encode_header(HEADER)[: len(wire.MAGIC)]
    assert wire.read_segment(prefix + struct.pack("<II", len(packed), zlib.crc32(packed)) + packed).header == HEADER
    packed = msgspec.msgpack.encode(fields | {"first": "one"})
    with pytest.raises(wire.Unreadable, match="does not fit"):
        wire.read_segment(prefix + struct.pack("<II", len(packed), zlib.crc32(packed)) + packed)


def test_damaged_lengths_ask_for_no_memory(tmp_path: Path, root: Path) -> None:
    def block(length: int, payload: bytes) -> bytes:
        crc = zlib.crc32(payload, zlib.crc32(f"{STREAM}/1/1".encode()))
        return struct.pack("<IIQQ", length, crc, 1, 1) + payload

    bomb = zlib.compress(bytes(300 << 20), 9)
    head = msgspec.msgpack.encode([Names([], [], []), [2**61, 0, 0]])
    rows = zlib.compress(struct.pack("<I", len(head)) + head)
    prefix = wire.encode_header(HEADER)
    for number, data in enumerate([block(0xFFFFFFFF, b"x"), block(len(bomb), bomb), block(len(rows), rows)]):
        (tmp_path / str(number)).write_bytes(prefix + data)
    code = """
import pathlib, sys
from collector import wire
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    print(wire.read_segment(path.read_bytes()).wrong)
"""
    limit = 220 << 20
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=root,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        check=False,
    )

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "a batch is damaged",
        f"batch 1 does not fit: more than {64 << 20} bytes",
        "batch 1 does not fit: records are cut off",
    ]


def test_batches_after_damage_are_known_to_be_lost() -> None:
    told = [record(start) for start in range(1, 8)]
    data = bytearray(segment(told, sealed=False))
    third = sum(len(wire.encode_block(STREAM, seq, seq, told[seq - 1])) for seq in (1, 2))
    data[len(wire.encode_header(HEADER)) + third + 30] ^= 1

    found = wire.read_segment(bytes(data))

    assert [block.last for block in found.blocks] == [1, 2]
    assert wire.known_lost(bytes(data), found) == 5
    whole = segment(told, sealed=False)
    assert wire.known_lost(whole, wire.read_segment(whole)) == 0
