"""What happened in the clusters that are known only through APIs, at the millisecond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accounting.simulate.company import DAY, HOUR, MINUTE
from accounting.simulate.demand import Window
from accounting.simulate.remote.engines import Engine, serving
from accounting.simulate.remote.fleet import ASSIST, GKE, TPU_POOL, Unit, begun, units
from accounting.simulate.remote.pod import Phase, Pod

Away = tuple[str, int, int]
"""A node, or a cluster, from when to when."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything in [first, last) (ms); `units` by position is what pods hold.

    `silent`: nodes whose devices nothing is told of; `away`: clusters of which nothing at all is told; `cordoned`:
    nodes that nobody may use; `late`: a node whose points are to be had only after a first collection.
    """

    first: int
    last: int
    units: list[Unit]
    pods: list[Pod]
    engines: list[Engine]
    silent: list[Away]
    away: list[Away]
    cordoned: list[Away]
    late: list[Away]


class _Clock:
    """Instants of the script: parts of the time that there is, to a whole second, and somewhere in a minute."""

    def __init__(self, window: Window) -> None:
        self.first, self.last = begun(window.start, window.end), window.end
        self.random = window.random("remote")

    def at(self, part: float) -> int:
        moment = self.first + int((self.last - self.first) * part) + int(self.random.integers(0, MINUTE))
        return moment // 1000 * 1000


def story(window: Window, *, google: bool) -> Story:
    """What happened; equal for equal arguments, and with `google` the same of all else."""
    clock = _Clock(window)
    found = units(google=google)
    index = {(u.node, u.number, u.profile): i for i, u in enumerate(found)}
    drained = (clock.at(0.42), clock.at(0.42) + 12 * HOUR)
    pods = _chats(clock, index, drained)
    engines = serving([p for p in pods if p.name.startswith("chat-")], clock.at(0.5), window)
    silent = [("h100-0", clock.at(0.22), clock.at(0.22) + 4 * HOUR)]
    away = [(ASSIST, clock.at(0.57), clock.at(0.57) + HOUR)]
    late: list[Away] = []
    if google:
        pods += [*_jobs(clock, index), *_slices(clock, index)]
        silent.append((f"{TPU_POOL}-2", clock.at(0.46), clock.at(0.46) + 3 * HOUR))
        since = clock.at(0.75)
        late.append((f"{TPU_POOL}-1", since, since + 2 * HOUR))
    return Story(clock.first, clock.last, found, pods, engines, silent, away, [("h100-1", *drained)], late)


Index = dict[tuple[str, int, str], int]


def _chats(clock: _Clock, index: Index, drained: tuple[int, int]) -> list[Pod]:
    """Two models: replicas run on, one is evicted where its node is drained, one waits and is scaled up late."""
    scaled = clock.at(0.66)
    large = [("chat-70b-0", "h100-0", (0, 1), clock.at(0.002), 0, clock.last),
             ("chat-70b-1", "h100-1", (2, 3), scaled + 3 * HOUR, 3 * HOUR, clock.last)]  # fmt: skip
    small = [("chat-7b-0", "h100-0", (2,), clock.at(0.003), 0, clock.last),
             ("chat-7b-1", "h100-1", (0,), clock.at(0.1), 0, drained[0]),
             ("chat-7b-2", "h100-0", (3,), drained[0] + 20_000, 0, clock.last)]  # fmt: skip
    pods = []
    for name, node, numbers, start, waited, end in (*large, *small):
        model = name[:-2]
        namespace, team = ("llm", "language") if model == "chat-70b" else ("helpdesk", "support")
        claims = {"model": model, "purpose": "serving", **({"team": team} if namespace == "helpdesk" else {})}
        held = tuple(index[node, n, ""] for n in numbers)
        phases = _rhythm(clock, start, end)
        pods.append(Pod(ASSIST, namespace, name, team, model, claims, held, start - waited, start, end, phases))
    return pods


def _slices(clock: _Clock, index: Index) -> list[Pod]:
    """Pods on MIG instances, several to a device; their exporter tells no labels, so nobody knows of their models."""
    script = (
        ("speech", "asr-0", 0, "3g.20gb", 0.004, 1.0),
        ("speech", "asr-1", 1, "3g.20gb", 0.3, 0.8),
        ("research", "probe-0", 0, "2g.10gb", 0.05, 0.12),
        ("research", "probe-1", 0, "2g.10gb", 0.2, 0.27),
        ("research", "probe-2", 1, "2g.10gb", 0.35, 0.6),
        ("vision", "segmenter-0", 0, "1g.5gb", 0.15, 0.7),
    )
    pods = []
    for namespace, name, number, profile, begin, finish in script:
        start, end = clock.at(begin), clock.last if finish == 1 else clock.at(finish)
        held = (index["gke-mig-0", number, profile],)
        phases = _rhythm(clock, start, end)
        pods.append(Pod(GKE, namespace, name, namespace, None, {}, held, start, start, end, phases))
    return pods


def _jobs(clock: _Clock, index: Index) -> list[Pod]:
    """Jobs that hold the whole slice of TPUs, a pod on each host, with idle time between them."""
    script = (
        ("llm", "language", "tune-0", "llm-7b", 0.02, 0.3),
        ("vision", "vision", "diffuse-0", "diffuser", 0.36, 0.61),
        ("llm", "language", "tune-1", "llm-7b", 0.63, 0.9),
    )
    pods = []
    for namespace, team, name, model, begin, finish in script:
        start, end = clock.at(begin), clock.at(finish)
        phases = _training(clock, start, end)
        for host in range(4):
            held = tuple(index[f"{TPU_POOL}-{host}", i, ""] for i in range(4))
            never = {held[i]: start + 9 * HOUR for i in (2, 3)} if name == "diffuse-0" and host == 3 else {}
            labels = {"model": model}
            pod = f"{name}-{host}"
            pods.append(Pod(GKE, namespace, pod, team, model, labels, held, start, start, end, phases, never))
    return pods


def _rhythm(clock: _Clock, start: int, end: int) -> tuple[Phase, ...]:
    """Busy by day, less by night, and not at all for some hours of it."""
    edges = _edges(clock, start, end, 8 * MINUTE, 40 * MINUTE)
    hours = (edges[:-1] % DAY) / HOUR
    level = 0.45 + 0.35 * np.sin((hours - 8) / 24 * 2 * np.pi) + clock.random.uniform(-0.08, 0.08, hours.size)
    level[(hours >= 1) & (hours < 4)] = 0
    return _phases(edges, level)


def _training(clock: _Clock, start: int, end: int) -> tuple[Phase, ...]:
    """It loads for a while, then computes, with a checkpoint now and then."""
    edges = _edges(clock, start + 25 * MINUTE, end, 6 * MINUTE, 50 * MINUTE)
    level = np.where(np.arange(edges.size - 1) % 7 == 6, 0, clock.random.uniform(0.45, 0.7, edges.size - 1))
    return ((start, start + 25 * MINUTE, 0), *_phases(edges, level))


def _edges(clock: _Clock, start: int, end: int, least: int, most: int) -> np.ndarray:
    steps = clock.random.integers(least, most, (end - start) // least + 1).cumsum()
    return np.array([start, *(start + steps[start + steps < end - least]), end], dtype=np.int64)


def _phases(edges: np.ndarray, level: np.ndarray) -> tuple[Phase, ...]:
    ppm = np.rint(level * 1000).astype(np.int64) * 1000
    return tuple(zip(edges[:-1].tolist(), edges[1:].tolist(), ppm.tolist(), strict=True))
