"""Who holds which device, from when to when."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, structs

from collector.wire import Device, Workload

WHOLE = 1_000_000

Key = tuple[str, str]
"""Device UUID and workload id."""


class Share(Struct, frozen=True):
    """A workload holds so many millionths of a device; `start_ms` None: since it was first seen."""

    device: Device
    workload: Workload
    share_ppm: int = WHOLE
    start_ms: int | None = None


class Hold(Struct, kw_only=True):
    """A holding, known until `until_ms`; `closed`: it ended there."""

    device: Device
    workload: Workload
    share_ppm: int
    start_ms: int
    until_ms: int
    closed: bool = False
    told: bool = False


class Holders:
    """Holdings as seen so far, the edges between them, and what is still to be told of them.

    No holding is told to begin before `since_ms`: what was held before the first agent came to a node is not its to
    tell.
    """

    def __init__(self, since_ms: int = 0) -> None:
        self._since_ms = since_ms
        self.open: dict[Key, Hold] = {}
        self._closed: list[Hold] = []
        self._edges: dict[str, list[tuple[int, int]]] = {}

    def seen(self, shares: Iterable[Share], before_ms: int | None, at_ms: int) -> None:
        """All that is held at an instant; what was held at `before_ms`, the last look, and is no more, ended between.

        A holding that is gone counts to `at_ms`: its last activity may lie in between, and nobody else had the device.
        """
        now = {(s.device.uuid, s.workload.id): s for s in shares}
        for key in self.open.keys() - now.keys():
            self.end(key, at_ms)
        for key, share in now.items():
            if key not in self.open:
                self._begin(key, share, before_ms, at_ms)
            hold = self.open[key]
            hold.device, hold.workload, hold.share_ppm = share.device, share.workload, share.share_ppm
            hold.until_ms = max(hold.until_ms, at_ms)

    def extend(self, shares: Iterable[Share], at_ms: int) -> None:
        """These are held still; of the others nothing is known at this instant."""
        for share in shares:
            hold = self.open.get((share.device.uuid, share.workload.id))
            if hold is not None:
                hold.until_ms = max(hold.until_ms, at_ms)

    def set_clock(self, by_ms: int, at_ms: int) -> None:
        """The clock was set by so many ms, to `at_ms`: what was held ends by the old clock and goes on by the new one.

        Else a workload would be told to hold through hours, or years, that never were.
        """
        for hold in self.open.values():
            if hold.until_ms > hold.start_ms:
                self._closed.append(structs.replace(hold, closed=True))
            hold.start_ms = hold.until_ms = hold.until_ms + by_ms
            hold.told = False
        self._since_ms = at_ms

    def carry(self, at_ms: int) -> None:
        """Every open holding is taken to last until an instant."""
        for hold in self.open.values():
            hold.until_ms = max(hold.until_ms, at_ms)

    def end(self, key: Key, at_ms: int) -> None:
        """An open holding ended at an instant, at the earliest where it began."""
        hold = self.open.pop(key)
        hold.until_ms, hold.closed = max(at_ms, hold.start_ms), True
        self._edge(hold.device.uuid, hold.until_ms, -1)
        if hold.until_ms > hold.start_ms or hold.told:
            self._closed.append(hold)

    def add(self, hold: Hold) -> None:
        """A holding that came and went between two looks."""
        self._edge(hold.device.uuid, hold.start_ms, 1)
        self._edge(hold.device.uuid, hold.until_ms, -1)
        self._closed.append(hold)

    def of(self, uuid: str) -> list[Hold]:
        """Who holds a device now, in order of their ids."""
        return [self.open[key] for key in sorted(self.open) if key[0] == uuid]

    def during(self, uuid: str, start_ms: int, end_ms: int) -> list[Hold]:
        """Who held a device in a span that is not told yet, one hold a workload, the latest."""
        ended = [h for h in self._closed if h.device.uuid == uuid]
        every = [h for h in (*ended, *self.of(uuid)) if h.start_ms < end_ms and h.until_ms > start_ms]
        return list({h.workload.id: h for h in every}.values())

    def edges(self, until_ms: int) -> dict[str, list[tuple[int, float]]]:
        """The changes up to an instant, which are forgotten here: where, and to which side activity belongs (`cut`)."""
        found: dict[str, list[tuple[int, float]]] = {}
        for uuid, changes in self._edges.items():
            held = len(self.of(uuid)) - sum(change for _, change in changes)
            sided: list[tuple[int, float]] = []
            for at_ms, change in sorted(changes):
                before, held = held, held + change
                sided.append((at_ms, 0.5 if bool(before) == bool(held) else float(held == 0)))
            found[uuid] = [edge for edge in sided if edge[0] <= until_ms]
        self._edges = {
            uuid: later
            for uuid, changes in self._edges.items()
            if (later := [change for change in changes if change[0] > until_ms])
        }
        return found

    def told(self) -> list[Hold]:
        """What to tell: those that ended, and every open one again, so that no death of a node leaves one open."""
        found = [*self._closed, *self.open.values()]
        self._closed = []
        for hold in found:
            hold.told = True
        return found

    def _begin(self, key: Key, share: Share, before_ms: int | None, at_ms: int) -> None:
        start_ms = at_ms if share.start_ms is None else min(share.start_ms, at_ms)
        if before_ms is not None and share.start_ms is None:
            start_ms = before_ms
        start_ms = max(start_ms, min(self._since_ms, at_ms))
        hold = Hold(
            device=share.device,
            workload=share.workload,
            share_ppm=share.share_ppm,
            start_ms=start_ms,
            until_ms=at_ms,
        )
        self.open[key] = hold
        self._edge(share.device.uuid, start_ms, 1)

    def _edge(self, uuid: str, at_ms: int, change: int) -> None:
        self._edges.setdefault(uuid, []).append((at_ms, change))
