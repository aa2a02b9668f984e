"""Files that are there in full or not at all, even after power loss."""

from __future__ import annotations

import os
from pathlib import Path

TEMPORARY = ".tmp"


def sync_folder(folder: Path) -> None:
    """The folder's names as they are now survive power loss; raises `OSError`."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """All of `data` is written; raises `OSError`, and then some of it may be."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_whole(path: Path, data: bytes, modified_ns: int | None = None) -> None:
    """A new or replaced file that is durable under its name; raises `OSError`, and then nothing has changed.

    `modified_ns` becomes its time of modification (Unix nanoseconds).
    """
    temporary = path.with_name(path.name + TEMPORARY)
    write_synced(temporary, data, modified_ns)
    temporary.rename(path)
    sync_folder(path.parent)


def write_synced(path: Path, data: bytes, modified_ns: int | None = None, mode: int = 0o600) -> None:
    """A file whose bytes are durable, its name not yet; raises `OSError` and leaves no file then."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        write_all(descriptor, data)
        if modified_ns is not None:
            os.utime(descriptor, ns=(modified_ns, modified_ns))
        os.fsync(descriptor)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
