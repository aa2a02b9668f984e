"""The agent: once a period it reads the devices, once a window it writes down what they did and who held them."""

from __future__ import annotations

from typing import Protocol

from collector import rows
from collector.attribution import Attribution, Identities, Seen
from collector.clock import EARLIEST_MS, Clock
from collector.holders import Hold, Holders
from collector.observed import Interval, Rounding, Timeline, merged
from collector.rows import Happened, Interner
from collector.sharing import parts, together
from collector.source import Event, Instant, Tick
from collector.spool.errors import SpoolError
from collector.wire import Batch, Device, Names

MOST_KEPT = 20_000
"""Rows that are kept in memory while the disk takes none: some hours of eight devices."""


class Reader(Protocol):
    """Readings without waiting for the driver longer than the deadline (seconds); None: it has not answered."""

    def poll(self, at: Instant, deadline_s: float) -> Tick | None: ...


class Spool(Protocol):
    """Where batches are kept until they are sent."""

    @property
    def names(self) -> Interner: ...
    def append(self, batch: Batch) -> int: ...


class Counters:
    """What the agent counts of itself, for its metrics."""

    def __init__(self) -> None:
        self.ticks = self.stalls = self.batches = self.records = self.failed_appends = self.failed_steps = 0
        self.nameless = self.strangers = self.clock_steps = 0
        self.stalled_since: Instant | None = None


