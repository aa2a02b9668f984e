"""What has to be known of the time before a span: which cells were told, who holds what, and how chips are numbered."""

from __future__ import annotations

import zlib

import msgspec
from msgspec import Struct, structs

from collector.cloud.budget import Spent
from collector.wire import Device, Group, Workload

Bits = dict[str, int]


class Host(Struct, kw_only=True):
    """A node or machine: the grid's phase, its chips in the order they are counted, and what duty cycles call them.

    `duties[k]` is the id under which the duty cycle of `chips[k]` comes, '' while that is not known. `seen` is the
    last cell in which it told anything.
    """

    phase_ms: int
    node: str = ""
    pool: str = ""
    chips: list[str] = []
    duties: list[str] = []
    seen: int = 0


class Cover(Struct):
    """Cells of a host's grid in which something was there, as they were told.

    It is a device that `workload` has, or `quantity_ppm` of a group that it has, or that are there. `last` is the last
    cell of the piece that is open, 0 without one; `since_ms` is where that piece began.
    """

    host: str
    device: Device | None = None
    workload: Workload | None = None
    group: Group | None = None
    quantity_ppm: int = 0
    told: int = 0
    since_ms: int = 0
    last: int = 0


class Memory(Struct, kw_only=True):
    """`base` is the cell of bit 0 of every set; cells before it are settled and forgotten.

    `since_ms`: where reading began. `read_ms`: up to where it came. `day_ms`: the next day to be read once more.
    `told` has, for each device or part of one, the cells told of each measure. `managed` is the memory of what is read
    as from a Prometheus.
    """

    base: int = 0
    since_ms: int = 0
    read_ms: int = 0
    day_ms: int = 0
    hosts: dict[str, Host] = {}
    told: dict[str, Bits] = {}
    covers: dict[str, Cover] = {}
    managed: bytes = b""
    spent: Spent = msgspec.field(default_factory=Spent)

    def rebase(self, base: int) -> None:
        """Forgets what lies before a cell: of devices and hosts that told nothing since, everything."""
        by = base - self.base
        if by <= 0:
            return
        self.base = base
        self.hosts = {name: host for name, host in self.hosts.items() if host.seen >= base}
        shifted = {
            key: {m: rest for m, mask in told.items() if (rest := mask >> by)} for key, told in self.told.items()
        }
        self.told = {key: told for key, told in shifted.items() if told}
        for cover in self.covers.values():
            cover.told >>= by
        self.covers = {key: c for key, c in self.covers.items() if c.told or (c.last and c.host in self.hosts)}


class _Cover(Struct, array_like=True):
    told: bytes
    rest: Cover


class _Kept(Struct, array_like=True):
    base: int
    since_ms: int
    read_ms: int
    day_ms: int
    hosts: dict[str, Host]
    told: dict[str, dict[str, bytes]]
    covers: dict[str, _Cover]
    managed: bytes
    spent: Spent


_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


def kept(memory: Memory) -> bytes:
    """The memory as bytes, the same for the same memory."""
    told = {key: {measure: _bytes(mask) for measure, mask in bits.items()} for key, bits in memory.told.items()}
    covers = {key: _Cover(_bytes(c.told), structs.replace(c, told=0)) for key, c in memory.covers.items()}
    read = (memory.base, memory.since_ms, memory.read_ms, memory.day_ms)
    whole = _Kept(*read, memory.hosts, told, covers, memory.managed, memory.spent)
    return zlib.compress(_encode(whole), 1)


def recalled(data: bytes) -> Memory:
    """The memory that `kept` made; that of a source which has read nothing, of b''."""
    if not data:
        return Memory()
    one = _decode(zlib.decompress(data))
    return Memory(
        base=one.base,
        since_ms=one.since_ms,
        read_ms=one.read_ms,
        day_ms=one.day_ms,
        hosts=one.hosts,
        told={key: {m: int.from_bytes(b, "little") for m, b in bits.items()} for key, bits in one.told.items()},
        covers={key: structs.replace(c.rest, told=int.from_bytes(c.told, "little")) for key, c in one.covers.items()},
        managed=one.managed,
        spent=one.spent,
    )


def _bytes(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")
