"""A month as a journal for the general ledger."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from decimal import Decimal

import polars as pl

from accounting.config import GlTable
from accounting.core.journal import Accounts, entries
from accounting.errors import InputError
from accounting.reports.month import Month
from accounting.reports.statement.figures import amounts

_AMOUNT = pl.Decimal(38, 2)
SCHEMA = {
    "date": pl.Date(),
    "journal_id": pl.String(),
    "line": pl.Int64(),
    "account": pl.String(),
    "cost_center": pl.String(),
    "debit": _AMOUNT,
    "credit": _AMOUNT,
    "currency": pl.String(),
    "description": pl.String(),
}


def journal(month: Month, chart: GlTable) -> pl.DataFrame:
    """Lines of SCHEMA, dated the month's last day; debits and credits are equal, in whole cents.

    A closed month's journal is numbered after its close; an open one's is a draft. Raises `InputError` where charges
    have no cost.
    """
    charges = month.charges
    unpriced = charges.filter(pl.col("cost").is_null()).height
    if unpriced:
        raise InputError(
            f"{month.period.month}: {unpriced:,} charges have no price, and a journal has no line for them: import"
            " prices and run; nothing is booked at 0"
        )
    accounts = Accounts(chart.expense, chart.recovery, chart.cost_center, chart.by_kind)
    shares = amounts(month.teams, month)
    mine = shares if month.team is None else {month.team: shares[month.team]}
    year, number = map(int, month.period.month.split("-"))
    last = date(year, number, monthrange(year, number)[1])
    name = f"DRAFT-{month.stem}" if month.period.open else f"CL-{month.stem}-{month.period.close:04d}"
    currency = charges["currency"].item(0)
    rows = [
        (last, name, line, one.account, one.cost_center or None, one.debit, one.credit, currency, one.description)
        for line, one in enumerate(entries(_costs(charges), mine, accounts), 1)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _costs(charges: pl.DataFrame) -> dict[tuple[str, str, str], Decimal]:
    summed = charges.group_by("team", pl.col("cost_center").fill_null(""), "charge_kind").agg(pl.col("cost").sum())
    return {(team, center, kind): cost for team, center, kind, cost in summed.iter_rows()}
