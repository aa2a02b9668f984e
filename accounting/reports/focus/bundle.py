"""The files of a month: Cost and Usage of both versions, and the datasets that 1.4 has beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from accounting.periods import Period
from accounting.reports.focus.rows import ACCOUNT, Issuer, cost_and_usage, profile

_LINE = ("InvoiceId", "BillingPeriodStart", "BillingPeriodEnd", "ChargeCategory", "ChargeClass", "BillingCurrency")


@dataclass(frozen=True, slots=True)
class Bundle:
    """Cost and Usage by version, the `datasets` of 1.4 by their names, all text; charges that had no cost."""

    cost_and_usage: dict[str, pl.DataFrame]
    datasets: dict[str, pl.DataFrame]
    left_out: int


def bundle(charges: pl.DataFrame, period: Period, issuer: Issuer, at: datetime) -> Bundle:
    """`charges` are those of the period's month; ones without a cost are left out and counted. `at`: the clock."""
    known = charges.filter(pl.col("cost").is_not_null())
    rows = cost_and_usage(known, period.month, issuer)
    lines = _lines(rows)
    detailed = rows.drop("InvoiceDetailId").join(
        lines.select(*_LINE, "InvoiceDetailId"), on=_LINE, how="left", nulls_equal=True, maintain_order="left"
    )
    versions = {"1.2": profile(rows, "1.2"), "1.4": profile(detailed, "1.4")}
    datasets = {
        "cost_and_usage": versions["1.4"],
        "invoice_detail": _details(lines, period, issuer, at),
        "billing_period": _periods(rows, period, issuer, at),
    }
    return Bundle(versions, datasets, charges.height - known.height)


def _lines(rows: pl.DataFrame) -> pl.DataFrame:
    """One line of an invoice for each kind of charge on it."""
    cost = pl.col("BilledCost").str.to_decimal(scale=9)
    summed = rows.group_by(_LINE).agg(cost.sum().alias("BilledCost")).sort(_LINE, nulls_last=True)
    number = (pl.int_range(pl.len()).over("InvoiceId") + 1).cast(pl.String)
    return summed.with_columns(InvoiceDetailId=pl.concat_str("InvoiceId", number, separator="-"))


def _details(lines: pl.DataFrame, period: Period, issuer: Issuer, at: datetime) -> pl.DataFrame:
    issued = _instant(period.closed_at or at)
    what = pl.coalesce("ChargeClass", "ChargeCategory")
    return lines.select(
        "BilledCost",
        BillingAccountId=pl.lit(ACCOUNT),
        BillingCurrency="BillingCurrency",
        BillingPeriodEnd="BillingPeriodEnd",
        BillingPeriodStart="BillingPeriodStart",
        ChargeCategory="ChargeCategory",
        InvoiceDetailCreated=pl.lit(issued),
        InvoiceDetailDescription=pl.format("Accelerators, {}", what.str.to_lowercase()),
        InvoiceDetailGrain=pl.lit('{"ServiceName": "Accelerators"}'),
        InvoiceDetailId="InvoiceDetailId",
        InvoiceDetailLastUpdated=pl.lit(issued),
        InvoiceId="InvoiceId",
        InvoiceIssueDate=pl.lit(None if period.open else issued, pl.String),
        InvoiceIssueStatus=pl.lit("Open" if period.open else "Issued"),
        InvoiceIssuerName=pl.lit(issuer.name),
        PaymentDueDate=pl.lit(None, pl.String),
        PaymentTerms=pl.lit("Internal transfer"),
        ReferenceInvoiceId="InvoiceId",
    ).cast(pl.String)


def _periods(rows: pl.DataFrame, period: Period, issuer: Issuer, at: datetime) -> pl.DataFrame:
    spans = rows.select("BillingPeriodStart", "BillingPeriodEnd").unique().sort("BillingPeriodStart")
    return spans.select(
        BillingPeriodCreated="BillingPeriodStart",
        BillingPeriodEnd="BillingPeriodEnd",
        BillingPeriodLastUpdated=pl.lit(_instant(period.closed_at or at)),
        BillingPeriodStart="BillingPeriodStart",
        BillingPeriodStatus=pl.lit("Open" if period.open else "Closed"),
        InvoiceIssuerName=pl.lit(issuer.name),
    )


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
