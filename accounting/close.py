"""Closing a month: its charges are copied into the ledger, chained, and told to each team."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Sequence
from contextlib import closing as closed_after
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

import sql
from accounting import checks, months, pipeline, plan, tolerance
from accounting.billed import bills
from accounting.core.cents import in_cents
from accounting.core.ledger import SORT, digest
from accounting.disputes import credits_of
from accounting.errors import InputError, Refused
from accounting.pipeline import Progress
from accounting.project import Project
from accounting.stores import closing
from accounting.stores.closing import Issued, Line
from accounting.tables import LEDGER


@dataclass(frozen=True, slots=True)
class Closed:
    """What a close fixed: its line, and the first and last number of the statements that it issued."""

    line: Line
    first: int
    last: int


def close(project: Project, month: str, now: int, progress: Progress) -> Closed:
    """Closes a month. Raises `InputError` where it cannot be closed yet, saying what to do; nothing is changed then."""
    lake = project.lake
    lines = closing.closes(lake)
    progress("looking at the month", None)
    known, credits = max((one.seq for one in lake.live()), default=0), len(credits_of(lake))
    _check_turn(project, lines, month, now)
    rows = _charges(project, month)
    _check_whole(project, rows, month)
    tolerance.check(project, month)
    progress("checking", None)
    _check_laws(project, month)
    name = f"close-{month}-{len(lines) + 1:04d}"
    file = lake.stage(LEDGER, rows.with_columns(publication=pl.lit(name)))
    issued = _statements(rows)
    line = _chained(
        Line(
            seq=len(lines) + 1,
            month=month,
            action="close",
            publication=name,
            made_at=now,
            who=getpass.getuser(),
            reason="",
            rows=rows.height,
            cost=exact(total(rows)),
            currency=str(rows["currency"].drop_nulls().first()),
            known=known,
            versions=_versions(project, rows, month),
            previous=lines[-1].sha256 if lines else "",
            rows_sha256=digest(rows),
            sha256="",
        ),
        issued,
    )
    try:
        numbers = closing.write(lake, line, [file], issued, credits)
    except BaseException:
        lake.discard([file])
        raise
    return Closed(line, numbers[0], numbers[-1])


def reopen(project: Project, month: str, reason: str, now: int) -> Line:
    """Opens the last closed month again: its close and its statements stay on record, and count no more.

    Raises `InputError` where the month is not the last closed one, or no reason is given.
    """
    if not reason.strip():
        raise InputError("--reason is empty: say why the month is opened again; it stays on record")
    lines = closing.closes(project.lake)
    standing = closing.standing(lines)
    if month not in standing:
        raise InputError(f"{month} is not closed; closed are: {', '.join(standing) or 'none'}")
    if month != max(standing):
        raise InputError(f"{month}: a later month is closed: open {max(standing)} first, and close it again afterwards")
    close_line = standing[month]
    line = _chained(
        replace(
            close_line,
            seq=len(lines) + 1,
            action="reopen",
            made_at=now,
            who=getpass.getuser(),
            reason=reason.strip(),
            versions="{}",
            previous=lines[-1].sha256,
            rows_sha256="",
        ),
        (),
    )
    closing.write(project.lake, line, ())
    return line


def _check_turn(project: Project, lines: Sequence[Line], month: str, now: int) -> None:
    standing = closing.standing(lines)
    if month in standing:
        raise InputError(
            f"{month} is closed already, since {_instant(standing[month].made_at)} ({standing[month].publication})"
        )
    with closed_after(project.lake_reader()) as reader:
        months = reader.query(sql.read("commands/months"))["month"].unique().sort().to_list()
    if month not in months:
        raise InputError(
            f"there are no charges in {month}" + (f": there are some in {', '.join(months)}" if months else "")
        )
    before = [one for one in months if one < month and one not in standing]
    if before:
        raise InputError(f"{before[0]} is open: close it before {month}, as months are closed in order")
    ends = [_end(month, zone) for zone in (*project.config.zones.values(), "UTC")]
    if max(ends) > now:
        raise InputError(f"{month} is not over: it ends {_instant(max(ends))}")


def _end(month: str, zone: str) -> int:
    first = closing.first_day(closing.following(month))
    return int(datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def _charges(project: Project, month: str) -> pl.DataFrame:
    """All charges of the month, in the sort order of the ledger, as rows of `LEDGER` without `publication`."""
    with closed_after(project.lake_reader()) as reader:
        rows = reader.query(sql.read("commands/charges_of_month"), {"month": month, "team": None})
    return rows.select(pl.col(c.name).cast(c.dtype) for c in LEDGER.columns[:-1]).sort(SORT, nulls_last=True)


def _check_whole(project: Project, rows: pl.DataFrame, month: str) -> None:
    """Raises `InputError` where something of the month is not accounted or has no price."""
    inventory, _, waiting, _ = pipeline.pending(project.config)
    mine = [one for one in waiting if _near(one.day.isoformat()[:7], month)]
    if mine or pipeline.months_due(project.config, inventory):
        days = f"{len(mine):,} cluster-days near {month} wait" if mine else "corrections wait"
        raise InputError(f"{days} for a run: `chipledger run`, look at the result, and close again")
    unpriced = rows.filter(pl.col("cost").is_null())
    if unpriced.height:
        sku = unpriced.select("accelerator", "provider", "region", "purchase").row(0)
        hours = unpriced["device_seconds"].sum() / 3600
        raise InputError(
            f"{month} has {hours:,.3f} hours without a price, the first of {' '.join(filter(None, sku))}:"
            " import prices and run; nothing is closed at 0"
        )


def _near(day_month: str, month: str) -> bool:
    return day_month in (month, closing.following(month)) or closing.following(day_month) == month


def _check_laws(project: Project, month: str) -> None:
    inventory, spans, _, _ = pipeline.pending(project.config)
    skip = {(x.cluster, x.day) for x in project.lake.live() if x.day.isoformat()[:7] != month}
    verdict = checks.check_published(project.lake, inventory, spans, project.config.policies, skip)
    if verdict.failures:
        raise Refused(f"{month} was not closed: {verdict.failures[0]} ({len(verdict.failures)} checks failed)")


def _statements(rows: pl.DataFrame) -> list[Issued]:
    """What each team pays, in order of names: cents that add up to the month's rounded total."""
    costs: dict[str, Decimal] = dict(rows.group_by("team").agg(pl.col("cost").sum()).sort("team").iter_rows())
    amounts = in_cents(costs)
    return [Issued(team, exact(cost), exact(amounts[team])) for team, cost in costs.items()]


