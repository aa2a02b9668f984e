"""Observed intervals: the pieces of every device, joined by window and cut where holders change."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from collector.pieces import ACTIVITY, AMOUNTS, Piece, cut, piece_of, summed
from collector.source import Instant, Reading
from collector.wire import UNKNOWN, Device, Workload

HELD = 2
"""Flag of wire.FLAGS: the last value stood in for a late one."""


class Interval(Struct, frozen=True):
    """What a device, or one workload's part of it, did: to become a `wire.Record`."""

    device: Device
    workload: Workload | None
    piece: Piece


class _Track(Struct):
    """One device: when it was last read, and what is not told yet, in order of time."""

    device: Device
    at: Instant
    pieces: deque[Piece]


class Timeline:
    """Readings of all devices as pieces, until their intervals are told.

    `hold_ms`: a reading stands for the time since the one before, at most for this long; what is older was not
    observed. No instant of a device is told twice, even where the wall clock was set back; `lost_ms` counts what that
    cost.
    """

    def __init__(self, window_ms: int, hold_ms: int) -> None:
        self.window_ms, self.hold_ms = window_ms, hold_ms
        self.lost_ms = 0
        self._tracks: dict[str, _Track] = {}
        self._frontier: dict[str, int] = {}

    def take(self, device: Device, reading: Reading, at: Instant) -> None:
        """A reading at an instant; the first of a device only starts its time."""
        track = self._tracks.get(device.uuid)
        if track is None:
            self._tracks[device.uuid] = _Track(device, at, deque())
            return
        since = (at.boot_ns - track.at.boot_ns) // 1_000_000
        # Milliseconds are cut off on both clocks: where neither stepped, the last instant is exactly where this begins.
        start_ms = track.at.wall_ms if abs(at.wall_ms - track.at.wall_ms - since) <= 1 else at.wall_ms - since
        track.device, track.at = device, at
        if since > 0:
            if since > self.hold_ms:
                reading.flags |= HELD
            self._add(track, reading, max(start_ms, at.wall_ms - self.hold_ms), at.wall_ms)

    def pieces(self, uuid: str, start_ms: int, end_ms: int) -> list[Piece]:
        """The pieces of a device that lie in a span and are not told yet, cut at its edges."""
        track = self._tracks.get(uuid)
        found = [] if track is None else [p for p in track.pieces if p.start_ms < end_ms and p.end_ms > start_ms]
        return [_within(p, start_ms, end_ms) for p in found]

    def told(self, until_ms: int, edges: dict[str, list[tuple[int, float]]]) -> list[Interval]:
        """The intervals of all devices up to an instant, which are forgotten here.

        `edges` are instants at which a device's holders changed, with `cut`'s `busy_before`.
        """
        found: list[Interval] = []
        for uuid, track in self._tracks.items():
            ready = _taken(track.pieces, until_ms)
            for at_ms, side in sorted(edges.get(uuid, ())):
                ready = _cut_all(ready, at_ms, side)
            groups = self._grouped(ready, {at for at, _ in edges.get(uuid, ())})
            found += [Interval(track.device, None, summed(group)) for group in groups]
        return found

    def forget(self, but: Iterable[Device]) -> None:
        """All devices but these, once all of them is told."""
        present = {device.uuid for device in but}
        self._tracks = {uuid: track for uuid, track in self._tracks.items() if track.pieces or uuid in present}

    def _add(self, track: _Track, reading: Reading, start_ms: int, end_ms: int) -> None:
        uuid = track.device.uuid
        frontier = self._frontier.get(uuid, 0)
        if start_ms < frontier:
            # A clock set back by a few minutes repeats time; one set back by more than an hour was wrong before.
            if frontier - start_ms > 3_600_000:
                frontier = start_ms
            self.lost_ms += min(frontier, end_ms) - start_ms
            start_ms = max(start_ms, frontier)
        if end_ms > start_ms:
            self._frontier[uuid] = end_ms
            track.pieces.append(piece_of(reading, start_ms, end_ms))

    def _grouped(self, pieces: list[Piece], edges: set[int]) -> list[list[Piece]]:
        """Touching pieces of one window between two edges that agree in what is known."""
        groups: list[list[Piece]] = []
        for piece in self._by_window(pieces):
            last = groups[-1][-1] if groups else None
            follows = (
                last is not None
                and last.end_ms == piece.start_ms
                and piece.start_ms % self.window_ms
                and piece.start_ms not in edges
                and last.known == piece.known
            )
            if follows:
                groups[-1].append(piece)
            else:
                groups.append([piece])
        return groups

    def _by_window(self, pieces: list[Piece]) -> list[Piece]:
        found: list[Piece] = []
        for piece in pieces:
            rest = piece
            while (edge := rest.start_ms - rest.start_ms % self.window_ms + self.window_ms) < rest.end_ms:
                first, rest = cut(rest, edge)
                found.append(first)
            found.append(rest)
        return found


def _taken(pieces: deque[Piece], until_ms: int) -> list[Piece]:
    """Removes and returns what lies before an instant."""
    ready: list[Piece] = []
    while pieces and pieces[0].start_ms < until_ms:
        piece = pieces.popleft()
        if piece.end_ms > until_ms:
            piece, rest = cut(piece, until_ms)
            pieces.appendleft(rest)
        ready.append(piece)
    return ready


def _cut_all(pieces: list[Piece], at_ms: int, side: float) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        found += cut(piece, at_ms, side) if piece.start_ms < at_ms < piece.end_ms else (piece,)
    return found


def _within(piece: Piece, start_ms: int, end_ms: int) -> Piece:
    if piece.start_ms < start_ms:
        _, piece = cut(piece, start_ms)
    if piece.end_ms > end_ms:
        piece, _ = cut(piece, end_ms)
    return piece


def merged(parts: Iterable[Interval], window_ms: int) -> list[Interval]:
    """Parts of one workload on one device that touch, in one window, and agree in what is known, as one."""
    found: dict[tuple[str, str], list[Interval]] = {}
    for part in parts:
        who = (part.device.uuid, part.workload.id if part.workload else "")
        mine = found.setdefault(who, [])
        last = mine[-1].piece if mine else None
        same_window = last is not None and last.start_ms // window_ms == (part.piece.end_ms - 1) // window_ms
        if last is not None and same_window and last.end_ms == part.piece.start_ms and last.known == part.piece.known:
            mine[-1] = Interval(part.device, part.workload, summed((last, part.piece)))
        else:
            mine.append(part)
    return [part for mine in found.values() for part in mine]


class Rounding:
    """Amounts as whole numbers; of devices the sums stay exact: what is less than one is carried over to the next."""

    def __init__(self) -> None:
        self._carried: dict[tuple[str, str], float] = {}

    def amounts(self, interval: Interval) -> dict[str, int]:
        """Whole milliseconds, mJ and byte-milliseconds of an interval; UNKNOWN where there is none."""
        return {name: self._whole(interval, name) for name in AMOUNTS}

    def _whole(self, interval: Interval, name: str) -> int:
        amount: float | None = getattr(interval.piece, name)
        if amount is None:
            return UNKNOWN
        most = interval.piece.length if name in (*ACTIVITY, "throttled") else None
        if interval.workload is not None:
            return round(amount) if most is None else min(round(amount), most)
        key = (interval.device.uuid, name)
        exact = amount + self._carried.get(key, 0.0)
        whole = int(exact + 1e-6) if most is None else min(int(exact + 1e-6), most)
        self._carried[key] = exact - whole
        return whole
