"""The one contract between collectors and accounting: what is told, and the segment format it travels in.

A **stream** is what one run of a collector tells, as batches numbered from 1 (`seq`). A **segment** is a file with
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

from collector.wire.limits import LIMITS
from collector.wire.records import (
    COLUMNS,
    CONDITIONS,
    FLAGS,
    HEALTH,
    NOTES,
    SOURCES,
    TABLES,
    UNKNOWN,
    VERSION,
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
from collector.wire.segment import (
    MAGIC,
    MOST_BYTES,
    SUFFIX,
    Block,
    Segment,
    Unreadable,
    batch_of,
    encode_block,
    encode_end,
    encode_header,
    encode_planes,
    joined,
    known_lost,
    object_name,
    read_header,
    read_segment,
    rows,
)

__all__ = [
    "COLUMNS",
    "CONDITIONS",
    "FLAGS",
    "HEALTH",
    "LIMITS",
    "MAGIC",
    "MOST_BYTES",
    "NOTES",
    "SOURCES",
    "SUFFIX",
    "TABLES",
    "UNKNOWN",
    "VERSION",
    "Allocation",
    "Batch",
    "Block",
    "Device",
    "Group",
    "Header",
    "Holding",
    "Names",
    "Note",
    "Place",
    "Quota",
    "Record",
    "Segment",
    "Served",
    "Stock",
    "Unreadable",
    "Workload",
    "batch_of",
    "encode_block",
    "encode_end",
    "encode_header",
    "encode_planes",
    "joined",
    "known_lost",
    "object_name",
    "read_header",
    "read_segment",
    "rows",
]
