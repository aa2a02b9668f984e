"""Shipping: sealed segments go to the inbox, oldest first, in a thread that no append waits for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import msgspec

from collector.inbox import Inbox, Unavailable
from collector.spool.spool import Spool


class Shipping(msgspec.Struct, frozen=True):
    """What there is to ship and how it goes, for metrics.

    `oldest_ms` is when the oldest pending segment was sealed (Unix milliseconds). `last_success_age_s`: seconds since
    the inbox last had a segment, None if it never did. `last_error` is '' once one was delivered after it. `running`:
    the thread is there.
    """

    pending: int
    pending_bytes: int
    oldest_ms: int | None
    stored: int
    repeated: int
    failures: int
    last_success_age_s: float | None
    last_error: str
    running: bool


class Shipper:
    """Ships a spool's segments one after the other; each is deleted once the inbox has it.

    After a failure it waits, at random up to a bound that doubles from `first_wait_s` to `longest_wait_s`, so that a
    fleet does not come back all at once. Where there is nothing to ship it looks again after `idle_s`.
    """

    def __init__(
        self,
        spool: Spool,
        inbox: Inbox,
        *,
        first_wait_s: float = 1,
        longest_wait_s: float = 300,
        idle_s: float = 5,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._spool = spool
        self._inbox = inbox
        self._first_wait_s = first_wait_s
        self._longest_wait_s = longest_wait_s
        self._idle_s = idle_s
        self._draw = draw
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stored = 0
        self._repeated = 0
        self._failures = 0
        self._failed_in_a_row = 0
        self._last_success_ns: int | None = None
        self._last_error = ""

    def start(self) -> None:
        """Begins to ship in the background."""
        self._thread = threading.Thread(target=self._run, name="ship", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 5) -> None:
        """Ships no more; a put that is under way is given `timeout_s` to end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def finish(self, grace_s: float) -> Shipping:
        """Ships what waits, as long as the inbox takes it, and stops; how it went."""
        until = time.monotonic() + grace_s
        while self.status().pending and time.monotonic() < until and not self.status().last_error:
            time.sleep(0.02)
        self.stop(grace_s)
        return self.status()

    def ship(self) -> bool:
        """Ships one segment now; False where there is none; raises `Unavailable` and `OSError`."""
        offer = self._spool.offer()
        if offer is None:
            return False
        if self._inbox.put(offer.name, offer.data):
            self._stored += 1
        else:
            self._repeated += 1
        self._spool.delivered(offer)
        self._last_success_ns = time.monotonic_ns()
        self._last_error = ""
        self._failed_in_a_row = 0
        return True

    def status(self) -> Shipping:
        """How shipping goes; may be called from any thread."""
        spool = self._spool.status()
        success_ns = self._last_success_ns
        return Shipping(
            pending=spool.sealed,
            pending_bytes=spool.sealed_bytes,
            oldest_ms=spool.oldest_ms,
            stored=self._stored,
            repeated=self._repeated,
            failures=self._failures,
            last_success_age_s=None if success_ns is None else (time.monotonic_ns() - success_ns) / 1e9,
            last_error=self._last_error,
            running=self._thread is not None and self._thread.is_alive(),
        )

    def _run(self) -> None:
        while not self._stop.is_set():
            wait_s = self._turn()
            if wait_s:
                self._stop.wait(wait_s)

    def _turn(self) -> float:
        """Seconds to wait after shipping one segment or failing to."""
        try:
            return 0 if self.ship() else self._idle_s
        except Exception as error:  # noqa: BLE001 - whatever a store's library raises, what waits is tried again
            self._failures += 1
            known = isinstance(error, Unavailable | OSError)
            self._last_error = str(error) if known else f"{type(error).__name__}: {error}"
            longest_s = min(self._longest_wait_s, self._first_wait_s * 2 ** min(self._failed_in_a_row, 32))
            self._failed_in_a_row += 1
            return self._draw(0, longest_s)
