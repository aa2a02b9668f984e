"""What vLLM served in each pod: every request with its tokens, and when its process began anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accounting.simulate.company import MINUTE
from accounting.simulate.demand import Window
from accounting.simulate.remote.pod import Pod

LOADING = 90_000
"""Milliseconds from a process' start until it answers."""
DRAINED = 3 * MINUTE
"""Nobody asks it for so long before a process ends, so that every request is counted by a sample."""
RARELY = 60_000
"""Milliseconds between two requests at most."""

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Engine:
    """One pod's engine: `starts` of its processes (ms), and arrays of its requests.

    `at`: when each finished; `length`: whether it did by length; `prompt` and `generation`: its tokens.
    """

    pod: Pod
    starts: tuple[int, ...]
    at: Array
    length: Array
    prompt: Array
    generation: Array


def serving(pods: Sequence[Pod], restart: int, window: Window) -> list[Engine]:
    """An engine in each pod; the first one's process begins anew at `restart` (ms)."""
    return [_engine(pod, (restart,) if i == 0 else (), window, i) for i, pod in enumerate(pods)]


def _engine(pod: Pod, restarts: tuple[int, ...], window: Window, number: int) -> Engine:
    rng = window.random("engine", str(number))
    starts = (pod.start + 5_000, *restarts)
    spans = zip(starts, (*starts[1:], pod.end), strict=True)
    at = np.concatenate([_requests(start + LOADING + 2 * MINUTE, end - DRAINED, rng) for start, end in spans])
    return Engine(
        pod,
        starts,
        at,
        rng.random(at.size) < 0.2,
        rng.integers(10, 4000, at.size),
        rng.integers(1, 900, at.size),
    )


def _requests(start: int, end: int, rng: np.random.Generator) -> Array:
    steps = rng.integers(200, RARELY, max(0, (end - start) // (RARELY // 4))).cumsum()
    return start + steps[start + steps < end]
