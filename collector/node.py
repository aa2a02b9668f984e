"""Which node this is, and what its kernel says of its clock."""

from __future__ import annotations

import ctypes
import hashlib
import os
import re
from pathlib import Path

from collector.clock import EARLIEST_MS

MACHINE_ID = Path("/etc/machine-id")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

_TIME_ERROR = 5
_TIMEX_BYTES = 208


def agent_id(node: str, cluster: str, machine_id: Path = MACHINE_ID) -> str:
    """The agent's name in an inbox: the node's, and what tells it from another of that name."""
    known = _read(machine_id)
    digest = hashlib.sha256(f"{cluster}\0{node}\0{known}".encode()).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9._-]', '-', node)[:80]}-{digest}"


def boot_id(file: Path = BOOT_ID) -> str:
    """The kernel's name of this boot; '' where it does not tell."""
    return _read(file)


def clock_synchronized() -> bool | None:
    """Whether the kernel's clock is disciplined (adjtimex(2)); None where it does not tell."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return None
    state = libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else state != _TIME_ERROR


def first_start(file: Path, now_ms: int) -> int:
    """When an agent first came to this node, in Unix ms: kept in `file`, written where it is not there.

    By a clock that was not set yet nothing is kept. Raises `OSError` where it can neither be read nor written.
    """
    known = _read(file)
    if known.isdecimal() or now_ms < EARLIEST_MS:
        return min(int(known or now_ms), now_ms)
    file.write_text(f"{now_ms}\n", "ascii")
    return now_ms


def kept_instant(file: Path) -> int:
    """The instant (Unix ms) that `keep_instant` wrote there; 0 where there is none."""
    known = _read(file)
    return int(known) if known.isdecimal() else 0


def keep_instant(file: Path, at_ms: int) -> None:
    """Writes an instant down, in full or not at all; raises `OSError`. Power loss may leave the one before."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(f"{at_ms}\n", "ascii")
    new.replace(file)


def is_root() -> bool:
    """Whether this process has the rights that accounting mode and the kubelet's socket ask for."""
    return os.geteuid() == 0


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except OSError:
        return ""
