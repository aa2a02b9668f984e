"""Providers' bills as imported: which months they are of, and each against what was computed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import polars as pl

from accounting.accelerators import canonical
from accounting.config import Config
from accounting.core.exchange import converted
from accounting.core.overhead import Rule
from accounting.core.pricing import book
from accounting.core.reconcile import Reconciled, Scope, reconcile
from accounting.errors import InputError
from accounting.inputs.effective import effective
from accounting.policy import in_force
from accounting.stores.closing import first_day
from accounting.stores.lake import Lake


@dataclass(frozen=True, slots=True)
class Bill:
    """A provider's bill of one month; `digest` is of all that it says and of who bears what is nobody's."""

    month: str
    provider: str
    digest: str
    platform: str


def bills(lake: Lake, config: Config) -> list[Bill]:
    """In order of months and providers."""
    rows = effective(lake, "invoice")
    told = rows.group_by("invoice_month", "provider").agg(
        pl.struct(pl.all().exclude("import_seq", "row")).hash(seed=0).sort().hash(seed=0).implode()
    )
    found = [
        (month, provider, str(sorted(hashes)), platform_of(config, month))
        for month, provider, hashes in told.collect(engine="streaming").iter_rows()
    ]
    return [
        Bill(m, p, hashlib.sha256(f"{said} {team}{rules_of(config, p) or ''}".encode()).hexdigest()[:16], team)
        for m, p, said, team in sorted(found)
    ]


def platform_of(config: Config, month: str) -> str:
    """The team that runs the platform when the month begins."""
    at = (first_day(month).toordinal() - 719_163) * 86_400_000
    return config.policies[in_force(config.policies, at)].platform_team


def rules_of(config: Config, provider: str) -> tuple[Rule, ...]:
    """Who bears what the provider bills beside accelerators, in order."""
    table = config.billing.get(provider)
    return tuple(Rule(one.match, one.by, one.team) for one in table.overhead) if table else ()


def lines_of(lake: Lake, bill: Bill, config: Config) -> pl.DataFrame:
    """The bill's lines, with the accelerators' own names."""
    mine = (pl.col("invoice_month") == bill.month) & (pl.col("provider") == bill.provider)
    rows = effective(lake, "invoice").filter(mine).collect(engine="streaming")
    names = {name: canonical(name, config.aliases).name for name in rows["accelerator"].drop_nulls().unique()}
    return rows.with_columns(pl.col("accelerator").replace_strict(names, default=None, return_dtype=pl.String))


def reconciled(lake: Lake, bill: Bill, charges: pl.DataFrame, committed: pl.DataFrame, config: Config) -> Reconciled:
    """`charges` and `committed` (LINES) are the provider's of the month.

    Raises `InputError` where the bill is in another currency.
    """
    invoice = lines_of(lake, bill, config)
    currencies = sorted({*invoice["currency"], *charges["currency"].drop_nulls()})
    if len(currencies) > 1:
        raise InputError(
            f"the bill of {bill.provider or 'a provider'} for {bill.month} and its charges are in"
            f" {' and '.join(currencies)}: import it in the currency of the ledger: rates are for prices only"
        )
    scope = Scope(
        bill.month,
        bill.provider,
        currencies[0],
        bill.platform,
        _bare(lake, config),
        rules_of(config, bill.provider),
        _told(config, bill.provider),
    )
    return reconcile(invoice, charges.filter(pl.col("cost").is_not_null()), committed, scope)


def _bare(lake: Lake, config: Config) -> frozenset[str]:
    """Ids of prices that cover the accelerator and not the host around it."""
    rows = effective(lake, "prices", config.aliases).filter(covers="accelerator").collect(engine="streaming")
    return frozenset(price.id for price in book(converted(rows, config.rates)))


def _told(config: Config, provider: str) -> frozenset[str]:
    """Commitments, and accelerators of those that are of one, whose unused part is not read from the bill."""
    mine = [one for one in config.commitments if one.provider == provider]
    named = [one.prices[0][0] for one in mine if one.kind != "spend"]
    return frozenset([*(one.id for one in mine), *named])
