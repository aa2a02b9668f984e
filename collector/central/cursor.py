"""How far a source was told, and what it has to know of the time before: one file, replaced in full."""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from collector.central.stretches import Open
from collector.spool.files import write_whole

FILE = "cursor"


class Cursor(msgspec.Struct, frozen=True):
    """All from `since_ms` to `end_ms` (Unix ms) is told; `memory` is the source's, `stretches` what did not change."""

    since_ms: int
    end_ms: int
    memory: bytes = b""
    stretches: Open = {}


class Damaged(Exception):
    """The file cannot be read: one line that says so and what to do."""


def load(folder: Path) -> Cursor | None:
    """The cursor that was kept there, None where there is none; raises `Damaged` and `OSError`."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return msgspec.msgpack.decode(zlib.decompress(path.read_bytes()), type=Cursor)
    except (zlib.error, msgspec.DecodeError) as error:
        raise Damaged(f"{path}: is damaged: remove it; what was told then comes again and counts once") from error


def keep(folder: Path, cursor: Cursor) -> None:
    """Keeps it durably in place of the one before; raises `OSError`."""
    write_whole(folder / FILE, zlib.compress(msgspec.msgpack.encode(cursor), 1))
