"""Lines of months, beside the days of clusters: providers' bills, and what a run finds out about closed months."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import polars as pl

from accounting import plan
from accounting.bill_tables import RECONCILIATION
from accounting.billed import Bill, bills, platform_of, reconciled
from accounting.config import Config
from accounting.core import credited, ledger
from accounting.core.committed import NOTHING, adjustments
from accounting.core.credited import Credited
from accounting.core.reconcile import Reconciled
from accounting.disputes import credits_of
from accounting.stores import closing
from accounting.stores.lake import Lake, Live, StagedFile
from accounting.tables import ADJUSTMENTS, CHARGES

DayKey = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Due:
    """An open month whose lines have to be computed; `base` is the seq of the publication that they replace.

    `days` are those cluster-days of closed months that were published after their close, `bills` those of the month,
    `credits` those booked in it, and `committed` what commitments did in it (LINES). `again`: the lines of closed
    months that may have changed; None: none of them has.
    """

    month: str
    fingerprint: str
    base: int
    days: tuple[DayKey, ...] = ()
    bills: tuple[Bill, ...] = ()
    again: Again | None = None
    credits: tuple[Credited, ...] = ()
    committed: pl.DataFrame = field(default_factory=lambda: NOTHING.lines)


@dataclass(frozen=True, slots=True)
class Again:
    """All bills of closed months, and what commitments did in them (LINES)."""

    bills: tuple[Bill, ...]
    committed: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of `ADJUSTMENTS` and of `RECONCILIATION`, without `publication`."""

    adjustments: pl.DataFrame
    reconciliation: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _State:
    """What is closed, what is published, and what will be: fingerprints of all cluster-days by key."""

    standing: Mapping[str, closing.Line]
    live: Sequence[Live]
    coming: Mapping[DayKey, str]
    bills: Sequence[Bill] = field(default_factory=list)
    credits: Sequence[Credited] = field(default_factory=list)
    committed: pl.DataFrame = field(default_factory=lambda: NOTHING.lines)


def due(lake: Lake, todo: Sequence[plan.Day], config: Config, committed: pl.DataFrame) -> list[Due]:
    """The months whose lines would change once the days `todo` are published; `committed` are LINES of all months."""
    live = lake.live()
    coming = {(x.cluster, x.day): x.fingerprint for x in live if x.cluster != closing.MONTHS}
    coming |= {(d.span.cluster, d.day): d.fingerprint for d in todo}
    standing = closing.standing(closing.closes(lake))
    state = _State(standing, live, coming, bills(lake, config), credits_of(lake), committed)
    published = {one.day.isoformat()[:7]: one for one in live if one.cluster == closing.MONTHS}
    target = closing.following(max(state.standing)) if state.standing else None
    said = {*(bill.month for bill in state.bills), *(one.month for one in state.credits), *committed["month"]}
    found = []
    for month in sorted({*published, *said, *([target] if target else [])} - state.standing.keys()):
        one = _due(month, state, {d: f for d, f in coming.items() if d in _redone(todo)} if month == target else None)
        now = published.get(month)
        if (now.fingerprint if now else plan.EMPTY) != one.fingerprint:
            found.append(replace(one, base=now.seq if now else 0))
    return found


def _redone(todo: Sequence[plan.Day]) -> set[DayKey]:
    return {(d.span.cluster, d.day) for d in todo}


def _due(month: str, state: _State, redone: Mapping[DayKey, str] | None) -> Due:
    """`redone` are the days that are about to be published; None: corrections go into another month."""
    changed = {} if redone is None else _changed(state, redone)
    mine = tuple(bill for bill in state.bills if bill.month == month)
    again = None if redone is None else _again(state, changed)
    settled = tuple(one for one in state.credits if one.month == month)
    promised = state.committed.filter(month=month)
    if not (changed or mine or again or settled or promised.height):
        return Due(month, plan.EMPTY, 0)
    near = _near(month)
    of_days = sorted(item for item in state.coming.items() if f"{item[0][1]:%Y-%m}" in near) if mine else []
    closed = [line.sha256 for line in state.standing.values()] if redone is not None else []
    digests = [b.digest for b in (*mine, *(again.bills if again else ()))]
    lines = [rows.rows() for rows in (promised, *([again.committed] if again else [])) if rows.height]
    said = (sorted(changed.items()), of_days, closed, digests, *settled, *lines)
    return Due(month, _hash(said), 0, tuple(sorted(changed)), mine, again, settled, promised)


