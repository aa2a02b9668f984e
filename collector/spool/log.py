"""The open log: one segment as it is being told, durable batch by batch."""

from __future__ import annotations

import os
from pathlib import Path

from collector.spool.files import sync_folder, write_all
from collector.wire import Header, encode_header

SUFFIX = ".log"


class Log:
    """A new file with a segment's header; raises `OSError` and leaves no file then, if the disk lets it."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        start = encode_header(header)
        self.size = len(start)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            write_all(self._descriptor, start)
            os.fsync(self._descriptor)
            sync_folder(path.parent)
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def write(self, block: bytes) -> None:
        """The block is durable; raises `OSError`: its fate is unknown then, and the log must not be written again."""
        write_all(self._descriptor, block)
        os.fdatasync(self._descriptor)
        self.size += len(block)

    def close(self) -> None:
        """Closes the file; raises `OSError`."""
        os.close(self._descriptor)


def log_path(folder: Path, ordinal: int) -> Path:
    """Where the log with this ordinal is."""
    return folder / f"{ordinal:012d}{SUFFIX}"
