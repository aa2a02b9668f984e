"""When APIs are sampled, and how busy a unit was on average since the sample before."""

from __future__ import annotations

import zlib

import numpy as np

from accounting.simulate.company import PPM
from accounting.simulate.remote.fleet import INTERVAL
from accounting.simulate.remote.pieces import NOBODY, pieces
from accounting.simulate.remote.story import Away, Story

Array = np.ndarray


def instants(story: Story, target: str, *names: str) -> Array:
    """When a target is sampled (ms), less when those of `names` (its node, its cluster) are told nothing of.

    Every target has an offset of its own in the minute, as a monitoring system divides its work.
    """
    offset = 1000 + zlib.crc32(target.encode()) % 58 * 1000
    at = np.arange(story.first + offset, story.last + 1, INTERVAL, dtype=np.int64)
    return np.asarray(at[~inside(at, [span for span in (*story.silent, *story.away) if span[0] in names])])


def inside(at: Array, spans: list[Away]) -> Array:
    """Which instants lie in spans."""
    found = np.zeros(at.size, dtype=bool)
    for _, start, end in spans:
        found |= (at > start) & (at <= end)
    return found


class Sampled:
    """One unit at instants: `busy`, the mean share since a minute before, and `pod`, its holder just before."""

    def __init__(self, story: Story, unit: int, at: Array) -> None:
        told = pieces(story, unit)
        ends = np.array([piece.end for piece in told], dtype=np.int64)
        edges = np.array([told[0].start, *ends], dtype=np.float64)
        spent = np.array([0, *(piece.level * (piece.end - piece.start) for piece in told)], dtype=np.float64).cumsum()
        since = np.maximum(at - INTERVAL, story.first)
        self.busy = (np.interp(at, edges, spent) - np.interp(since, edges, spent)) / PPM / (at - since)
        holders = np.array([piece.pod for piece in told], dtype=np.int64)
        self.pod = holders[np.minimum(np.searchsorted(ends, at, side="left"), ends.size - 1)]

    def holders(self) -> list[int]:
        """Everybody who holds it at some instant; NOBODY too."""
        return sorted(set(self.pod.tolist()) | {NOBODY})