def _hash(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def _changed(state: _State, redone: Mapping[DayKey, str]) -> dict[DayKey, str]:
    """Days of closed months that were published after the close, or will be; each with its fingerprint."""
    later = {key: said for key, said in redone.items() if _close_known(state.standing, key[1]) is not None}
    for one in state.live:
        known = _close_known(state.standing, one.day)
        if one.cluster != closing.MONTHS and known is not None and one.seq > known:
            later.setdefault((one.cluster, one.day), one.fingerprint)
    return later


def _again(state: _State, changed: Iterable[DayKey]) -> Again | None:
    """The lines of closed months, where a bill, a commitment or a day of one is not as it was when it was closed."""
    mine = tuple(bill for bill in state.bills if bill.month in state.standing)
    committed = state.committed.filter(pl.col("month").is_in(list(state.standing)))
    months = {*(bill.month for bill in mine), *committed["month"]}
    touched = any(months & _near(f"{day:%Y-%m}") for _, day in changed)
    frozen = {month: json.loads(line.versions) for month, line in state.standing.items()}
    told = {month: {b.provider: b.digest for b in mine if b.month == month} for month in state.standing}
    differ = any(told[month] != frozen[month].get("bills", {}) for month in told)
    changed_lines = any(digest(committed, month) != frozen[month].get("commitments", "") for month in told)
    return Again(mine, committed) if touched or differ or changed_lines else None


def digest(committed: pl.DataFrame, month: str) -> str:
    """Of what commitments did in a month; '': nothing."""
    rows = committed.filter(month=month)
    return _hash(rows.rows()) if rows.height else ""


def _close_known(standing: Mapping[str, closing.Line], day: date) -> int | None:
    """What the first close knew that has charges of the day, in whatever zone its months begin."""
    near = {f"{day + timedelta(days=shift):%Y-%m}" for shift in (-1, 0, 1)}
    return min((standing[month].known for month in near if month in standing), default=None)


def _near(month: str) -> set[str]:
    """The month and its neighbors, in which charges of it may lie."""
    first = closing.first_day(month)
    return {month, closing.following(month), f"{first - timedelta(days=1):%Y-%m}"}


def lines(lake: Lake, one: Due, todo: Sequence[plan.Day], staged: Sequence[StagedFile], config: Config) -> Lines:
    """The month's lines; `staged` has the charges of the days `todo`."""
    charges = _charges(lake, todo, staged)
    own = [_reconciled(lake, bill, charges, one.committed, config) for bill in one.bills]
    corrected = _corrections(lake, one, charges, config)
    promised = _promised(one.committed, config)
    return Lines(
        pl.concat([corrected, *(part.lines for part in own), credited.lines(one.credits), promised]),
        pl.concat([RECONCILIATION.empty().drop("publication"), *(part.rows for part in own)]),
    )


def _promised(committed: pl.DataFrame, config: Config) -> pl.DataFrame:
    """LINES as adjustments: what is nobody's goes to the team that runs the platform in that month."""
    months = committed.partition_by("month", as_dict=True)
    return pl.concat(
        [
            ADJUSTMENTS.empty().drop("publication"),
            *(adjustments(rows, platform_of(config, str(month))) for (month,), rows in months.items()),
        ]
    )


def _reconciled(lake: Lake, bill: Bill, charges: pl.LazyFrame, committed: pl.DataFrame, config: Config) -> Reconciled:
    mine = charges.filter(month=bill.month).filter(pl.col("provider").fill_null("") == bill.provider)
    promised = committed.filter(month=bill.month, provider=bill.provider)
    return reconciled(lake, bill, mine.collect(engine="streaming"), promised, config)


def _corrections(lake: Lake, one: Due, charges: pl.LazyFrame, config: Config) -> pl.DataFrame:
    standing = closing.standing(closing.closes(lake))
    days = pl.LazyFrame(one.days, schema={"cluster": pl.String, "day": pl.Date}, orient="row")
    names = [line.publication for line in standing.values()]
    booked = closing.charges(lake).filter(pl.col("publication").is_in(names))
    of_days = booked.join(days, on=("cluster", "day"), how="semi")
    known = charges.filter(pl.col("month").is_in(list(standing))).join(days, on=("cluster", "day"), how="semi")
    shaped = known.with_columns(corrects=pl.lit(None, pl.String)).select(ADJUSTMENTS.names[:-1])
    was, now = [of_days.collect(engine="streaming")], [shaped.collect(engine="streaming")]
    if one.again:
        was.append(booked.filter(pl.col("cluster").is_null()).collect(engine="streaming"))
        now += [_reconciled(lake, bill, charges, one.again.committed, config).lines for bill in one.again.bills]
        now.append(credited.lines([c for c in credits_of(lake) if c.month in standing]))
        now.append(_promised(one.again.committed, config))
    return ledger.corrections(pl.concat(was), pl.concat(now), one.month)


def _charges(lake: Lake, todo: Sequence[plan.Day], staged: Sequence[StagedFile]) -> pl.LazyFrame:
    """Charges of every cluster-day as they will be once the run is published."""
    redone = _redone(todo)
    kept = [(x.cluster, x.day, x.publication) for x in lake.live() if (x.cluster, x.day) not in redone]
    schema = {"cluster": pl.String, "day": pl.Date, "publication": pl.String}
    live = pl.LazyFrame(kept, schema=schema, orient="row")
    before = lake.scan(CHARGES, lake.snapshot().files.get(CHARGES.name, [])).join(live, on=list(schema), how="semi")
    return pl.concat([before, lake.scan(CHARGES, [f.path for f in staged if f.table == CHARGES.name])])
