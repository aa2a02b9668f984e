"""What each unit did over time, by who held it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from accounting.simulate.remote.story import Story

NOBODY = -1


class Piece(NamedTuple):
    """In [start, end) ms a unit was held by a pod (its position; NOBODY) and that busy (ppm)."""

    start: int
    end: int
    pod: int
    level: int


def pieces(story: Story, unit: int) -> list[Piece]:
    """All of the unit's time, in order."""
    held = sorted((pod.start, i) for i, pod in enumerate(story.pods) if unit in pod.units)
    found: list[Piece] = []
    at = story.first
    for start, i in held:
        if at < start:
            found.append(Piece(at, start, NOBODY, 0))
        found += _held(story, i, unit)
        at = story.pods[i].end
    if at < story.last:
        found.append(Piece(at, story.last, NOBODY, 0))
    return found


def _held(story: Story, pod: int, unit: int) -> Iterator[Piece]:
    from_ms = story.pods[pod].late.get(unit, 0)
    for start, end, level in story.pods[pod].phases:
        edges = [start, from_ms, end] if start < from_ms < end else [start, end]
        for a, b in pairwise(edges):
            yield Piece(a, b, pod, level if a >= from_ms else 0)
