"""What goes wrong on request: refusals, answers that get lost, cut connections, jobs that are slow or fail."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after", "cut", "cut_after"]


@dataclass
class Fault:
    """One kind of fault.

    `before`: refused without being done; `after`: done, and the answer is lost; `cut`: the connection is closed in the
    middle of the body; `cut_after`: done, and the connection closed without an answer. Happens `times` times, each time
    that one comes by with `probability`.
    """

    method: str = ".*"
    path: str = ".*"
    code: int = 503
    reason: str = "backendError"
    when: When = "before"
    times: int = 1
    probability: float = 1.0


@dataclass
class Faults:
    """The faults to come; `seed` makes those with a probability the same each time."""

    seed: int = 0
    pending: list[Fault] = field(default_factory=list)
    slow_polls: int = 0
    """So many times a new job answers RUNNING before it is done (within ten seconds, where nobody asks)."""
    failing_jobs: int = 0
    """So many of the next jobs end with a backendError and do nothing."""
    pause_s: float = 0.0
    """How long a script waits before COMMIT TRANSACTION."""
    before_commit: Callable[[], object] | None = None
    """Called once, before the next COMMIT TRANSACTION: what happens beside a transaction."""
    broken_streams: int = 0
    """So many of the next ReadRows break off with UNAVAILABLE after their first batch."""
    happened: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self.pending.append(fault)

    def clear(self) -> None:
        """Nothing goes wrong from now on."""
        with self._lock:
            self.pending.clear()
            self.slow_polls = self.failing_jobs = self.broken_streams = 0
            self.before_commit, self.pause_s = None, 0.0

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            for fault in self.pending:
                fits = re.fullmatch(fault.method, method) and re.search(fault.path, path)
                if fits and fault.times > 0 and self._random.random() < fault.probability:
                    fault.times -= 1
                    self.happened += 1
                    return fault
        return None

    def meanwhile(self) -> None:
        """What is to happen beside the transaction that is about to commit."""
        time.sleep(self.pause_s)
        with self._lock:
            happens, self.before_commit = self.before_commit, None
        if happens:
            happens()

    def job_fails(self) -> bool:
        with self._lock:
            fails = self.failing_jobs > 0
            self.failing_jobs -= fails
            return fails

    def stream_breaks(self) -> bool:
        with self._lock:
            breaks = self.broken_streams > 0
            self.broken_streams -= breaks
            return breaks
