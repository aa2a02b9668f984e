"""Whether a compressed file is whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from accounting.errors import InputError

_FRAME = 0xFD2FB528
_SKIPPABLE = range(0x184D2A50, 0x184D2A60)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)
_DICTIONARY_BYTES = (0, 1, 2, 4)


def check_whole(path: Path) -> None:
    """Raises `InputError` where a .zst file is cut, which DuckDB takes for its end; a cut .gz it refuses by itself."""
    if path.suffix != ".zst":
        return
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            if not _skip_frame(file) or file.tell() > size:
                raise InputError(f"{path}: no whole zstd file: it was cut, or is something else; export it again")


def _skip_frame(file: BinaryIO) -> bool:
    magic = _number(file, 4)
    if magic in _SKIPPABLE:
        return _skip(file, _number(file, 4))
    if magic != _FRAME or (descriptor := _number(file, 1)) is None:
        return False
    single = bool(descriptor & 0x20)
    content = _CONTENT_SIZE_BYTES[descriptor >> 6] or int(single)
    if not _skip(file, int(not single) + _DICTIONARY_BYTES[descriptor & 3] + content):
        return False
    last = False
    while not last:
        header = _number(file, 3)
        if header is None:
            return False
        last = bool(header & 1)
        repeated = header >> 1 & 3 == 1
        _skip(file, 1 if repeated else header >> 3)
    return _skip(file, 4 if descriptor & 4 else 0)


def _number(file: BinaryIO, length: int) -> int | None:
    data = file.read(length)
    return int.from_bytes(data, "little") if len(data) == length else None


def _skip(file: BinaryIO, length: int | None) -> bool:
    if length is None:
        return False
    file.seek(length, os.SEEK_CUR)
    return True
