"""What a source of readings tells the agent, once a tick."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from collector.wire import Device


class Instant(Struct, frozen=True):
    """One instant on both clocks: `boot_ns` never steps, `wall_ms` is Unix time."""

    boot_ns: int
    wall_ms: int


class Reading(Struct, kw_only=True):
    """One device (or MIG instance) since the reading before; None: not to be had, never 0.

    Activity is a mean from 0 to 1. `energy_mj` is what was used since the reading before. `health` and `flags` are
    bits of `wire.HEALTH` and `wire.FLAGS`.
    """

    uuid: str
    busy: float | None = None
    sm: float | None = None
    tensor: float | None = None
    dram: float | None = None
    memory_bytes: int | None = None
    energy_mj: int | None = None
    power_mw: int | None = None
    temperature: int | None = None
    throttled: bool | None = None
    health: int = 0
    flags: int = 0


class Process(Struct, frozen=True, kw_only=True):
    """A process with a context on a device (or MIG instance). `busy` is its mean share since the last poll."""

    uuid: str
    pid: int
    memory_bytes: int | None = None
    busy: float | None = None


class Ended(Struct, frozen=True, kw_only=True):
    """A process that has ended, as the driver accounted it; `busy` is a mean over its lifetime."""

    uuid: str
    pid: int
    start_ms: int
    end_ms: int
    busy: float | None = None
    memory_peak_bytes: int | None = None


class Event(Struct, frozen=True, kw_only=True):
    """Something that happened; `kind` is one of `wire.NOTES`."""

    kind: str
    uuid: str = ""
    value: int = -1
    text: str = ""


class Tick(Struct, kw_only=True):
    """All that a source found at one instant.

    `processes` is None where they were not polled at this tick. A device of `devices` without a reading was not
    reached. `epoch` grows when counters and handles began anew.
    """

    at: Instant
    devices: tuple[Device, ...] = ()
    readings: list[Reading] = []
    processes: list[Process] | None = None
    ended: list[Ended] = []
    events: list[Event] = []
    epoch: int = 0


class Source(Protocol):
    """`tick` may block as long as the driver does; the agent calls it in a thread of its own."""

    @property
    def name(self) -> str: ...

    def tick(self, at: Instant) -> Tick: ...

    def close(self) -> None: ...
