"""A source in a thread of its own, so that a hung driver stalls nothing but its own readings."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Thread

from collector.source import Instant, Source, Tick


class Watch:
    """One worker thread, one call at a time; a hung call is left alone, and never closed under."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._asked: SimpleQueue[Instant | None] = SimpleQueue()
        self._answers: SimpleQueue[Tick | Exception | None] = SimpleQueue()
        self._pending: Instant | None = None
        self._thread = Thread(target=self._work, name=f"{source.name}-source", daemon=True)
        self._thread.start()

    @property
    def hangs_since(self) -> Instant | None:
        """The instant of the tick that was asked for and has not come back."""
        return self._pending

    def poll(self, at: Instant, deadline_s: float) -> Tick | None:
        """A tick within `deadline_s`, None while a call hangs. Raises what the source raised.

        A tick that comes late is returned by the next poll, with the instant at which it was asked for.
        """
        if self._pending is None:
            self._pending = at
            self._asked.put(at)
        try:
            answer = self._answers.get(timeout=deadline_s)
        except Empty:
            return None
        self._pending = None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self, deadline_s: float) -> bool:
        """Close the source and end the thread; False where a call hangs and both are left behind."""
        self._asked.put(None)
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (at := self._asked.get()) is not None:
            try:
                self._answers.put(self._source.tick(at))
            except Exception as error:  # noqa: BLE001 - handed to the thread that polls
                self._answers.put(error)
        self._source.close()