class Agent:
    """Reads, attributes, and hands batches to the spool; `step` is called once a period.

    `since_ms` is when an agent first came to this node, or until when the one before has told who holds what.
    """

    def __init__(
        self,
        reader: Reader,
        identities: Identities,
        spool: Spool,
        clock: Clock,
        period_ms: int,
        window_ms: int,
        since_ms: int = 0,
    ) -> None:
        self.reader, self.spool, self.clock = reader, spool, clock
        self.period_ms, self.window_ms = period_ms, window_ms
        self.counters, self.holders = Counters(), Holders(since_ms)
        self.latest: Tick | None = None
        self.clock_is_unset = False
        self.told_ms = 0
        """Until when all that is held is on disk; no holding of the next agent has to begin before."""
        self.energy_mj: dict[str, int] = {}
        """Energy by device since the start."""
        self.seen = Seen()
        self._timeline = Timeline(window_ms, 2 * period_ms)
        self._attribution, self._rounding = Attribution(identities), Rounding()
        self._parts: list[Interval] = []
        self._intervals: list[Interval] = []
        self._holds: list[Hold] = []
        self._happened: list[Happened] = []
        self._looked: Instant | None = None
        self._flushed_ms = self._extended_ns = self._telling_ms = 0
        self._unsaid: set[tuple[str, str]] = set()

    def step(self) -> None:
        """One period: read, look, and where a window has ended, write it down."""
        at, stepped = self.clock.now()
        if stepped:
            self._set_clock(at, stepped)
        self.clock_is_unset = at.wall_ms < EARLIEST_MS
        if self.clock_is_unset:
            return
        tick = self.reader.poll(at, self.period_ms / 1000)
        if tick is None:
            self._stalled(at)
        else:
            self._take(tick)
        self._flush(at)

    def close(self) -> None:
        """Tells all that is known."""
        if self.latest is not None:
            # Who held at the last look is not known to have gone: else what was read since would be nobody's.
            self.holders.carry(self.latest.at.wall_ms)
            self._tell(self.latest.at.wall_ms)

    def _set_clock(self, at: Instant, by_ms: int) -> None:
        """The system's clock was set: what is known so far is told by the old one, what comes begins by the new one."""
        self.counters.clock_steps += 1
        self._note(at, Event(kind="clock_step", value=by_ms))
        self.holders.set_clock(by_ms, at.wall_ms)
        if self._looked is not None:
            self._looked = Instant(self._looked.boot_ns, self._looked.wall_ms + by_ms)
        if self.latest is None:
            return
        try:
            self._tell(self.latest.at.wall_ms)
        finally:
            self._flushed_ms = min(self._flushed_ms, at.wall_ms)

    def _take(self, tick: Tick) -> None:
        self.counters.ticks += 1
        self.counters.stalled_since = None
        by_uuid = {device.uuid: device for device in tick.devices}
        for reading in tick.readings:
            if reading.energy_mj is not None:
                self.energy_mj[reading.uuid] = self.energy_mj.get(reading.uuid, 0) + reading.energy_mj
            if reading.uuid in by_uuid:
                self._timeline.take(by_uuid[reading.uuid], reading, tick.at)
        for event in tick.events:
            self._note(tick.at, event, by_uuid.get(event.uuid))
        self.latest = tick
        if tick.processes is not None:
            self._look(tick, by_uuid)

    def _look(self, tick: Tick, devices: dict[str, Device]) -> None:
        """Who holds what now, and what each did since the last look."""
        before = self._looked
        since_ms = (tick.at.boot_ns - before.boot_ns) // 1_000_000 if before else 0
        seen = self._attribution.look(tick.devices, tick.processes or (), tick.at, since_ms)
        self._attribution.ended(tick.ended, seen, devices, self.holders, before.wall_ms if before else 0, tick.at)
        self.holders.seen(seen.shares, before.wall_ms if before else None, tick.at.wall_ms)
        if before:
            for uuid in devices:
                self._divide(uuid, seen, before.wall_ms, tick.at.wall_ms)
        self._report(seen, tick.at)
        self.seen, self._looked = seen, tick.at

    def _divide(self, uuid: str, seen: Seen, start_ms: int, end_ms: int) -> None:
        holds = self.holders.during(uuid, start_ms, end_ms)
        if together(holds):
            pieces = self._timeline.pieces(uuid, start_ms, end_ms)
            self._parts += parts(holds, seen.uses.get(uuid, {}), pieces)

    def _report(self, seen: Seen, at: Instant) -> None:
        self.counters.nameless += seen.nameless
        if seen.nameless != self.seen.nameless:
            self._note(at, Event(kind="unattributed", value=seen.nameless))
        found = {(device.uuid, workload.id): device for device, workload in seen.strangers}
        for key in found.keys() - self._unsaid:
            self.counters.strangers += 1
            self._note(at, Event(kind="unallocated_use", text=key[1]), found[key])
        self._unsaid = set(found)

    def _stalled(self, at: Instant) -> None:
        """The driver does not answer: what the kubelet or a scheduler allocated is still told."""
        self.counters.stalls += 1
        if self.counters.stalled_since is None:
            self.counters.stalled_since = at
            self._note(at, Event(kind="stalled"))
        if self.latest is not None and at.boot_ns - self._extended_ns >= 5_000_000_000:
            self._extended_ns = at.boot_ns
            self.holders.extend(self._attribution.allocated(self.latest.devices, at), at.wall_ms)

    def _note(self, at: Instant, event: Event, device: Device | None = None) -> None:
        self._happened.append(Happened(at.wall_ms, event, device))

    def _flush(self, at: Instant) -> None:
        """Writes a window down once it is over and a look has told who held what in it."""
        window_end = at.wall_ms - at.wall_ms % self.window_ms
        if window_end > self._flushed_ms and self._known_ms(at) >= window_end:
            self._tell(window_end)

    def _known_ms(self, at: Instant) -> int:
        """Until when holders are known: the last look; where a driver hangs, its time is not waited for."""
        if self.counters.stalled_since is not None or self._looked is None:
            return at.wall_ms
        return self._looked.wall_ms

    def _tell(self, until_ms: int) -> None:
        looked_ms = self._looked.wall_ms if self._looked else 0
        # A hanging driver, and the end, tell of holdings beyond the last look.
        self._telling_ms = max([looked_ms, *(hold.until_ms for hold in self.holders.open.values())])
        told = self._timeline.told(until_ms, self.holders.edges(until_ms))
        self._timeline.forget(self.latest.devices if self.latest else ())
        self._intervals += [*told, *merged(self._parts, self.window_ms)]
        self._holds += self.holders.told()
        self._parts, self._flushed_ms = [], until_ms
        if self._intervals or self._holds or self._happened:
            self._append()

    def _append(self) -> None:
        """What could not be written stays for the next window: it was perhaps written, and telling it twice is safe.

        What no segment can hold is given up, so that it is in the way of nothing else.
        """
        try:
            count = self._written()
        except SpoolError:
            self.counters.failed_appends += 1
            del self._intervals[:-MOST_KEPT], self._holds[:-MOST_KEPT], self._happened[:-MOST_KEPT]
            raise
        except Exception:
            self.counters.failed_appends += 1
            self._intervals, self._holds, self._happened = [], [], []
            raise
        self._intervals, self._holds, self._happened = [], [], []
        self.counters.batches += 1
        self.counters.records += count
        self.told_ms = self._telling_ms

    def _written(self) -> int:
        """The number of records that were."""
        names = self.spool.names
        batch = Batch(
            Names([], [], []),
            rows.records(self._intervals, names, self._rounding),
            rows.holdings(self._holds, names),
            rows.notes(self._happened, names),
        )
        self.spool.append(batch)
        return len(batch.records)
