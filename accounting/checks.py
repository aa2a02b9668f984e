"""The laws as SQL over staged rows, against capacity rebuilt from the raw inputs by another path than the core's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

import sql
from accounting.core.partition import AGENT, QUOTAS, SERVED
from accounting.inputs.effective import effective
from accounting.inventory import Inventory, Span, quotas, served
from accounting.months import Due
from accounting.plan import EMPTY, Day, epoch_ms
from accounting.policy import Policy
from accounting.stores.closing import MONTHS
from accounting.stores.engine import Session, open_session
from accounting.stores.lake import Lake, StagedFile
from accounting.tables import RESULTS, SOURCES

REBUILT = ("quantities", "jobs", "capacity", "holdings", "pool_days")
"""In the order in which they read each other."""

_DAYS = {"cluster": pl.String, "day": pl.Date, "start_ms": pl.Int64, "end_ms": pl.Int64}
_SPANS = {"cluster": pl.String, "event_ms": pl.Int64, "watermark_ms": pl.Int64, "end_ms": pl.Int64}


@dataclass(frozen=True, slots=True)
class Failure:
    """One check that found rows: its name, what it says, how many rows, and the first of them."""

    check: str
    says: str
    rows: pl.DataFrame

    def __str__(self) -> str:
        first = ", ".join(f"{k}={v}" for k, v in self.rows.row(0, named=True).items() if v is not None)
        return f"{self.check}: {self.says} {self.rows.height} rows, the first: {first}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found, and what the checked rows add up to."""

    failures: list[Failure]
    totals: dict[str, Any]
    faults: list[dict[str, Any]] = field(default_factory=list)
    unpriced: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    reconciled: list[dict[str, Any]] = field(default_factory=list)

    @property
    def residual_seconds(self) -> Decimal:
        return _residual(self.failures, "time_is_conserved")

    @property
    def residual_cost(self) -> Decimal:
        return _residual(self.failures, "cost_is_conserved")


def check_staged(
    lake: Lake,
    inventory: Inventory,
    spans: Sequence[Span],
    policies: Sequence[Policy],
    days: Sequence[Day],
    files: Sequence[StagedFile],
) -> Verdict:
    """Checks the files of a run that is not published yet."""
    staged = _by_table(lake, files)
    snapshot = lake.snapshot()
    inputs = {table.name: snapshot.files[table.name] for table in SOURCES.values()}
    # without what is published: a damaged file there does not keep a run from replacing it
    with open_session(replace(snapshot, files=inputs), staged=staged, spill=lake.folder / "tmp") as session:
        return _check(session, inventory, spans, policies, [(d.span.cluster, d.day) for d in days])


def check_published(
    lake: Lake, inventory: Inventory, spans: Sequence[Span], policies: Sequence[Policy], skip: Set[tuple[str, date]]
) -> Verdict:
    """The same checks over what is published now, without the days to `skip`."""
    days = sorted({(x.cluster, x.day) for x in lake.live() if x.fingerprint != EMPTY and x.cluster != MONTHS} - skip)
    with open_session(lake.snapshot(), spill=lake.folder / "tmp") as session:
        session.load("run.checked", pl.DataFrame(days, schema={"cluster": pl.String, "day": pl.Date}, orient="row"))
        for table in RESULTS:
            columns = ", ".join(f"published.{name}" for name in table.names)
            live, checked = (
                f"{name}.cluster = published.cluster AND {name}.day = published.day" for name in ("live", "checked")
            )
            session.define(
                f"staged.{table.name}",
                f"SELECT {columns} FROM store.{table.name} AS published"
                f" JOIN live_publications AS live ON {live} AND live.publication = published.publication"
                f" JOIN run.checked AS checked ON {checked}",
            )
        return _check(session, inventory, spans, policies, days)


