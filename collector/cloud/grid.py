"""The grid of minutes that points are put on, and sets of its cells as the bits of an integer.

Every host has a grid of its own, through its first point; a point's cell is the one whose end is nearest to it. So
the metrics of a chip meet though they are not written at one instant, and a cell tells of the minute that ends there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from statistics import fmean, median_low

CELL_MS = 60_000

Cells = dict[int, float]
"""A value by the number of its cell."""


def placed(points: Iterable[tuple[int, float]], phase_ms: int, factor: float = 1) -> Cells:
    """Points times a factor by cell; several in one count with their mean, and a point that came twice counts once."""
    offset = CELL_MS // 2 - phase_ms
    cells: Cells = {}
    shared: dict[int, list[float]] = {}
    for at, value in dict(points).items():
        cell = (at + offset) // CELL_MS
        if cell in cells:
            shared.setdefault(cell, [cells[cell]]).append(value * factor)
        cells[cell] = value * factor
    for cell, values in shared.items():
        cells[cell] = fmean(values)
    return cells


def end_ms(cell: int, phase_ms: int) -> int:
    """The instant at which a cell ends."""
    return cell * CELL_MS + phase_ms


def first_cell(at_ms: int, phase_ms: int) -> int:
    """The first cell that ends after an instant."""
    return (at_ms - phase_ms) // CELL_MS + 1


def cells_of_step(series: Iterable[list[tuple[int, float]]], sample_ms: int, *, old: bool) -> int:
    """For how many cells a point of a metric stands: as it is sampled, or as `old` points are thinned out.

    What is not old has gaps that look alike.
    """
    told = max(1, round(sample_ms / CELL_MS))
    if not old:
        return told
    steps = [abs(b - a) for points in series for (a, _), (b, _) in pairwise(points)]
    return max(told, round(median_low(steps) / CELL_MS)) if steps else told


def bits(cells: Iterable[int], base: int) -> int:
    """The set of cells, the cell `base` being bit 0; earlier ones are left out."""
    found = bytearray()
    for cell in cells:
        at = cell - base
        if at < 0:
            continue
        if at >> 3 >= len(found):
            found.extend(bytes((at >> 3) + 1 - len(found)))
        found[at >> 3] |= 1 << (at & 7)
    return int.from_bytes(found, "little")


def members(mask: int, base: int) -> Iterator[int]:
    """The cells of a set, ascending."""
    while mask:
        low = mask & -mask
        yield base + low.bit_length() - 1
        mask ^= low


def runs(mask: int, base: int) -> Iterator[tuple[int, int]]:
    """The set as ranges: first and last cell."""
    while mask:
        start = (mask & -mask).bit_length() - 1
        rest = ~(mask >> start)
        length = (rest & -rest).bit_length() - 1
        yield base + start, base + start + length - 1
        mask &= ~(((1 << length) - 1) << start)


def bridged(mask: int) -> int:
    """The set, and every single cell that misses between two of it."""
    return mask | (mask << 1 & mask >> 1)
