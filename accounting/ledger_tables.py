"""Tables of months: what is charged beside the days of clusters, what was closed, and what was told to whom."""

from __future__ import annotations

from dataclasses import replace

from accounting.schema import Column, Table, columns

UNKNOWN_PLACE = ("cluster", "pool", "accelerator", "state", "device_seconds")
"""Columns of charges that a line of a month may leave out."""
CORRECTS = Column("corrects", "string", "The charge_id that a correction corrects; NULL: not a correction.")

CLOSES = Table(
    "closes",
    "What was closed and opened again, in order: each line holds the SHA-256 of the one before it.",
    ("seq",),
    columns(
        ("seq!", "int64", "Number of the line."),
        ("month!", "string", "Month, YYYY-MM."),
        ("action!", "string", "close or reopen."),
        (
            "publication!",
            "string",
            "Name of the close; its rows in `ledger` bear it. Of a reopening: that of the close.",
        ),
        ("made_at!", "timestamp", "When."),
        ("who!", "string", "The user of the host who did it."),
        ("reason!", "string", "Why it was opened again; '': a close."),
        ("rows!", "int64", "Charges of the month."),
        ("cost", "money", "Their cost."),
        ("currency", "string", "Currency."),
        ("known!", "int64", "Highest seq of `publications` that the close knew: later ones are corrections."),
        ("versions!", "string", "Watermarks, imports, policies and settings that the close froze, as JSON."),
        ("previous!", "string", "SHA-256 of the line before; '': the first."),
        ("rows_sha256!", "string", "SHA-256 of the charges, in sort order; '': a reopening."),
        ("sha256!", "string", "SHA-256 of all that this line says."),
    ),
)
STATEMENTS = Table(
    "statements",
    "What each team was told to pay, by number; numbers have no gaps.",
    ("number",),
    columns(
        ("number!", "int64", "Number of the statement."),
        ("month!", "string", "Month, YYYY-MM."),
        ("team!", "string", "Team that pays."),
        ("publication!", "string", "Close that issued it."),
        ("cost!", "money", "Sum of the team's charges."),
        ("amount!", "money", "What is to be paid, in whole cents; the amounts of a month add up to its rounded total."),
        ("currency!", "string", "Currency."),
        ("issued_at!", "timestamp", "When."),
    ),
)
DISPUTES = Table(
    "disputes",
    "What teams objected to and what came of it, in order: a dispute is opened by one line and answered by another.",
    ("seq",),
    columns(
        ("seq!", "int64", "Number of the line."),
        ("number!", "int64", "Number of the dispute: that of the line which opened it."),
        ("action!", "string", "open, credit or reject."),
        ("charge_id!", "string", "The charge."),
        ("month!", "string", "Month of the charge, YYYY-MM."),
        ("team!", "string", "Team that bears the charge."),
        ("cost!", "money", "What the charge came to then, with its corrections and what was credited before."),
        ("currency!", "string", "Currency."),
        ("credit", "money", "What is taken off; NULL: nothing."),
        ("payer", "string", "Team that bears it instead."),
        ("booked", "string", "Month in which the credit is charged, YYYY-MM."),
        ("made_at!", "timestamp", "When."),
        ("who!", "string", "The user of the host who wrote it."),
        ("reason!", "string", "Why."),
    ),
)


def of_months(charges: Table) -> tuple[Table, Table]:
    """The tables `adjustments` and `ledger`: charges without a place or time of their own are among their rows."""
    lines = [replace(c, required=c.required and c.name not in UNKNOWN_PLACE) for c in charges.columns]
    lines.insert(-1, CORRECTS)
    adjustments = replace(
        charges,
        name="adjustments",
        doc="Charges of a month that no day of a cluster has: corrections of closed months.",
        columns=tuple(lines),
    )
    ledger = replace(
        charges,
        name="ledger",
        doc="Charges of closed months, as they were closed; never changed.",
        columns=tuple(lines),
        cluster_by=("month", "team"),
    )
    return adjustments, ledger


PERIODS = {
    "month": "Month, YYYY-MM.",
    "state": "open or closed.",
    "rows": "Its charges.",
    "cost": "Their cost.",
    "currency": "Currency.",
    "unpriced_seconds": "Accelerator time without a price; NULL: none.",
    "close_seq": "Number of its close; NULL: open.",
    "closed_at": "When it was closed.",
    "closed_by": "The user of the host who closed it.",
    "statements": "Statements that were issued.",
    "rows_sha256": "SHA-256 of its charges, in sort order.",
    "sha256": "SHA-256 of the close, and of all before it.",
    "versions": "What the close froze, as JSON.",
}
"""Columns of the view `periods`."""
