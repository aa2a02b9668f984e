"""What is told: devices and workloads by name, and rows of what was observed, held, asked for, served and allowed."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

UNKNOWN = -1

VERSION = 1

HEALTH = {
    1: "lost: the driver does not reach the device",
    2: "xid: a critical error was reported",
    4: "ecc: an uncorrectable memory error was counted",
    8: "reset: the device asks for a reset",
}
"""Bits of `Record.health`; any bit means that the device could not be used."""

FLAGS = {
    1: "contradiction: signals of one device exclude each other, such as no SM activity at full utilization",
    2: "held: the last value stood in for a late one",
    4: "energy_restart: the energy counter began anew",
    8: "coarse: windows were joined to save room",
    16: "split_by_memory: no activity per process was to be had, memory divided the device's",
    32: "split_equally: neither activity nor memory per process was to be had",
}
"""Bits of `Record.flags`."""

NOTES = (
    "xid",
    "lost",
    "recovered",
    "driver_reload",
    "stalled",
    "clock_step",
    "coarsened",
    "dropped",
    "damaged",
    "unattributed",
    "layout",
    "unallocated_use",
    "counter_gap",
    "overflow",
)
"""Kinds of `Note`, by position. `dropped` and `damaged`: `value` is the milliseconds or batches that are gone.

`counter_gap`: a counter began anew, and what was counted in the `value` ms before is not known. `overflow`: `value`
series or names were more than are taken, and are told as one.
"""

SOURCES = ("agent", "prometheus", "cloud_monitoring", "scheduler")
"""Kinds of collectors, the most trusted first: where several tell of one thing at one instant, the first counts."""

CONDITIONS = ("ready", "maintenance", "unhealthy")
"""Conditions of `Stock`, by position."""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where something is; what is '' or None is as the segment's header says."""

    cluster: str = ""
    node: str = ""
    pool: str = ""
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A device, or a MIG instance of the device `parent`; `minor` is N of /dev/nvidiaN, which Slurm counts by.

    `instance` is the id of a MIG device's GPU instance, by which GKE names it. `place` is None where it is the agent's.
    """

    uuid: str
    name: str
    minor: int = UNKNOWN
    bus: str = ""
    serial: str = ""
    memory_bytes: int = UNKNOWN
    parent: str = ""
    profile: str = ""
    instance: int = UNKNOWN
    place: Place | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Accelerators of one kind at one place, counted and not named; a MIG slice is `<device> MIG <profile>`."""

    place: Place
    accelerator: str


