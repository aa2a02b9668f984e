"""What a folder holds when an agent starts: sealed segments, logs of former runs, leftovers of interrupted steps."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from collector.spool.counts import Counts
from collector.spool.evidence import Evidence
from collector.spool.files import TEMPORARY, sync_folder
from collector.spool.log import SUFFIX
from collector.spool.sealed import Index, Sealed, parse, superseded
from collector.spool.settle import settle

_ORDINAL = re.compile(r"\d{12}")


class Recovered(NamedTuple):
    """The sealed segments, logs that could not be sealed yet, and the highest ordinal of any file."""

    sealed: Index
    waiting: list[Path]
    ordinal: int


def recover(folder: Path, evidence: Evidence, counts: Counts) -> Recovered:
    """Brings a folder in order after any crash, by one look at its names; raises `OSError`."""
    # Names, not paths: after a long outage there are tens of thousands.
    names = sorted(os.listdir(folder))  # noqa: PTH208
    ordinal = max((int(name[:12]) for name in names if _ORDINAL.match(name)), default=0)
    for name in names:
        if name.endswith(TEMPORARY):
            (folder / name).unlink()
    index = Index(_sealed(folder, [entry for name in names if (entry := parse(folder, name))]))
    logs = [folder / name for name in names if name.endswith(SUFFIX)]
    waiting = [path for path in logs if not settle_into(index, path, evidence, counts)]
    return Recovered(index, waiting, ordinal)


def settle_into(index: Index, path: Path, evidence: Evidence, counts: Counts, appended: int = 0) -> bool:
    """Seals a log into the index; False where it stays a log, counted, to be tried again."""
    ordinal = int(path.name[:12])
    try:
        settled = settle(path, ordinal, evidence, ordinal in index, appended)
    except OSError:
        counts.failed_seals += 1
        return False
    if settled.sealed:
        index.put(settled.sealed)
    if settled.gap:
        counts.damaged(settled.gap.batches)
    counts.torn += settled.torn
    return not settled.newer


def _sealed(folder: Path, entries: list[Sealed]) -> list[Sealed]:
    gone = superseded(entries)
    for entry in gone:
        (folder / entry.name).unlink()
    if gone:
        sync_folder(folder)
    return [entry for entry in entries if entry not in gone] if gone else entries
