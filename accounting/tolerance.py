"""How far a bill may be from what was computed before somebody has to look: a close beyond that is refused."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal

import sql
from accounting.config import BillingTable
from accounting.errors import InputError
from accounting.project import Project


def check(project: Project, month: str) -> None:
    """Raises `InputError` where a provider's differences, added up without their signs, exceed its tolerance."""
    with closing(project.lake_reader()) as reader:
        rows = reader.query(sql.read("commands/unreconciled"), {"month": month})
    for provider, billed, difference, currency in rows.iter_rows():
        settings = project.config.billing.get(provider, BillingTable())
        allowed = max(abs(billed) * settings.tolerance / 100, settings.tolerance_amount)
        if difference > allowed:
            raise InputError(_said(provider, month, difference, allowed, currency))


def _said(provider: str, month: str, difference: Decimal, allowed: Decimal, currency: str) -> str:
    return (
        f"{month}: the bill of {provider or 'a provider'} and the charges differ by {difference:,.2f} {currency},"
        f" more than the {allowed:,.2f} that are tolerated: see the view `reconciliation`; import what is missing, or"
        f" set tolerance in [billing.{provider or 'PROVIDER'}]"
    )