class Workload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who holds a device: facts that it cannot forge, and what it says of itself.

    `kind`: kubernetes, slurm, docker, podman, containerd, systemd, user, host, … `trust` says what `id` rests on:
    fact (kernel, kubelet, scheduler), claim (labels) or hint (environment). `claims` and `hints` have the keys team,
    cost_center, model, purpose. `node` is not here: the segment has it. `cluster` '' is the segment's.
    """

    id: str
    kind: str
    trust: str = "fact"
    uid: str = ""
    container: str = ""
    namespace: str = ""
    user: str = ""
    account: str = ""
    owner: str = ""
    claims: dict[str, str] = {}
    hints: dict[str, str] = {}
    cluster: str = ""


class Record(NamedTuple):
    """What a device (`workload` UNKNOWN), or one workload's part of it, did in one observed interval.

    `device` and `workload` are positions in the segment's names. What was not observed is UNKNOWN, never 0.
    """

    device: int
    workload: int
    start_ms: int
    length_ms: int
    busy_ms: int = UNKNOWN
    sm_ms: int = UNKNOWN
    tensor_ms: int = UNKNOWN
    dram_ms: int = UNKNOWN
    memory_byte_ms: int = UNKNOWN
    memory_peak_bytes: int = UNKNOWN
    energy_mj: int = UNKNOWN
    throttled_ms: int = UNKNOWN
    health: int = 0
    flags: int = 0


class Holding(NamedTuple):
    """A workload holds a share of a device since `start_ms`, known until `until_ms`; `closed`: it ended there.

    An open holding is told again as time goes on; of several with one device, workload and start the latest
    `until_ms` counts.
    """

    device: int
    workload: int
    start_ms: int
    until_ms: int
    share_ppm: int
    closed: int


class Note(NamedTuple):
    """Something that happened: `kind` is a position in NOTES, `device` and `text` may be UNKNOWN."""

    at_ms: int
    device: int
    kind: int
    value: int
    text: int


class Allocation(NamedTuple):
    """A workload asks for, and from `start_ms` on holds, so many accelerators of a group.

    UNKNOWN `start_ms`: it waits still. Known until `until_ms`; `closed`: it ended there, else it is told again as time
    goes on; of several with one workload, group, submission and start the latest `until_ms` counts. `outcome`: a text.
    """

    group: int
    workload: int
    submitted_ms: int
    start_ms: int
    until_ms: int
    closed: int
    quantity_ppm: int
    priority: int
    outcome: int


class Stock(NamedTuple):
    """So many accelerators of a group were there in an interval, in a condition of CONDITIONS; 0: none were.

    Devices that are told by name at the same node (or, without a node, in the same pool) are among them.
    """

    group: int
    start_ms: int
    until_ms: int
    quantity_ppm: int
    condition: int


class Served(NamedTuple):
    """What a serving engine counted in an interval for one model (`model` and `engine` are texts).

    `busy_ms` is known only where the engine measures the time in which it computes, in milliseconds of one device.
    """

    workload: int
    model: int
    engine: int
    start_ms: int
    length_ms: int
    requests: int
    input_tokens: int
    output_tokens: int
    busy_ms: int


class Quota(NamedTuple):
    """So many accelerators of a group a queue may use of its own in an interval, and so many its workloads did use.

    `queue`, `cohort` (UNKNOWN: in none) and `flavor` are texts; what is used above `nominal_ppm` is borrowed.
    """

    group: int
    queue: int
    cohort: int
    flavor: int
    start_ms: int
    until_ms: int
    nominal_ppm: int
    used_ppm: int


TABLES: dict[str, type[tuple[int, ...]]] = {
    "records": Record,
    "holdings": Holding,
    "notes": Note,
    "allocations": Allocation,
    "stock": Stock,
    "served": Served,
    "quotas": Quota,
}
"""In the order in which a payload has them; a segment of an older agent has the first ones only."""
COLUMNS: dict[str, tuple[str, ...]] = {name: row._fields for name, row in TABLES.items()}  # type: ignore[attr-defined]


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a segment's batches come from; `first` is the seq of its first batch.

    `wall_ms` and `boot_ns` were read at one instant at the stream's start; `synced` is what the kernel said of its
    clock then. `previous` is the agent's stream before this one, and `previous_last` the last seq that is on disk of
    it, so that a reader knows what is still to come. `source` is one of SOURCES; where it is not a node's agent, `node`
    is where the collector runs.
    """

    agent: str
    stream: str
    first: int
    node: str
    cluster: str = "default"
    pool: str = ""
    provider: str | None = None
    region: str | None = None
    purchase: str | None = None
    boot: str = ""
    software: str = ""
    wall_ms: int = UNKNOWN
    boot_ns: int = UNKNOWN
    synced: bool | None = None
    window_ms: int = 10_000
    previous: str = ""
    previous_last: int = 0
    source: str = SOURCES[0]
    version: int = VERSION


class Names(msgspec.Struct, omit_defaults=True):
    """Devices, workloads, texts and groups that rows speak of by position, in the order they became known."""

    devices: list[Device] = []
    workloads: list[Workload] = []
    texts: list[str] = []
    groups: list[Group] = []


class Batch(msgspec.Struct):
    """Rows of one or several seqs, and the names that are new since the segment's last batch."""

    names: Names = msgspec.field(default_factory=Names)
    records: list[Record] = []
    holdings: list[Holding] = []
    notes: list[Note] = []
    allocations: list[Allocation] = []
    stock: list[Stock] = []
    served: list[Served] = []
    quotas: list[Quota] = []
