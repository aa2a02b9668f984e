"""Push: what the lake has and the warehouse has not, each row once, and counting all at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl

from accounting.ledger_tables import CLOSES, DISPUTES, STATEMENTS
from accounting.stores.bigquery.catalog import IMPORTED, IMPORTS, LOADS
from accounting.stores.bigquery.client import Warehouse
from accounting.stores.bigquery.define import Progress, ready
from accounting.stores.bigquery.difference import Difference, difference
from accounting.stores.bigquery.ledger import There, here, there
from accounting.stores.bigquery.load import Load, loads, perform
from accounting.stores.bigquery.sweep import sweep
from accounting.stores.bigquery.switch import Moved, switch
from accounting.stores.lake import Lake
from accounting.tables import PUBLICATIONS, RUNS

ATTEMPTS = 5
LOADERS = 4
"""Jobs at once: most of a load is waiting."""
MOST_ROWS = 10_000
"""Rows of the catalog in one transaction: a request may have 10 MB. More imports or cluster-days switch in steps."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push brought: load jobs, their rows and bytes; and the warehouse's generation now."""

    loads: int
    rows: int
    bytes: int
    generation: int


def push(lake: Lake, warehouse: Warehouse, progress: Progress) -> Pushed:
    """Brings the warehouse to the lake's state; ended anywhere and run again, it goes on.

    Raises `Foreign` where the warehouse has what the lake has not, `StoreError` where BigQuery refuses or does not
    answer: nothing is half counted then.
    """
    with _alone(lake):
        ready(warehouse, progress)
        for _ in range(ATTEMPTS - 1):
            try:
                return _attempt(lake, warehouse, progress)
            except Moved:
                progress("looking again", None)
        return _attempt(lake, warehouse, progress)


def _attempt(lake: Lake, warehouse: Warehouse, progress: Progress) -> Pushed:
    progress("comparing", None)
    mine, known = here(lake), there(warehouse)
    news = difference(mine, known)
    brought = [load for unit in news.units for load in loads(lake, unit, mine.files.get(unit, []))]
    generation = known.generation
    if not news.empty:
        generation = _claim(warehouse, news, known, brought)
        _perform(lake, warehouse, brought, progress)
        progress("switching", None)
        for rows in _steps(news, _told(brought)):
            generation = switch(warehouse, generation, rows)
    sweep(warehouse, mine, known)
    return Pushed(len(brought), sum(b.rows for b in brought), sum(b.bytes for b in brought), generation)


def _claim(warehouse: Warehouse, news: Difference, known: There, brought: list[Load]) -> int:
    """Takes the numbers of the imports that are about to be loaded: two hosts cannot load rows under one of them."""
    units = {int(load.unit) for load in brought if load.table.name in IMPORTED}
    mine = news.imports.filter(pl.col("seq").is_in(units))
    claimed = mine.join(known.ledger.imports, on="seq", how="anti").with_columns(state=pl.lit("staging"))
    generation = known.generation
    for part in claimed.iter_slices(MOST_ROWS):
        generation = switch(warehouse, generation, {IMPORTS.name: part})
    return generation


def _perform(lake: Lake, warehouse: Warehouse, brought: list[Load], progress: Progress) -> None:
    whole, moved = sum(load.bytes for load in brought), 0
    progress("loading", 0)
    with ThreadPoolExecutor(LOADERS) as loaders:
        jobs = {loaders.submit(perform, lake, warehouse, load): load for load in brought}
        try:
            for job in as_completed(jobs):
                job.result()
                moved += jobs[job].bytes
                progress("loading", moved / max(whole, 1))
        except BaseException:
            loaders.shutdown(cancel_futures=True)
            raise


def _told(brought: list[Load]) -> pl.DataFrame:
    return pl.DataFrame([(b.table.name, b.unit, b.rows) for b in brought], schema=LOADS.schema, orient="row")


def _steps(news: Difference, told: pl.DataFrame) -> Iterator[Mapping[str, pl.DataFrame]]:
    """The rows of each transaction, in the order in which the lake had them: most often one of all."""
    closes = {CLOSES.name: news.closes, STATEMENTS.name: news.statements, DISPUTES.name: news.disputes}
    moved = (news.imports, news.publications, told, news.statements, news.disputes)
    if sum(frame.height for frame in moved) <= MOST_ROWS:
        yield {**_rows(news.imports, news.runs, news.publications, told), **closes}
        return
    for part in news.imports.iter_slices(MOST_ROWS):
        yield _rows(part, news.runs.clear(), news.publications.clear(), _of(told, part["seq"].cast(pl.String)))
    begun: set[str] = set()
    for part in news.publications.iter_slices(MOST_ROWS):
        names = set(part["publication"]) - begun
        begun |= names
        runs = news.runs.filter(pl.col("publication").is_in(names))
        yield _rows(news.imports.clear(), runs, part, _of(told, runs["publication"]))
    yield {**closes, LOADS.name: _of(told, news.closes["publication"])}


def _of(told: pl.DataFrame, units: pl.Series) -> pl.DataFrame:
    return told.filter(pl.col("unit").is_in(units.implode()))


def _rows(
    imports: pl.DataFrame, runs: pl.DataFrame, publications: pl.DataFrame, told: pl.DataFrame
) -> Mapping[str, pl.DataFrame]:
    return {IMPORTS.name: imports, RUNS.name: runs, PUBLICATIONS.name: publications, LOADS.name: told}


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    """One push of a lake at a time: a second one would only find the first one's jobs."""
    with (lake.folder / "push.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
