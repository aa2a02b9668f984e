"""What goes wrong: drained nodes, broken devices, spot machines taken back, silent agents, use behind the scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from accounting.simulate.company import DAY, HOUR, MINUTE, PPM, Pool
from accounting.simulate.demand import Window
from accounting.simulate.schedule import Down
from accounting.simulate.spans import SPANS, clipped, union


def downs(pool: Pool, nodes: dict[str, list[int]], spot: set[str], window: Window) -> list[Down]:
    """When the places of a pool's nodes cannot be used; `spot` nodes are taken back now and then."""
    if not pool.logged:
        return []
    if pool.seen == "agents":
        return _disjoint([*_absent(nodes, window), *_sick(nodes, window)])
    rng = window.random("downs", pool.name)
    found: list[Down] = []
    for node, places in nodes.items():
        found += [Down(p, a, b, "maintenance") for a, b in _maintenance(window, rng) for p in places]
        found += [Down(p, a, b, "unhealthy") for p in places for a, b in _broken(window, rng)]
        if node in spot:
            found += [Down(p, a, b, "reclaimed") for a, b in _reclaimed(window, rng) for p in places]
    return [_on_clock(d, pool.grain) for d in _disjoint(found)]


def _on_clock(down: Down, grain: int) -> Down:
    return Down(down.place, down.start - down.start % grain, down.end - down.end % grain + grain, down.kind)


def _maintenance(window: Window, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Every three weeks or so, at six in the morning."""
    day = int(rng.integers(2, 20))
    while window.start + day * DAY + 12 * HOUR < window.end:
        start = window.start + day * DAY + 6 * HOUR + int(rng.integers(0, 20 * MINUTE))
        yield start, start + int(rng.integers(90 * MINUTE, 5 * HOUR))
        day += int(rng.integers(16, 26))


def _broken(window: Window, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """A device falls off the bus every 300 days; somebody has to come."""
    at = window.start + int(rng.exponential(300 * DAY))
    while at < window.end:
        until = at + int(rng.integers(30 * MINUTE, 20 * HOUR))
        yield at, min(until, window.end)
        at = until + int(rng.exponential(300 * DAY))


def _absent(nodes: dict[str, list[int]], window: Window) -> list[Down]:
    """Nodes that join in the first hours: nothing knows of a device before its agent does."""
    rng = window.random("absent")
    joined = {node: window.start + int(rng.integers(2 * HOUR, 11 * HOUR)) for node in nodes}
    return [Down(place, window.start, joined[node], "absent") for node, places in nodes.items() for place in places]


def _sick(nodes: dict[str, list[int]], window: Window) -> list[Down]:
    """On every node some device reports a critical error, about twice a week; its holder holds on."""
    rng = window.random("sick")
    found: list[Down] = []
    for places in nodes.values():
        for first in range(window.start + DAY // 2, window.end - DAY, 4 * DAY):
            for _ in range(2):
                start = first + int(rng.integers(0, DAY))
                until = start + int(rng.integers(10 * MINUTE, 5 * HOUR))
                found.append(Down(int(rng.choice(places)), start, until, "unhealthy"))
    return found


def _reclaimed(window: Window, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    at = window.start + int(rng.exponential(3 * DAY)) + HOUR
    while at < window.end - 3 * HOUR:
        until = at + int(rng.integers(10 * MINUTE, 2 * HOUR))
        yield at, until
        at = until + HOUR + int(rng.exponential(3 * DAY))


def _disjoint(downs: Sequence[Down]) -> list[Down]:
    """Of two at once on one place the earlier; order of place and start."""
    kept: list[Down] = []
    for down in sorted(downs, key=lambda d: (d.place, d.start)):
        if not kept or kept[-1].place != down.place or kept[-1].end + MINUTE < down.start:
            kept.append(down)
    return kept


def outages(nodes: dict[str, list[int]], window: Window, name: str) -> pl.DataFrame:
    """When no agent told of a place: hours on a whole node, moments on a device. place, start, end; disjoint."""
    rng = window.random("outages", name)
    found: list[tuple[int, int, int]] = []
    for places in nodes.values():
        long = [_silence(window, rng, HOUR, 9 * HOUR) for _ in range(rng.poisson(window.length / DAY / 40))]
        for place in places:
            short = [_silence(window, rng, 2_000, 90_000) for _ in range(rng.poisson(window.length / DAY / 3))]
            found += [(place, a, b) for a, b in long + short]
    return union(pl.DataFrame(found, schema=SPANS, orient="row"))


def stalls(nodes: dict[str, list[int]], window: Window) -> pl.DataFrame:
    """When drivers answered no agent, for hours, and devices for moments: place, start, end; disjoint.

    Never in the first half day or the last hour of the window: a device is there while it is seen.
    """
    rng = window.random("stalls")
    found: list[tuple[int, int, int]] = []
    for places in nodes.values():
        count = 1 + int(rng.poisson(window.length / DAY / 8))
        hang = [_silence(window, rng, 2 * HOUR, 8 * HOUR) for _ in range(count)]
        for place in places:
            short = [_silence(window, rng, 2_000, 90_000) for _ in range(rng.poisson(window.length / DAY / 3))]
            found += [(place, a, b) for a, b in hang + short]
    spans = pl.DataFrame(found, schema=SPANS, orient="row")
    return union(clipped(spans, window.start + DAY // 2, window.end - HOUR))


def _silence(window: Window, rng: np.random.Generator, least: int, most: int) -> tuple[int, int]:
    start = int(rng.integers(window.start, window.end))
    return start, min(window.end, start + int(rng.integers(least, most)))


def rogues(free: pl.DataFrame, window: Window, every: int) -> pl.DataFrame:
    """Processes on devices that nobody holds: in one of `every` free spans of two hours. place, start, end, level."""
    rng = window.random("rogues", str(every))
    long = free.filter(pl.col("end") - pl.col("start") > 2 * HOUR)
    chosen = long.filter(pl.Series(rng.random(long.height) < 1 / every, dtype=pl.Boolean))
    start = rng.integers(10 * MINUTE, 30 * MINUTE, chosen.height)
    length = rng.integers(5 * MINUTE, 80 * MINUTE, chosen.height)
    level = rng.integers(PPM // 5, PPM * 9 // 10, chosen.height)
    return chosen.select(
        "place",
        start=pl.col("start") + pl.Series(start, dtype=pl.Int64),
        end=pl.col("start") + pl.Series(start + length, dtype=pl.Int64),
        level=pl.Series(level, dtype=pl.Int64),
    )