def _check(
    session: Session,
    inventory: Inventory,
    spans: Sequence[Span],
    policies: Sequence[Policy],
    days: Sequence[tuple[str, date]],
) -> Verdict:
    day_rows = [(cluster, day, epoch_ms(day), epoch_ms(day) + 86_400_000) for cluster, day in days]
    last = {cluster: max(end for c, _, _, end in day_rows if c == cluster) for cluster, _ in days}
    session.load("run.days", pl.DataFrame(day_rows, schema=_DAYS, orient="row"))
    span_rows = [(s.cluster, s.event, s.watermark, last[s.cluster]) for s in spans if s.cluster in last]
    session.load("run.spans", pl.DataFrame(span_rows, schema=_SPANS, orient="row"))
    session.load("run.names", inventory.names)
    currencies = session.query(sql.read("run/currencies"))["currency"].to_list()
    session.load("run.rates", inventory.rates.table(currencies))
    session.load("run.commitments", inventory.committed.rates)
    session.load("run.told_jobs", _told(inventory.jobs).filter(pl.col("import_seq") < AGENT))
    session.load("run.told_capacity", _told(inventory.capacity).filter(pl.col("device_id").is_null()))
    session.load("run.served", _told_of_days(served, SERVED, inventory, spans, day_rows))
    session.load("run.quotas", _told_of_days(quotas, QUOTAS, inventory, spans, day_rows))
    session.load("run.platforms", pl.DataFrame({"team": sorted({p.platform_team for p in policies})}))
    for name in REBUILT:
        session.define(f"rebuilt.{name}", sql.read(f"rebuilt/{name}"), keep=True)
    return Verdict(
        _failures(session, "checks"),
        session.query(sql.read("run/totals")).row(0, named=True),
        session.query(sql.read("run/faults")).to_dicts(),
        session.query(sql.read("run/unpriced")).to_dicts(),
        session.query(sql.read("run/corrections")).to_dicts(),
        session.query(sql.read("run/reconciled")).to_dicts(),
    )


def check_months(lake: Lake, due: Sequence[Due], days: Sequence[Day], files: Sequence[StagedFile]) -> list[Failure]:
    """Checks the staged lines of months against what is closed, and what is and will be published."""
    if not due:
        return []
    staged = _by_table(lake, files)
    with open_session(lake.snapshot(), staged=staged, spill=lake.folder / "tmp") as session:
        key = {"cluster": pl.String, "day": pl.Date}
        session.load("run.changed", pl.DataFrame([d for one in due for d in one.days], schema=key, orient="row"))
        session.load("run.redone", pl.DataFrame([(d.span.cluster, d.day) for d in days], schema=key, orient="row"))
        session.load("run.invoice", _billed(lake, due))
        return _failures(session, "ledger")


def _billed(lake: Lake, due: Sequence[Due]) -> pl.DataFrame:
    """The lines of the bills that are reconciled."""
    keys = [(bill.month, bill.provider) for one in due for bill in one.bills]
    mine = pl.LazyFrame(keys, schema={"month": pl.String, "provider": pl.String}, orient="row")
    rows = effective(lake, "invoice").rename({"invoice_month": "month"})
    last = pl.max_horizontal("usage_start_ms", pl.col("usage_end_ms") - 1)
    told = rows.join(mine, on=("month", "provider"), how="semi").with_columns(day=pl.from_epoch(last, "ms").dt.date())
    return told.select("month", "provider", "day", "cost", "credits").collect()


def _by_table(lake: Lake, files: Sequence[StagedFile]) -> dict[str, list[str]]:
    staged: dict[str, list[str]] = {}
    for file in files:
        staged.setdefault(file.table, []).append(str(lake.folder / file.path))
    return staged


def _failures(session: Session, folder: str) -> list[Failure]:
    failures = []
    for name in sql.names(folder):
        text = sql.read(name)
        rows = session.query(text)
        if rows.height:
            failures.append(Failure(name.rpartition("/")[2], text.splitlines()[0].removeprefix("-- fail: "), rows))
    return failures


def _told_of_days(
    read: Callable[[Inventory, Span, int, int], pl.DataFrame],
    schema: Mapping[str, pl.DataType | type[pl.DataType]],
    inventory: Inventory,
    spans: Sequence[Span],
    days: Sequence[tuple[str, date, int, int]],
) -> pl.DataFrame:
    """What is read of the clusters of these days, and `cluster`; of days in between too."""
    found = [pl.DataFrame(schema={**schema, "cluster": pl.String})]
    for span in spans:
        mine = [(start, end) for cluster, _, start, end in days if cluster == span.cluster]
        if mine:
            rows = read(inventory, span, min(start for start, _ in mine), max(end for _, end in mine))
            found.append(rows.with_columns(cluster=pl.lit(span.cluster)))
    return pl.concat(found)


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    """What collectors told and counts; which of several counts is not judged anew."""
    names = ("cluster", "pool", "accelerator", "device_id", "quantity_ppm", "start_ms", "end_ms", "import_seq")
    more = [name for name in ("workload_id", "submitted_ms") if name in rows.columns]
    return rows.filter(pl.col("import_seq") <= AGENT).select(*names, *more)


def _residual(failures: Sequence[Failure], check: str) -> Decimal:
    found = [f.rows for f in failures if f.check == check]
    if not found:
        return Decimal(0)
    both = found[0].select(pl.col("expected", "actual").fill_null(0).sum())
    return Decimal(str(both["expected"][0])) - Decimal(str(both["actual"][0]))
