"""Answers to the questions in sql/app: one open reader for each published state, its answers kept, threads welcome."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import sql
from accounting.errors import ChipledgerError
from accounting.explain.explained import explained
from accounting.explain.trace import Trace
from accounting.project import Project, open_project
from accounting.reader import Reader
from accounting.status import Status, take
from app.literal import parameters_of

FOLDER = "CHIPLEDGER_PROJECT"
KEPT = 512
"""Answers that are kept of one published state."""
AT_ONCE = 6
"""Questions that are asked ahead at the same time, of all pages together."""

_ahead = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ahead")

Row = Mapping[str, Any]
Rows = tuple[Row, ...]


@dataclass(slots=True)
class Book:
    """What is published at one instant. Rows are shared between sessions: read them, do not change them."""

    project: Project
    version: int
    reader: Reader
    _answers: OrderedDict[tuple[object, ...], Future[Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _users: int = 0
    _retired: bool = False
    _status: Future[Status] | None = None

    def rows(self, name: str, parameters: Mapping[str, Any]) -> Rows:
        """The answer to `sql/app/NAME.sql`; parameters that it does not have are left out. Asked once, by whoever."""
        text = question(name)
        given = {key: parameters[key] for key in parameters_of(text)}
        rows: Rows = self._once((name, *given.values()), lambda: tuple(self.reader.query(text, given).to_dicts()))
        return rows

    def trace(self, charge_id: str) -> Trace:
        """The charge whose id begins so, with all that it rests on; raises `InputError` where there is no such one."""
        found: Trace = self._once(("the trace of", charge_id), lambda: explained(self.project, charge_id))
        return found

    def _once(self, key: tuple[object, ...], find: Callable[[], Any]) -> Any:  # noqa: ANN401 - rows, or a trace
        with self._lock:
            known = self._answers.get(key)
            mine = self._answers.setdefault(key, Future())
            self._answers.move_to_end(key)
            if len(self._answers) > KEPT:
                self._answers.popitem(last=False)
        if known is None:
            self._find(key, mine, find)
        return mine.result()

    def _find(self, key: tuple[object, ...], answer: Future[Any], find: Callable[[], Any]) -> None:
        try:
            answer.set_result(find())
        except Exception as error:  # noqa: BLE001 - raised where the answer is taken
            with self._lock:
                self._answers.pop(key, None)  # the next who asks may have more luck
            answer.set_exception(error)

    def ahead(self, names: Sequence[str], parameters: Mapping[str, Any]) -> None:
        """Begins to ask what a page will want, all at once: one after the other takes long on BigQuery."""
        for name in names:
            _ahead.submit(self._early, name, parameters)

    def _early(self, name: str, parameters: Mapping[str, Any]) -> None:
        self.enter()
        try:
            self.rows(name, parameters)
        finally:
            self.leave()

    def row(self, name: str, parameters: Mapping[str, Any]) -> Row:
        """The answer to a question whose grain is one row."""
        return self.rows(name, parameters)[0]

    def csv(self, name: str, parameters: Mapping[str, Any]) -> bytes:
        """The answer as CSV with exact decimals; not kept."""
        text = question(name)
        out = BytesIO()
        self.reader.query(text, {key: parameters[key] for key in parameters_of(text)}).write_csv(out)
        return out.getvalue()

    def status(self, patience: float | None = None) -> Status | None:
        """What waits for a run, found out once, aside.

        None where that takes longer than `patience` seconds, or only the host of the pipeline knows.
        """
        if self.project.remote:
            return None
        with self._lock:
            if self._status is None:
                self._status = _aside(self.project)
        try:
            return self._status.result(patience)
        except TimeoutError:
            return None

    def warm(self) -> None:
        """Translates every question, so that the first page need not."""
        for path in sql.names("app"):
            self.reader.prepare(sql.read(path))

    def enter(self) -> None:
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            self._close_unused()

    def retire(self) -> None:
        """Nobody new will come; the last to leave closes it."""
        with self._lock:
            self._retired = True
            self._close_unused()

    def _close_unused(self) -> None:
        if self._retired and not self._users:
            self.reader.close()


@dataclass(frozen=True, slots=True)
class Look:
    """An open book, and what kept a newer one from being opened (None: this is the newest)."""

    book: Book
    problem: str | None = None


@dataclass(slots=True)
class Source:
    """A project for as long as the server runs."""

    folder: Path | None
    _book: Book | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def open(self) -> Iterator[Look]:
        """The newest book. One that was good stays open where the project cannot be read any more.

        Raises `InputError` or `StoreError` where there was never a good one.
        """
        with self._lock:
            look = self._look()
            look.book.enter()
        try:
            yield look
        finally:
            look.book.leave()

    def _look(self) -> Look:
        try:
            project = open_project(self.folder)
            version = project.version
            if self._book is None or self._book.version != version or self._book.project != project:
                self._turn(Book(project, version, project.reader()))
        except ChipledgerError as error:
            if self._book is None:
                raise
            return Look(self._book, str(error))
        assert self._book is not None
        return Look(self._book)

    def _turn(self, book: Book) -> None:
        old, self._book = self._book, book
        if old is not None:
            old.retire()


def _aside(project: Project) -> Future[Status]:
    """The project's status in the making, in a thread that does not hold up the end of the server."""
    found: Future[Status] = Future()

    def find_out() -> None:
        try:
            found.set_result(take(project))
        except Exception as error:  # noqa: BLE001 - handed on to whoever asks
            found.set_exception(error)

    threading.Thread(target=find_out, name="status", daemon=True).start()
    return found


@lru_cache
def question(name: str) -> str:
    """The text of `sql/app/NAME.sql`."""
    return sql.read(f"app/{name}")


@lru_cache
def source(folder: Path | None) -> Source:
    """The one source of this server for a project."""
    return Source(folder)


def served() -> Source:
    """The source of the project that `chipledger app` names in the environment, else of the current folder."""
    folder = os.environ.get(FOLDER)  # noqa: TID251 - how the command line hands the project over
    return source(Path(folder) if folder else None)
