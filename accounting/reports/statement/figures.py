"""What a statement says: amounts in whole cents that add up, and why they are not those of the month before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from accounting.core.cents import in_cents
from accounting.core.movement import Movement, Spent, movement, told
from accounting.kinds import NOT_HOURS
from accounting.reports.month import Month
from accounting.reports.statement.sums import HOUR, ZERO, Line, hours, lines, whole

SKU = ("accelerator", "provider", "region", "purchase")


@dataclass(frozen=True, slots=True)
class Change:
    """How the amount differs from `before`, that of the month before: `parts` add up to the difference.

    `days` are the days with charges in that month; `unpriced` are its hours without a price, in no part.
    """

    month: str
    before: Decimal
    parts: Movement
    skus: list[tuple[tuple[str, ...], Spent | None, Spent | None]]
    days: int
    unpriced: Decimal


@dataclass(frozen=True, slots=True)
class Figures:
    """`amount` is what the scope pays, in whole cents, None where nothing is priced; lists of lines add up to it.

    `idle` (workloads) and `free` (pools) add up to their lines in `kinds`.
    """

    amount: Decimal | None
    days: int
    hours: Decimal
    unpriced: Decimal
    unobserved: Decimal
    used: Decimal | None
    change: Change | None
    not_compared: str
    kinds: list[Line]
    teams: list[Line]
    models: list[Line]
    workloads: list[Line]
    owners: list[Line]
    idle: list[Line]
    free: list[Line]
    corrections: list[Line]
    without_price: list[Line]


def figures(now: Month, before: Month | None) -> Figures:
    """Of a month and of the month before, None: it has no charges. Both are of the same scope."""
    charges, amount = now.charges, amount_of(now)
    kinds = lines(charges, ("charge_kind",), amount)
    by_kind = {line.key[0]: line for line in kinds}
    change, not_compared = _change(now, before, amount)

    def part(kind: str, *by: str) -> list[Line]:
        known = by_kind.get(kind)
        return lines(charges.filter(charge_kind=kind), by, known.cost) if known else []

    unobserved = pl.col("state").is_in(("allocated_unobserved", "unobserved"))
    return Figures(
        amount=amount,
        days=_days(charges),
        hours=hours(charges),
        unpriced=_unpriced(charges),
        unobserved=hours(charges.filter(unobserved)),
        used=whole([line.used for line in kinds]),
        change=change,
        not_compared=not_compared,
        kinds=kinds,
        teams=team_lines(now),
        models=lines(charges, ("model", "purpose"), amount),
        workloads=lines(charges, ("workload_id", "cluster", "owner_team", "model"), amount),
        owners=part("idle", "owner_team"),
        idle=part("idle", "workload_id", "cluster", "owner_team", "model"),
        free=part("unallocated", "cluster", "pool", "accelerator"),
        corrections=part("correction", "day", "team", "accelerator"),
        without_price=lines(charges.filter(pl.col("cost").is_null()), SKU, None),
    )


def amounts(costs: Mapping[str, Decimal], month: Month) -> dict[str, Decimal]:
    """What each team of a month pays, in whole cents: as it was told when the month was closed, else as it would be."""
    issued = {one.team: one.amount for one in month.period.statements}
    return issued or in_cents(costs)


def amount_of(month: Month) -> Decimal | None:
    """What the scope pays in whole cents: a team's share of the rounded month, or all shares."""
    shares = amounts(month.teams, month)
    if month.team is not None:
        return shares.get(month.team)
    return sum(shares.values(), ZERO) if shares else None


def team_lines(month: Month) -> list[Line]:
    """A line for each team of the scope, its cost what it pays."""
    shares = amounts(month.teams, month)
    found = lines(month.charges, ("team",), amount_of(month))
    told = [Line(one.key, shares.get(one.key[0]), one.hours, one.unpriced, one.used) for one in found]
    return sorted(told, key=lambda line: (-(line.cost or ZERO), line.key))


def _days(charges: pl.DataFrame) -> int:
    return charges.filter(_is_hours())["day"].n_unique()


def _unpriced(charges: pl.DataFrame) -> Decimal:
    return hours(charges.filter(pl.col("cost").is_null()))


def _change(now: Month, before: Month | None, amount: Decimal | None) -> tuple[Change | None, str]:
    if before is None:
        return None, "There are no charges in the month before: nothing is compared."
    then = amount_of(before)
    if amount is None or then is None:
        return None, "One of the two months has no priced hour: nothing is compared."
    currencies = {*now.charges["currency"].drop_nulls(), *before.charges["currency"].drop_nulls()}
    if len(currencies) > 1:
        return None, f"The month before is in another currency ({', '.join(sorted(currencies))}): nothing is compared."
    old, new = _spent(before.charges), _spent(now.charges)
    moved = movement(old, new, _other(now.charges) - _other(before.charges))
    skus = [(sku, old.get(sku), new.get(sku)) for sku in sorted({*old, *new})]
    days, unpriced = _days(before.charges), _unpriced(before.charges)
    return Change(before.period.month, then, told(moved, amount - then), skus, days, unpriced), ""


def _is_hours() -> pl.Expr:
    return pl.col("device_seconds").is_not_null() & ~pl.col("charge_kind").is_in(NOT_HOURS)


def _spent(charges: pl.DataFrame) -> dict[tuple[str, ...], Spent]:
    priced = charges.filter(_is_hours(), pl.col("cost").is_not_null())
    summed = priced.group_by(pl.col(name).fill_null("") for name in SKU).agg(
        pl.col("device_seconds").sum(), pl.col("cost").sum()
    )
    return {tuple(row[:-2]): Spent(row[-2] / HOUR, row[-1]) for row in summed.iter_rows()}


def _other(charges: pl.DataFrame) -> Decimal:
    return Decimal(charges.filter(~_is_hours())["cost"].sum() or 0)
