"""How much the spool may hold and how long a log stays open."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

RESERVE = "reserve"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes and seconds; `free_share` of the file system stays free of what the spool would take.

    Where others fill the disk the spool gives way, but not below `least_bytes`.
    """

    most_bytes: int = 256_000_000
    least_bytes: int = 32_000_000
    free_share: float = 0.05
    reserve_bytes: int = 524_288
    seal_after_s: float = 900
    seal_bytes: int = 131_072


def allowed_bytes(folder: Path, limits: Limits, used: int) -> int:
    """How many bytes the spool may have now, of which it has `used`; raises `OSError`."""
    system = os.statvfs(folder)
    spare = system.f_bavail * system.f_frsize - int(system.f_blocks * system.f_frsize * limits.free_share)
    return min(limits.most_bytes, max(limits.least_bytes, used + spare))


def keep_reserve(folder: Path, size: int) -> None:
    """A file whose room is given up first when the disk is full; raises `OSError` and leaves none then."""
    path = folder / RESERVE
    if path.exists() and path.stat().st_size == size:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if size:
            os.posix_fallocate(descriptor, 0, size)
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(descriptor)


def free_reserve(folder: Path) -> bool:
    """Gives the reserve's room back; False where there is none; raises `OSError`."""
    path = folder / RESERVE
    if not path.exists():
        return False
    path.unlink()
    return True
