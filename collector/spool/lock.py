"""One writer per folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from collector.spool.errors import Locked

LOCK = "lock"


def lock(folder: Path) -> int:
    """A descriptor that holds the folder until it is closed or the process ends; raises `Locked` and `OSError`."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Locked(f"{folder}: another agent writes here; stop it, or give this one a folder of its own") from error
    return descriptor
