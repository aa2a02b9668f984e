"""A run: read, account partition by partition, stage, check, and switch all tables at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from accounting import checks, months, plan
from accounting.bill_tables import RECONCILIATION
from accounting.config import Config
from accounting.core.account import account
from accounting.core.partition import Results
from accounting.coverage import covering
from accounting.errors import Refused
from accounting.inventory import Inventory, Span, clusters, partition, spans, strangers, take
from accounting.project import Project
from accounting.stores.closing import MONTHS, first_day
from accounting.stores.lake import Conflict, Lake, PublishedDay, StagedFile, new_publication, now_ms
from accounting.tables import ADJUSTMENTS, RESULTS

Progress = Callable[[str, float | None], None]
"""Told what is being done, and how much of it is done (0 to 1; None: unknown)."""

ATTEMPTS = 3


@dataclass(slots=True)
class Report:
    """What a run did. Amounts are of the days it published; `publication` is None where nothing had changed.

    `corrections` has a row for each month that got lines about closed ones: month, lines, cost and currency;
    `reconciled` one for each bill, month and status: rows, and what was computed, billed and is different.
    `strangers`: cluster, name and number of the samples of what no job and no capacity names, of all days.
    """

    publication: str | None
    days: int
    up_to_date: int
    first: date | None = None
    last: date | None = None
    watermarks: dict[str, int | None] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    unpriced: list[dict[str, Any]] = field(default_factory=list)
    residual_seconds: Decimal = Decimal(0)
    residual_cost: Decimal = Decimal(0)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    reconciled: list[dict[str, Any]] = field(default_factory=list)
    strangers: list[dict[str, Any]] = field(default_factory=list)


def run(config: Config, first: date | None, last: date | None, progress: Progress) -> Report:
    """Publishes every day from `first` to `last` (inclusive) whose inputs changed.

    Raises `Refused` where a check fails, `InputError` where inputs contradict each other; nothing is published then.
    A run that loses against another one starts anew.
    """
    lake = Project(config).lake
    for attempt in range(ATTEMPTS):
        try:
            return _attempt(lake, config, first, last, progress)
        except Conflict:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def pending(
    config: Config, first: date | None = None, last: date | None = None
) -> tuple[Inventory, list[Span], list[plan.Day], int]:
    """What a run would do: inputs, spans, the days to do, and how many days are up to date."""
    lake = Project(config).lake
    with lake.reading():
        inventory = covering(take(lake, config.aliases, config.rates, config.grid), config.commitments, config.zones)
        found = spans(inventory, None if last is None else plan.epoch_ms(last) + 86_400_000)
    settings = {**{f"zone {k}": v for k, v in config.zones.items()}}
    published = [one for one in lake.live() if one.cluster != MONTHS]
    todo, clean = plan.days(inventory, found, published, config.policies, settings, first, last)
    return inventory, found, todo, clean


def months_due(config: Config, inventory: Inventory) -> list[months.Due]:
    """The open months whose lines a run would change, were no day of a cluster done."""
    return months.due(Project(config).lake, (), config, inventory.committed.lines)


def _attempt(lake: Lake, config: Config, first: date | None, last: date | None, progress: Progress) -> Report:
    started = now_ms()
    progress("reading inputs", None)
    inventory, found, todo, clean = pending(config, first, last)
    watermarks = {**dict.fromkeys(clusters(inventory)), **{s.cluster: s.watermark for s in found}}
    due = months.due(lake, todo, config, inventory.committed.lines)
    if not todo and not due:
        return Report(None, 0, clean, watermarks=watermarks)
    publication = new_publication(started)
    staged: list[StagedFile] = []
    try:
        _stage_all(lake, inventory, todo, config, publication, staged, progress)
        _stage_months(lake, due, todo, config, publication, staged)
        progress("checking", None)
        verdict = checks.check_staged(lake, inventory, found, config.policies, todo, staged)
        verdict.failures.extend(checks.check_months(lake, due, todo, staged))
        if verdict.failures:
            raise Refused(f"nothing was published: {verdict.failures[0]} ({len(verdict.failures)} checks failed)")
    except BaseException:
        lake.discard(staged)
        raise
    report = _report(publication, todo, due, clean, watermarks, staged, verdict)
    report.strangers = strangers(inventory).to_dicts()
    days = [PublishedDay(d.span.cluster, d.day, d.fingerprint, d.base) for d in todo]
    days += [PublishedDay(MONTHS, first_day(d.month), d.fingerprint, d.base) for d in due]
    try:
        lake.publish(publication, days, staged, started, now_ms(), _summary(report))
    except Conflict:
        lake.discard(staged)
        raise
    lake.sweep(now_ms(), config.keep_days * 86_400_000)
    return report


def _stage_all(
    lake: Lake,
    inventory: Inventory,
    todo: list[plan.Day],
    config: Config,
    publication: str,
    staged: list[StagedFile],
    progress: Progress,
) -> None:
    """Adds every file to `staged` as soon as it lies in the lake."""
    done = 0
    for chunk in plan.chunks(todo):
        progress(f"accounting {chunk[0].span.cluster} {chunk[0].day}", done / len(todo))
        if chunk[0].fingerprint != plan.EMPTY:
            _stage(lake, _account(inventory, chunk, config), publication, staged)
        done += len(chunk)


def _stage_months(
    lake: Lake,
    due: list[months.Due],
    todo: list[plan.Day],
    config: Config,
    publication: str,
    staged: list[StagedFile],
) -> None:
    for one in due:
        lines = months.lines(lake, one, todo, staged, config)
        for table, rows in ((ADJUSTMENTS, lines.adjustments), (RECONCILIATION, lines.reconciliation)):
            if rows.height:
                staged.append(lake.stage(table, rows.with_columns(publication=pl.lit(publication))))


def _account(inventory: Inventory, chunk: list[plan.Day], config: Config) -> Results:
    start, end = chunk[0].start, chunk[-1].start + 86_400_000
    halo = plan.halo_ms(config.policies)
    return account(partition(inventory, chunk[0].span, start, end, config.policies, config.zones, halo))


def _stage(lake: Lake, results: Results, publication: str, staged: list[StagedFile]) -> None:
    for table in RESULTS:
        frame: pl.DataFrame = getattr(results, table.name)
        if frame.height:
            staged.append(lake.stage(table, frame.with_columns(publication=pl.lit(publication))))


def _report(
    publication: str,
    todo: list[plan.Day],
    due: list[months.Due],
    clean: int,
    watermarks: dict[str, int | None],
    staged: list[StagedFile],
    verdict: checks.Verdict,
) -> Report:
    rows: dict[str, int] = {}
    for file in staged:
        rows[file.table] = rows.get(file.table, 0) + file.rows
    days = [*(d.day for d in todo), *(first_day(d.month) for d in due)]
    return Report(
        publication,
        len(todo),
        clean,
        min(days),
        max(days),
        watermarks,
        rows,
        verdict.totals,
        verdict.faults,
        verdict.unpriced,
        verdict.residual_seconds,
        verdict.residual_cost,
        corrections=verdict.corrections,
        reconciled=verdict.reconciled,
    )


def _summary(report: Report) -> dict[str, Any]:
    return {
        "from_day": str(report.first),
        "to_day": str(report.last),
        "cluster_days": report.days,
        "usage_rows": report.rows.get("usage", 0),
        "charge_rows": report.rows.get("charges", 0),
        "cost": None if report.totals["cost"] is None else str(report.totals["cost"]),
        "residual_seconds": str(report.residual_seconds),
        "residual_cost": str(report.residual_cost),
        "unpriced_seconds": str(report.totals["unpriced_seconds"] or 0),
    }
