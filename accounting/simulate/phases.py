"""What workloads did: phases of constant utilization, one after the other, from the start to the end of an attempt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accounting.simulate.company import DAY, HOUR, MINUTE, PPM, Stream
from accounting.simulate.schedule import CHECKPOINT

Array = np.ndarray

KINDS = ("starting", "work", "checkpoint", "stalled", "idle", "lost")
STARTING, WORK, SAVING, STALLED, IDLE, LOST = range(len(KINDS))


@dataclass(frozen=True, slots=True)
class Phases:
    """`edges` (ms, one more than phases), `levels` (ppm of the slot's devices) and `kinds` (index of KINDS)."""

    edges: Array
    levels: Array
    kinds: Array


def phases(stream: Stream, start: int, end: int, scale: float, lost_from: int, rng: np.random.Generator) -> Phases:
    """Phases of one attempt; `scale`: the part of a device that it can use; work after `lost_from` was thrown away."""
    make = {"train": _train, "experiment": _experiment, "notebook": _notebook, "serve": _serve, "short": _short}
    lengths, levels, kinds = make[stream.profile](stream, start, end - start, rng)
    edges = np.concatenate(([0], np.cumsum(np.maximum(lengths, 1))))
    last = int(np.searchsorted(edges, end - start))
    edges = np.minimum(edges[: last + 1], end - start) + start
    edges[-1] = end
    levels = (np.clip(levels[:last], 0, 1) * scale * PPM).astype(np.int64)
    return _lost(Phases(edges.astype(np.int64), levels, kinds[:last]), lost_from)


def _lost(p: Phases, lost_from: int) -> Phases:
    """The phase that `lost_from` lies in is cut there; work after it is lost."""
    if lost_from >= p.edges[-1]:
        return p
    at = int(np.searchsorted(p.edges, lost_from, side="right")) - 1
    if p.edges[at] < lost_from:
        p = Phases(*(np.insert(a, at + 1, v) for a, v in
                     ((p.edges, lost_from), (p.levels, p.levels[at]), (p.kinds, p.kinds[at]))))  # fmt: skip
    late = (p.edges[:-1] >= lost_from) & (p.kinds == WORK)
    return Phases(p.edges, p.levels, np.where(late, LOST, p.kinds))


_Made = tuple[Array, Array, Array]


def _train(stream: Stream, start: int, length: int, rng: np.random.Generator) -> _Made:
    """Loading, then cycles of steps, sometimes a stalled input, and a checkpoint."""
    cycles = length // (CHECKPOINT - 5 * MINUTE) + 2
    stalls = rng.random(cycles) < 0.18
    stalled = np.where(stalls, rng.integers(20_000, 12 * MINUTE, cycles), 1)
    saving = rng.integers(15_000, 100_000, cycles)
    before = rng.integers(5 * MINUTE, 35 * MINUTE, cycles)
    after = np.maximum(CHECKPOINT - before - stalled - saving, MINUTE)
    level = rng.uniform(*stream.level, cycles)
    zero = np.zeros(cycles)
    lengths = np.stack([before, stalled, after, saving], axis=1).ravel()
    levels = np.stack([level, np.where(stalls, zero, level), level, zero], axis=1).ravel()
    kinds = np.stack([zero + WORK, np.where(stalls, STALLED, WORK), zero + WORK, zero + SAVING], axis=1).ravel()
    load = int(rng.integers(40_000, 8 * MINUTE))
    return (np.concatenate(([load], lengths)), np.concatenate(([0.0], levels)),
            np.concatenate(([STARTING], kinds)).astype(np.int64))  # fmt: skip


def _experiment(stream: Stream, start: int, length: int, rng: np.random.Generator) -> _Made:
    """Loading, bursts of work, and in one of four cases a process that hangs around after its end."""
    load = int(rng.integers(5_000, 90_000))
    forgotten = int(length * rng.uniform(0.2, 0.7)) if rng.random() < 0.25 else 0
    bursts = 12
    work = rng.dirichlet(np.ones(bursts)) * max(length - load - forgotten, bursts)
    levels = rng.uniform(*stream.level, bursts)
    kinds = np.concatenate(([STARTING], np.full(bursts, WORK), [IDLE]))
    return np.concatenate(([load], work.astype(np.int64), [length])), np.concatenate(([0.0], levels, [0.0])), kinds


def _notebook(stream: Stream, start: int, length: int, rng: np.random.Generator) -> _Made:
    """A cell that computes, then a person who thinks, or has gone home."""
    turns = length // (10 * MINUTE) + 4
    work = rng.integers(20_000, 9 * MINUTE, turns)
    thought = (rng.pareto(1.3, turns) * 6 * MINUTE).clip(5_000, 5 * HOUR).astype(np.int64)
    levels = rng.uniform(*stream.level, turns)
    lengths = np.stack([work, thought], axis=1).ravel()
    return (lengths, np.stack([levels, np.zeros(turns)], axis=1).ravel(),
            np.tile(np.array([WORK, IDLE], dtype=np.int64), turns))  # fmt: skip


def _serve(stream: Stream, start: int, length: int, rng: np.random.Generator) -> _Made:
    """Traffic in slices of five minutes with a daily rhythm; weak traffic leaves minutes without any request."""
    slices = length // (5 * MINUTE) + 2
    at = start + np.arange(slices) * 5 * MINUTE
    rhythm = daily(at)
    low, high = stream.level
    level = (low + (high - low) * rhythm) * rng.uniform(0.85, 1.15, slices)
    quiet = rng.random(slices) < np.clip(0.9 - rhythm * 3 - low * 2, 0, 0.9)
    level[0] = 0
    kinds = np.where(quiet, IDLE, WORK)
    kinds[0] = STARTING
    lengths = np.full(slices, 5 * MINUTE)
    lengths[0] = int(rng.integers(20_000, 150_000))
    return lengths, np.where(quiet, 0.0, level), kinds


def _short(stream: Stream, start: int, length: int, rng: np.random.Generator) -> _Made:
    return np.array([length]), rng.uniform(*stream.level, 1), np.array([WORK])


def daily(at: Array) -> Array:
    """Traffic of an instant (ms), 0 at its lowest (04:00 UTC) to 1 at its peak (16:00); weekends have two thirds."""
    hour = at % DAY / HOUR
    weekend = np.where((at // DAY + 3) % 7 > 4, 0.66, 1.0)
    return (0.5 - 0.5 * np.cos((hour - 4) / 24 * 2 * np.pi)) ** 1.5 * weekend