def _versions(project: Project, rows: pl.DataFrame, month: str) -> str:
    """What the charges were made from, so that it can be said later: as JSON."""
    config, lake = project.config, project.lake
    inventory, spans, _, _ = pipeline.pending(config)
    said: dict[str, Any] = {
        "chipledger": version("chipledger"),
        "numbers": plan.NUMBERS,
        "watermarks": {span.cluster: span.watermark for span in spans},
        "imports": [one.seq for one in lake.imports(live_only=True)],
        "policies": {one.name: one.digest for one in config.policies},
        "prices": sorted(set(rows["price_id"].drop_nulls())),
        "zones": config.zones,
        "bills": {bill.provider: bill.digest for bill in bills(lake, config) if bill.month == month},
        "commitments": months.digest(inventory.committed.lines, month),
    }
    return json.dumps(said, sort_keys=True)


def _chained(line: Line, issued: Sequence[Issued]) -> Line:
    """The line with its SHA-256, over all that it says, its statements, and the line before it."""
    return replace(line, sha256=line_sha256(line, issued))


def line_sha256(line: Line, issued: Sequence[Issued]) -> str:
    """SHA-256 (hex) of a line and of the statements issued with it; what `line.sha256` says does not count."""
    said = (astuple(replace(line, sha256="")), [astuple(one) for one in issued])
    return hashlib.sha256(repr(said).encode()).hexdigest()


def total(rows: pl.DataFrame) -> Decimal:
    """The cost of charges."""
    costs: list[Decimal] = rows["cost"].drop_nulls().to_list()
    return sum(costs, Decimal(0))


def exact(amount: Decimal) -> str:
    """An amount as text, the same from every store."""
    return f"{amount:.9f}"


def _instant(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%SZ}"
