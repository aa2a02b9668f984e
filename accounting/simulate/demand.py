"""Requests: who asks for how much, when, and for how much work."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from accounting.simulate.company import DAY, HOUR, STREAMS, Pool, Stream

OFFICE = (8, 19)
"""Working hours (UTC), Monday to Friday."""
RELEASE = 7 * DAY
"""A service is deployed anew this often."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is simulated: [start, end) in ms, both midnight UTC."""

    seed: int
    start: int
    end: int

    @property
    def length(self) -> int:
        """In ms."""
        return self.end - self.start

    def random(self, *name: str) -> np.random.Generator:
        """A generator of its own for every name, so that one part's draws do not move another's."""
        return np.random.default_rng([self.seed, zlib.crc32("/".join(name).encode())])


@dataclass(slots=True)
class Request:
    """One workload: `work` ms on `size` slots, asked for at `submitted`, withdrawn at `withdrawn` if still waiting."""

    workload: str
    stream: Stream
    model: str
    user: str
    size: int
    submitted: int
    work: int
    withdrawn: int | None = None


def requests(pool: Pool, devices: int, window: Window) -> list[Request]:
    """All requests to a pool of that many devices, in order of submission."""
    found = [
        r
        for i, stream in enumerate(STREAMS)
        if stream.pool == pool.name
        for r in _asked(pool, stream, i, devices, window)
    ]
    for request in found:
        request.submitted -= request.submitted % pool.grain
        if request.withdrawn is not None:
            request.withdrawn -= request.withdrawn % pool.grain
        request.work = max(pool.grain, request.work - request.work % pool.grain)
    return sorted(found, key=lambda r: (r.submitted, r.workload))


def _asked(pool: Pool, stream: Stream, number: int, devices: int, window: Window) -> Iterator[Request]:
    rng = window.random("demand", pool.cluster, str(number))
    times = _services(stream, devices, window, rng) if stream.replicas else _jobs(stream, devices, window, rng)
    for i, (submitted, work) in enumerate(times):
        if pool.name == "a100":
            name = f"{100_000 + number * 10_000 + i}"
        elif pool.seen == "agents":
            name = f"{stream.facts}/{stream.profile}-{number}-{i:04d}"
        else:
            name = f"{stream.facts or stream.team}-{stream.profile}-{number}-{i:04d}"
        yield Request(
            name,
            stream,
            str(rng.choice(stream.models)),
            str(rng.choice(stream.users)),
            int(rng.choice(stream.size)),
            submitted,
            work,
            submitted + int(stream.patience * HOUR) if stream.patience else None,
        )


def _jobs(stream: Stream, devices: int, window: Window, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Submission and work of jobs that come at random, evenly or in working hours."""
    days = window.length // DAY
    count = int(rng.poisson(stream.rate * devices / 100 * days))
    at = np.sort(rng.integers(window.start, window.end, count))
    if stream.office:
        at = np.sort(_in_office(at, window, rng))
    low, high = np.log(stream.hours[0]), np.log(stream.hours[1])
    work = np.exp(rng.uniform(low, high, count)) * HOUR
    return [(int(a), max(1, int(w))) for a, w in zip(at, work, strict=True)]


def _in_office(at: np.ndarray, window: Window, rng: np.random.Generator) -> np.ndarray:
    """Each time moved into the working hours of its day, or of the Friday before a weekend."""
    day = at // DAY
    weekday = (day + 3) % 7
    day = np.where(weekday > 4, day - (weekday - 4), day)
    moved = day * DAY + rng.integers(OFFICE[0] * HOUR, OFFICE[1] * HOUR, at.size)
    return np.where(moved < window.start, at, moved)


def _services(stream: Stream, devices: int, window: Window, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Replicas that run all the time until the next release, or from morning to evening every day."""
    replicas = max(1, round(stream.replicas * devices / 100))
    found: list[tuple[int, int]] = []
    for _ in range(replicas):
        at = window.start + int(rng.integers(0, HOUR))
        while at < window.end:
            if stream.by_day:
                begin = at // DAY * DAY + int(rng.integers(6 * HOUR, 9 * HOUR))
                found.append((begin, int(rng.integers(9 * HOUR, 13 * HOUR))))
                at = (begin // DAY + 1) * DAY
            else:
                work = min(RELEASE, window.end + HOUR - at) + int(rng.integers(0, 2 * HOUR))
                found.append((at, work))
                at += work + int(rng.integers(20_000, 90_000))
    return found
