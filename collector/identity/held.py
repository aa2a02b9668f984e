"""Who holds a device."""

from __future__ import annotations

from msgspec import Struct

from collector.wire import Workload

WHOLE_PPM = 1_000_000


class Held(Struct, frozen=True, kw_only=True):
    """A workload holds a share of a device now, whether or not a process of it runs.

    `share_ppm` is of the device (or MIG instance) `uuid`; UNKNOWN: it is shared, and nobody tells how. `start_ms` is
    Unix time; None: not told.
    """

    uuid: str
    workload: Workload
    share_ppm: int
    start_ms: int | None = None
