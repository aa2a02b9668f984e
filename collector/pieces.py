"""What one device did between two ticks, as amounts that can be added and cut."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from collector.source import Reading

ACTIVITY = ("busy", "sm", "tensor", "dram")
AMOUNTS = (*ACTIVITY, "energy", "memory", "throttled")


class Piece(Struct, kw_only=True):
    """`[start_ms, end_ms)` of one device; None: not to be had.

    Activity and `throttled` in milliseconds, `energy` in mJ, `memory` in byte-milliseconds, `peak` in bytes.
    """

    start_ms: int
    end_ms: int
    busy: float | None = None
    sm: float | None = None
    tensor: float | None = None
    dram: float | None = None
    energy: float | None = None
    memory: float | None = None
    peak: int | None = None
    throttled: float | None = None
    health: int = 0
    flags: int = 0

    @property
    def length(self) -> int:
        return self.end_ms - self.start_ms

    @property
    def known(self) -> tuple[object, ...]:
        """What two pieces must agree in to be told as one: health, and which amounts are there."""
        return (self.health, *(getattr(self, name) is None for name in AMOUNTS))


def piece_of(reading: Reading, start_ms: int, end_ms: int) -> Piece:
    """A reading's means as amounts of the interval that it stands for."""
    length = end_ms - start_ms
    piece = Piece(start_ms=start_ms, end_ms=end_ms, health=reading.health, flags=reading.flags)
    for name in ACTIVITY:
        mean: float | None = getattr(reading, name)
        if mean is not None:
            setattr(piece, name, min(max(mean, 0.0), 1.0) * length)
    piece.energy = reading.energy_mj
    if reading.memory_bytes is not None:
        piece.memory, piece.peak = float(reading.memory_bytes) * length, reading.memory_bytes
    if reading.throttled is not None:
        piece.throttled = float(length * reading.throttled)
    return piece


def cut(piece: Piece, at_ms: int, busy_before: float = 0.5) -> tuple[Piece, Piece]:
    """The piece as two at an instant inside it, amounts in proportion to time.

    Activity goes to the part that was held, where one was: `busy_before` is 1 if that is the first, 0 if the second,
    0.5 if neither or both.
    """
    before, after = _halves(piece, at_ms)
    for name in AMOUNTS:
        amount: float | None = getattr(piece, name)
        if amount is None:
            continue
        first = amount * before.length / piece.length
        if name in ACTIVITY and busy_before != 0.5:
            first = min(amount, before.length) if busy_before == 1 else max(0.0, amount - after.length)
        setattr(before, name, first)
        setattr(after, name, amount - first)
    return before, after


def _halves(piece: Piece, at_ms: int) -> tuple[Piece, Piece]:
    def part(start_ms: int, end_ms: int) -> Piece:
        return Piece(start_ms=start_ms, end_ms=end_ms, peak=piece.peak, health=piece.health, flags=piece.flags)

    return part(piece.start_ms, at_ms), part(at_ms, piece.end_ms)


def summed(pieces: Iterable[Piece]) -> Piece:
    """Touching pieces that agree in what is known, as one."""
    first, *others = pieces
    whole = Piece(**{name: getattr(first, name) for name in Piece.__struct_fields__})
    for piece in others:
        whole.end_ms = piece.end_ms
        whole.flags |= piece.flags
        whole.peak = None if whole.peak is None or piece.peak is None else max(whole.peak, piece.peak)
        for name in AMOUNTS:
            amount = getattr(whole, name)
            setattr(whole, name, None if amount is None else amount + getattr(piece, name))
    return whole
