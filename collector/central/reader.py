"""One source, read span after span into a spool of its own."""

from __future__ import annotations

import traceback
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from collector.central import cursor
from collector.central.cursor import Cursor, Damaged
from collector.central.findings import Source, Span, Unanswered
from collector.central.polling import Polling
from collector.central.reach import since
from collector.central.stretches import extended
from collector.central.telling import tell
from collector.spool.errors import SpoolError
from collector.spool.spool import Spool

HOUR_MS = 3_600_000
LONGEST_WAIT_S = 900.0
FULL = 0.5
"""Share of the spool above which a source is not read: unlike a node's devices, it still knows later."""


class Progress(Struct):
    """How reading goes. `until_ms`: all before is told (0: nothing yet). `trouble` is '' once reading works again."""

    until_ms: int = 0
    spans: int = 0
    points: int = 0
    rows: int = 0
    failures: int = 0
    failed_in_a_row: int = 0
    trouble: str = ""


class Reader:
    """Reads a source up to the present, and remembers how far in the folder of its spool.

    `now_ms` is the wall clock. Raises `cursor.Damaged` and `OSError`.
    """

    def __init__(
        self, source: Source, polling: Polling, spool: Spool, folder: Path, most_bytes: int, now_ms: Callable[[], int]
    ) -> None:
        self.source, self.polling, self.spool = source, polling, spool
        self.progress = Progress()
        self._folder, self._most_bytes, self._now_ms = folder, most_bytes, now_ms
        self._cursor = cursor.load(folder)
        self._stretches = self._cursor.stretches if self._cursor else {}
        self._past_ms: int | None = None
        if self._cursor is not None:
            self.progress.until_ms = self._cursor.end_ms
            self._recall(self._cursor.memory)

    def step(self) -> float:
        """Reads one span if one is due; after how many seconds there is more to do."""
        self.spool.tend()
        span = self._due()
        if span is None:
            return self.polling.every
        try:
            self.take(span)
        except (Unanswered, SpoolError, OSError) as error:
            return self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - a bug in reading one source must not end the others
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            return self._failed(f"a bug, please report it: {type(error).__name__}: {error} ({place})")
        return 0 if self._due() is not None else self.polling.every

    def take(self, span: Span, *, keep: bool = True) -> None:
        """Reads a span and tells what was found; raises `Unanswered`, `SpoolError` and `OSError`.

        `keep`: the next reading, also after a restart, goes on where it ends.
        """
        self._make_room()
        found = since(self.source.read(span), self._since_ms(span))
        found.stocked, stock = extended(found.stocked, self._stretches)
        found.quoted, quotas = extended(found.quoted, self._stretches)
        self.progress.rows += tell(self.spool, found)
        self._stretches = stock | quotas
        if keep:
            self._cursor = Cursor(self._since_ms(span), span.end_ms, self.source.memory(), self._stretches)
            cursor.keep(self._folder, self._cursor)
        self.progress.until_ms = span.end_ms
        self.progress.spans += 1
        self.progress.points += found.points
        self.progress.failed_in_a_row, self.progress.trouble = 0, ""

    def _recall(self, memory: bytes) -> None:
        try:
            self.source.remember(memory)
        except (msgspec.MsgspecError, zlib.error) as error:
            path = self._folder / cursor.FILE
            raise Damaged(f"{path}: is of another version: remove it; what was told comes again, once") from error

    def begin(self, since_ms: int) -> None:
        """A stretch of the past begins, of which nothing is known yet."""
        self._past_ms, self._stretches = since_ms, {}
        self.source.remember(b"")

    def _since_ms(self, span: Span) -> int:
        if self._past_ms is not None:
            return self._past_ms
        return span.start_ms if self._cursor is None else self._cursor.since_ms

    def _make_room(self) -> None:
        used = self.spool.used_bytes
        if used > FULL * self._most_bytes:
            self.spool.seal()
            raise Unanswered(f"{self._folder}: {used} bytes wait for the inbox: reading goes on once it takes them")

    def _due(self) -> Span | None:
        """The next span: whole seconds, at least `every` long unless more than that is behind."""
        end = self._now_ms() - round(self.polling.delay * 1000)
        start = end - round(self.polling.backfill * HOUR_MS) if self._cursor is None else self._cursor.end_ms
        start, end = start // 1000 * 1000, end // 1000 * 1000
        if end - start < self.polling.every * 1000:
            return None
        return Span(start, min(end, start + round(self.polling.span * 1000)))

    def _failed(self, trouble: str) -> float:
        self.progress.failures += 1
        self.progress.failed_in_a_row += 1
        self.progress.trouble = trouble
        self.source.remember(self._cursor.memory if self._cursor else b"")
        return float(min(LONGEST_WAIT_S, self.polling.every * 2 ** min(self.progress.failed_in_a_row - 1, 10)))
