"""Lines of months, beside the days of clusters: what a run finds out about closed months goes into the open one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from accounting import plan
from accounting.core import ledger
from accounting.stores import closing
from accounting.stores.lake import Lake, Live, StagedFile
from accounting.tables import ADJUSTMENTS, CHARGES

DayKey = tuple[str, date]


@dataclass(frozen=True, slots=True)
class Due:
    """An open month whose lines have to be computed; `base` is the seq of the publication that they replace.

    `days` are those cluster-days of closed months that were published after their close.
    """

    month: str
    fingerprint: str
    base: int
    days: tuple[DayKey, ...] = ()


def due(lake: Lake, todo: Sequence[plan.Day]) -> list[Due]:
    """The months whose lines would change once the days `todo` are published."""
    live = lake.live()
    standing = closing.standing(closing.closes(lake))
    published = {one.day.isoformat()[:7]: one for one in live if one.cluster == closing.MONTHS}
    target = closing.following(max(standing)) if standing else None
    found = []
    for month in sorted({*published, *([target] if target else [])} - standing.keys()):
        changed = _changed(standing, live, todo) if month == target else {}
        fingerprint = _fingerprint(changed, standing) if changed else plan.EMPTY
        now = published.get(month)
        if (now.fingerprint if now else plan.EMPTY) != fingerprint:
            found.append(Due(month, fingerprint, now.seq if now else 0, tuple(sorted(changed))))
    return found


def _changed(standing: Mapping[str, closing.Line], live: Sequence[Live], todo: Sequence[plan.Day]) -> dict[DayKey, str]:
    """Days of closed months that were published after the close, or will be; each with its fingerprint."""
    later = {(d.span.cluster, d.day): d.fingerprint for d in todo if _close_known(standing, d.day) is not None}
    for one in live:
        known = _close_known(standing, one.day)
        if one.cluster != closing.MONTHS and known is not None and one.seq > known:
            later.setdefault((one.cluster, one.day), one.fingerprint)
    return later


def _close_known(standing: Mapping[str, closing.Line], day: date) -> int | None:
    """What the first close knew that has charges of the day, in whatever zone its months begin."""
    near = {f"{day + timedelta(days=shift):%Y-%m}" for shift in (-1, 0, 1)}
    return min((standing[month].known for month in near if month in standing), default=None)


def _fingerprint(changed: Mapping[DayKey, str], standing: Mapping[str, closing.Line]) -> str:
    said = (sorted(changed.items()), [line.sha256 for line in standing.values()])
    return hashlib.sha256(repr(said).encode()).hexdigest()[:32]


def lines(lake: Lake, one: Due, todo: Sequence[plan.Day], staged: Sequence[StagedFile]) -> pl.DataFrame:
    """Rows of `ADJUSTMENTS` for the month, without `publication`; `staged` has the charges of the days `todo`."""
    standing = closing.standing(closing.closes(lake))
    days = pl.DataFrame(one.days, schema={"cluster": pl.String, "day": pl.Date}, orient="row")
    key = ("cluster", "day")
    names = [line.publication for line in standing.values()]
    booked = closing.charges(lake).filter(pl.col("publication").is_in(names)).join(days.lazy(), on=key, how="semi")
    known = (
        _charges(lake, todo, staged).filter(pl.col("month").is_in(list(standing))).join(days.lazy(), on=key, how="semi")
    )
    shaped = known.with_columns(corrects=pl.lit(None, pl.String)).select(ADJUSTMENTS.names[:-1])
    return ledger.corrections(booked.collect(engine="streaming"), shaped.collect(engine="streaming"), one.month)


def _charges(lake: Lake, todo: Sequence[plan.Day], staged: Sequence[StagedFile]) -> pl.LazyFrame:
    """Charges of every cluster-day as they will be once the run is published."""
    redone = {(d.span.cluster, d.day) for d in todo}
    kept = [(x.cluster, x.day, x.publication) for x in lake.live() if (x.cluster, x.day) not in redone]
    schema = {"cluster": pl.String, "day": pl.Date, "publication": pl.String}
    live = pl.LazyFrame(kept, schema=schema, orient="row")
    before = lake.scan(CHARGES, lake.snapshot().files[CHARGES.name]).join(live, on=list(schema), how="semi")
    return pl.concat([before, lake.scan(CHARGES, [f.path for f in staged if f.table == CHARGES.name])])
