"""Asking somebody who may be slow, without waiting for the answer."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

from collector.source import Instant

WAIT_S = 0.3
"""Whoever answers within this is waited for; a slower answer is there the next time."""

KEEP_NS = 300 * 10**9
"""Where no new answer comes, the last one stands for five minutes."""

MOST_DOUBLINGS = 4

T = TypeVar("T")


class Unanswered(Exception):
    """Somebody was asked and did not answer: the message says who and why."""


class Enquiry(Generic[T]):
    """Asks in a thread of its own, at most every `every_ns` and more rarely (16 times at most) while it fails.

    `ask` returns the answer or raises `Unanswered`.
    """

    def __init__(self, name: str, ask: Callable[[], T], every_ns: int) -> None:
        self.name = name
        self.error = ""
        self.asked_ns: int | None = None
        self.answered_ns: int | None = None
        self._ask = ask
        self._every_ns = every_ns
        self._failures = 0
        self._answer: T | None = None
        self._thread: Thread | None = None

    def answer(self, at: Instant) -> T | None:
        """The last answer; None: there is none that is young enough."""
        if self._is_due(at):
            self.asked_ns = at.boot_ns
            self._thread = Thread(target=self._turn, args=(at.boot_ns,), name=self.name, daemon=True)
            self._thread.start()
            self._thread.join(WAIT_S)
        return self._answer if self._age_ns(at) <= KEEP_NS else None

    def status(self, at: Instant) -> tuple[str, str, str]:
        """Name, ok, warn or fail, and what is to be said of it."""
        if self.answered_ns is None:
            return self.name, "fail", self.error or "no answer yet"
        age = self._age_ns(at)
        if self._failures or age > KEEP_NS:
            return self.name, "warn" if age <= KEEP_NS else "fail", f"{self.error}; last answer {age // 10**9} s ago"
        return self.name, "ok", "answers"

    def _is_due(self, at: Instant) -> bool:
        if self._thread is not None and self._thread.is_alive():
            return False
        pause = self._every_ns << min(self._failures, MOST_DOUBLINGS)
        return self.asked_ns is None or at.boot_ns - self.asked_ns >= pause

    def _age_ns(self, at: Instant) -> int:
        return KEEP_NS + 1 if self.answered_ns is None else at.boot_ns - self.answered_ns

    def _turn(self, asked_ns: int) -> None:
        try:
            self._answer = self._ask()
        except Exception as error:  # noqa: BLE001 - an answer that is not understood is none
            self.error = str(error) if isinstance(error, Unanswered) else f"{type(error).__name__}: {error}"
            self._failures += 1
        else:
            self.answered_ns, self._failures = asked_ns, 0
