"""The schedulers: who got which devices from when to when, with queues, failures, preemption and drained nodes."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from accounting.simulate.company import HOUR, MINUTE, Pool
from accounting.simulate.demand import Request
from accounting.simulate.slots import Shelf, Slot

PATIENCE = 4 * HOUR
"""Once the first in the queue has waited this long, nobody may overtake it any more."""
DEPTH = 100
CHECKPOINT = 45 * MINUTE
"""How much work a failure loses at most on average: training saves this often."""


@dataclass(frozen=True, slots=True)
class Down:
    """A place that cannot be used: `kind` is maintenance, unhealthy or reclaimed (a spot machine taken back)."""

    place: int
    start: int
    end: int
    kind: str


@dataclass(slots=True)
class Attempt:
    """One stay of a workload on its slots. `end` None: still running at the end; `start` None: never started."""

    request: Request
    submitted: int
    start: int | None
    end: int | None = None
    outcome: str = ""
    slots: tuple[Slot, ...] = ()
    saved: int = 0
    """Work (ms) of this attempt that was kept."""


@dataclass(slots=True)
class _Waiting:
    request: Request
    since: int
    left: int


@dataclass(slots=True)
class Scheduler:
    """First come, first served, later ones may overtake while the first cannot start. One pool; call `run` once."""

    pool: Pool
    slots: Sequence[Slot]
    downs: Sequence[Down]
    end: int
    rng: np.random.Generator
    attempts: list[Attempt] = field(default_factory=list)
    _free: dict[str, Shelf] = field(default_factory=lambda: defaultdict(Shelf))
    _node: dict[int, str] = field(default_factory=dict)
    _queue: list[_Waiting] = field(default_factory=list)
    _running: dict[int, tuple[Attempt, int, str]] = field(default_factory=dict)
    _events: list[tuple[int, int, int, str, object]] = field(default_factory=list)
    _count: int = 0

    def run(self, requests: Sequence[Request]) -> list[Attempt]:
        """All attempts, in order of their end; requests that never started are attempts without a start."""
        for slot in self.slots:
            self._free[slot.kind].give(slot)
            self._node[slot.place] = slot.node
        for request in requests:
            self._at(request.submitted, "submit", _Waiting(request, request.submitted, request.work))
        for down in self.downs:
            self._at(down.start, "down", down)
            self._at(down.end, "up", down)
        while self._events and self._events[0][0] < self.end:
            now = self._events[0][0]
            while self._events and self._events[0][0] == now:
                _, _, _, kind, what = heapq.heappop(self._events)
                getattr(self, f"_on_{kind}")(now, what)
            self._dispatch(now)
        return self._closed()

    def _at(self, time: int, kind: str, what: object) -> None:
        self._count += 1
        heapq.heappush(self._events, (time, 0 if kind in {"end", "down"} else 1, self._count, kind, what))

    def _on_submit(self, now: int, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        if waiting.request.withdrawn is not None and waiting.since == waiting.request.submitted:
            self._at(waiting.request.withdrawn, "withdraw", waiting)

    def _on_withdraw(self, now: int, waiting: _Waiting) -> None:
        if waiting in self._queue:
            self._queue.remove(waiting)
            self.attempts.append(Attempt(waiting.request, waiting.since, None, now, "CANCELLED"))

    def _on_end(self, now: int, key: int) -> None:
        if key not in self._running:
            return
        attempt, left, outcome = self._running.pop(key)
        self._finish(attempt, now, left, outcome)

    def _on_down(self, now: int, down: Down) -> None:
        for shelf in self._free.values():
            shelf.close(down.place, self._node[down.place])
        hit = [key for key, (a, _, _) in self._running.items() if any(s.place == down.place for s in a.slots)]
        for key in hit:
            attempt, left, _ = self._running.pop(key)
            self._finish(attempt, now, left, "PREEMPTED" if down.kind == "reclaimed" else "NODE_FAIL")

    def _on_up(self, now: int, down: Down) -> None:
        for shelf in self._free.values():
            shelf.open(down.place, self._node[down.place])

    def _finish(self, attempt: Attempt, now: int, left: int, outcome: str) -> None:
        attempt.end, attempt.outcome = now, outcome
        for slot in attempt.slots:
            self._free[slot.kind].give(slot)
        self.attempts.append(attempt)
        done = now - (attempt.start or now)
        attempt.saved = done
        if outcome == "COMPLETED":
            return
        keeps = attempt.request.stream.profile == "train"
        attempt.saved = done - done % CHECKPOINT if keeps else 0
        if outcome != "FAILED" or keeps:
            wait = int(self.rng.integers(5, 120)) * 1000
            rest = max(self.pool.grain, left - attempt.saved)
            self._at(now + wait, "submit", _Waiting(attempt.request, now + wait, rest))

    def _dispatch(self, now: int) -> None:
        started = []
        for waiting in self._queue[:DEPTH]:
            slots = self._take(waiting.request.stream.slot, waiting.request.size)
            if slots is not None:
                self._start(now, waiting, slots)
                started.append(id(waiting))
            elif now - waiting.since > PATIENCE and waiting.request.stream.size[0] > 1:
                break
        if started:
            self._queue = [w for w in self._queue if id(w) not in started]

    def _take(self, kind: str, size: int) -> tuple[Slot, ...] | None:
        """Slots of the fullest node that has room, or of whole nodes where no node is large enough."""
        shelf = self._free[kind]
        found = shelf.fullest(size)
        if found is None and size > self.pool.node_size:
            found = shelf.whole(size, self.pool.node_size)
        return None if found is None else tuple(found)

    def _start(self, now: int, waiting: _Waiting, slots: tuple[Slot, ...]) -> None:
        attempt = Attempt(waiting.request, waiting.since, now, slots=slots)
        stream, left = waiting.request.stream, waiting.left
        end, outcome = now + left, "COMPLETED"
        if stream.crash_hours:
            crash = int(self.rng.exponential(stream.crash_hours / len(slots)) * HOUR)
            crash -= crash % self.pool.grain
            if 0 < crash < left:
                end, outcome = now + crash, "FAILED"
        self._count += 1
        self._running[self._count] = (attempt, left, outcome)
        self._at(end, "end", self._count)

    def _closed(self) -> list[Attempt]:
        """What still runs or waits at the end has no end yet."""
        running = [a for a, _, _ in self._running.values()]
        for attempt in running:
            attempt.saved = self.end - (attempt.start or self.end)
        waiting = [Attempt(w.request, w.since, None) for w in self._queue]
        return [*self.attempts, *running, *waiting]
