"""An agent's writer and shipper as a process of its own: appends until it is killed, and says what was acknowledged.

Usage: child.py SPOOL INBOX WINDOW
"""

from __future__ import annotations

import sys
from pathlib import Path

from collector.inbox import FolderInbox
from collector.ship import Shipper
from collector.spool.errors import Uncertain
from collector.spool.limits import Limits
from collector.spool.spool import Spool
from tests.collector.telling import HEADER, tell

SMALL = Limits(most_bytes=40_000, least_bytes=0, reserve_bytes=4_096, seal_bytes=3_000)


def main(folder: Path, inbox: Path, window: int) -> None:
    spool = Spool(folder, HEADER, SMALL)
    shipper = Shipper(spool, FolderInbox(inbox), idle_s=0.001, first_wait_s=0.001, longest_wait_s=0.002)
    shipper.start()
    while True:
        try:
            stream, seq = spool.stream, tell(spool, window)
            sys.stdout.write(f"{stream} {seq}\n")
        except Uncertain:
            sys.stdout.write("uncertain\n")
        sys.stdout.flush()
        window += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
