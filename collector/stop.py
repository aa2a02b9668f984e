"""Being told to stop, also by a signal that comes while one is handled."""

from __future__ import annotations

import os
import select
from contextlib import suppress


class Stop:
    """A pipe: a handler may only do what cannot wait for a lock, which `threading.Event.set` can."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.told = False

    def tell(self) -> None:
        """From a signal handler or any thread, any number of times."""
        self.told = True
        with suppress(BlockingIOError):  # the pipe is full of the same word
            os.write(self._writing, b"\0")

    def wait(self, seconds: float) -> None:
        """Until told, at most so long."""
        select.select([self._reading], [], [], max(0.0, seconds))
