"""What a source that is asked for spans of time finds in one, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from msgspec import Struct

from collector.finding import Finding
from collector.holders import Hold
from collector.rows import Happened
from collector.wire import UNKNOWN, Device, Group, Workload


class Span(NamedTuple):
    """Half-open, in Unix milliseconds."""

    start_ms: int
    end_ms: int


class Unanswered(Exception):
    """A source could not be asked, or answered only in part: what is wrong and what to do, in one line."""


class Activity(Struct):
    """What a device, or one workload's part of it, did: `rows` are the fields of `wire.Record` after `workload`."""

    device: Device
    workload: Workload | None
    rows: list[tuple[int, ...]] = []


class Allocated(Struct, kw_only=True):
    """A `wire.Allocation` by names. `start_ms` None: it waits."""

    group: Group
    workload: Workload
    quantity_ppm: int
    until_ms: int
    submitted_ms: int | None = None
    start_ms: int | None = None
    closed: bool = False
    priority: int | None = None
    outcome: str = ""


class Stocked(Struct, kw_only=True):
    """A `wire.Stock` by names; `condition` is one of `wire.CONDITIONS`."""

    group: Group
    start_ms: int
    until_ms: int
    quantity_ppm: int
    condition: str = "ready"


class Counted(Struct, kw_only=True):
    """A `wire.Served` by names; what the engine does not count is UNKNOWN."""

    workload: Workload
    model: str
    engine: str
    start_ms: int
    end_ms: int
    requests: int = UNKNOWN
    input_tokens: int = UNKNOWN
    output_tokens: int = UNKNOWN
    busy_ms: int = UNKNOWN


class Quoted(Struct, kw_only=True):
    """A `wire.Quota` by names; `cohort` '': in none."""

    group: Group
    queue: str
    cohort: str
    flavor: str
    start_ms: int
    until_ms: int
    nominal_ppm: int
    used_ppm: int


class Findings(Struct):
    """All that a source has to tell of one span. `points` is how many points or rows it read for it."""

    activity: list[Activity] = []
    holds: list[Hold] = []
    allocated: list[Allocated] = []
    stocked: list[Stocked] = []
    counted: list[Counted] = []
    quoted: list[Quoted] = []
    happened: list[Happened] = []
    points: int = 0


class Source(Protocol):
    """One API, asked for spans that come in order and touch.

    What a source has to know of the time before a span (the last value of a counter, since when somebody holds a
    device, which late points were told) is its memory. It is kept with the end of the span once what was found is on
    disk, and given back after an error and after a restart: reading a span again with the same memory finds the same.
    """

    @property
    def name(self) -> str:
        """Tells it from every other source of this collector; a file name."""
        ...

    @property
    def kind(self) -> str:
        """One of `wire.SOURCES`."""
        ...

    def read(self, span: Span) -> Findings:
        """Raises `Unanswered`; then nothing of the span counts as read."""
        ...

    def memory(self) -> bytes: ...

    def remember(self, memory: bytes) -> None:
        """Goes on with that memory; b'' is the one of a source that has read nothing yet."""
        ...

    def examine(self) -> Iterator[Finding]:
        """What the doctor has to say: can it be reached, what does it tell, what is missing."""
        ...

    def cost(self) -> str:
        """What reading has cost so far, in words; '' where it costs nothing."""
        ...

    def close(self) -> None: ...
