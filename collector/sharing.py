"""What each of several workloads on one device did of what the device did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from collector.holders import Hold
from collector.observed import Interval
from collector.pieces import Piece, summed

BY_MEMORY, EQUALLY = 16, 32
"""Flags of wire.FLAGS: how activity was divided where no activity per process was to be had."""


class Use(Struct):
    """What the processes of a workload did on a device since the last look, in ms; None: not to be had."""

    busy_ms: float | None = None
    memory_bytes: int | None = None


def parts(holds: Sequence[Hold], uses: Mapping[str, Use], pieces: Sequence[Piece]) -> list[Interval]:
    """Each holder's part of a device's observed pieces; `uses` by workload id. Parts add up to the device's activity.

    Activity is divided by the processes' own, else by memory in use, else equally among those that have a process.
    A part lies where its workload held the device, so that a job of three seconds is not spread over ten.
    """
    found: list[Interval] = []
    for run in _runs(pieces):
        whole = summed(run)
        told = whole.busy is not None or any(u.busy_ms is not None for u in uses.values())
        if whole.health or not told:
            continue
        weights, flag = _weights(holds, uses)
        activity = _activity(whole, uses)
        total = sum(weights.values())
        for hold in holds:
            start, end = max(hold.start_ms, whole.start_ms), min(hold.until_ms, whole.end_ms)
            if end > start:
                busy = activity * weights[hold.workload.id] / total if total else 0.0
                found.append(Interval(hold.device, hold.workload, _part(start, end, busy, uses, hold, flag)))
    return found


def _activity(whole: Piece, uses: Mapping[str, Use]) -> float:
    """Milliseconds that the device was busy; where it does not tell (MIG), what its processes tell."""
    if whole.busy is not None:
        return whole.busy
    return min(float(whole.length), sum(u.busy_ms or 0.0 for u in uses.values()))


def _part(start: int, end: int, busy: float, uses: Mapping[str, Use], hold: Hold, flag: int) -> Piece:
    piece = Piece(start_ms=start, end_ms=end, busy=min(busy, float(end - start)), flags=flag)
    used = uses.get(hold.workload.id, Use()).memory_bytes
    if used is not None:
        piece.memory, piece.peak = float(used) * (end - start), used
    return piece


def _weights(holds: Sequence[Hold], uses: Mapping[str, Use]) -> tuple[dict[str, float], int]:
    """By workload id what it counts for, and the flag that says by what."""
    ids = [hold.workload.id for hold in holds]
    by_busy = {i: uses.get(i, Use()).busy_ms or 0.0 for i in ids}
    if any(by_busy.values()):
        return by_busy, 0
    by_memory = {i: float(uses.get(i, Use()).memory_bytes or 0) for i in ids}
    if any(by_memory.values()):
        return by_memory, BY_MEMORY
    present = {i: float(i in uses) for i in ids}
    return (present if any(present.values()) else dict.fromkeys(ids, 1.0)), EQUALLY


def _runs(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Touching pieces that agree in what is known."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if runs and runs[-1][-1].end_ms == piece.start_ms and runs[-1][-1].known == piece.known:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def together(holds: Sequence[Hold]) -> bool:
    """Whether two of these held at the same time."""
    until = 0
    for hold in sorted(holds, key=lambda h: h.start_ms):
        if hold.start_ms < until:
            return True
        until = max(until, hold.until_ms)
    return False
