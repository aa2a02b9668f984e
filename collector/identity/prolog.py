"""Files that a root prolog of Slurm writes for each device of a job, and its epilog removes.

`/run/chipledger/jobs/<uuid or minor number>` has a line `jobid uid` for each job on the device.
"""

from __future__ import annotations

import stat
from pathlib import Path

from msgspec import Struct

MOST_FILES = 256
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Entry(Struct, frozen=True):
    """A job on a device; `device` is a UUID or a minor number, `alone` whether no other is on it."""

    device: str
    job: str
    uid: int
    since_ms: int
    alone: bool


class Untrusted(Exception):
    """A file or folder that others than its owner may write."""


def entries(folder: Path, owner: int) -> tuple[list[Entry] | None, list[str]]:
    """What the files say (None: nothing that is to be believed), and what is wrong with those that were left out.

    A file counts only if it and the folder belong to `owner` and nobody else may write them.
    """
    try:
        _check(folder, owner)
        files = sorted(folder.iterdir())[:MOST_FILES]
    except FileNotFoundError:
        return None, []
    except (Untrusted, OSError) as error:
        return None, [str(error)]
    found: list[Entry] = []
    wrong: list[str] = []
    for file in files:
        try:
            found += _read(file, owner)
        except FileNotFoundError:
            wrong.append(f"{file.name} went away")
        except (Untrusted, ValueError, OSError) as error:
            wrong.append(str(error))
    return found, wrong


def _check(path: Path, owner: int) -> int:
    """When the file was written (Unix milliseconds)."""
    status = path.lstat()
    if status.st_uid != owner or status.st_mode & _WRITABLE_BY_OTHERS or stat.S_ISLNK(status.st_mode):
        raise Untrusted(f"{path}: others than user {owner} may write it")
    return status.st_mtime_ns // 10**6


def _read(file: Path, owner: int) -> list[Entry]:
    since = _check(file, owner)
    lines = [line.split() for line in file.read_text("utf-8").splitlines() if line.strip()]
    for words in lines:
        if len(words) != 2 or not all(word.isdecimal() for word in words):
            raise ValueError(f"{file}: a line is not `jobid uid`")
    return [Entry(file.name, job, int(uid), since, len(lines) == 1) for job, uid in lines]
