"""Sums of charges as lines in whole cents; every list adds up to the amount above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from accounting.core.cents import in_cents

ZERO = Decimal(0)
HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Line:
    """Charges that have `key` in common: cost in whole cents (None: nothing of it is priced), accelerator-hours.

    `used` is the cost of the part that was busy (exact; None: not observed). A line that stands for `more` than one
    key has none.
    """

    key: tuple[str, ...]
    cost: Decimal | None
    hours: Decimal
    unpriced: Decimal
    used: Decimal | None
    more: int = 0


def lines(charges: pl.DataFrame, by: Sequence[str], amount: Decimal | None) -> list[Line]:
    """A line for each value of `by`, the dearest first; NULL is ''. Costs add up to `amount`, whole cents."""
    seconds = pl.col("device_seconds")
    summed = charges.group_by(pl.col(name).cast(pl.String).fill_null("") for name in by).agg(
        pl.when(pl.col("cost").is_not_null().any()).then(pl.col("cost").sum()).alias("cost"),
        pl.when(pl.col("used_cost").is_not_null().any()).then(pl.col("used_cost").sum()).alias("used"),
        seconds.fill_null(0).sum().alias("seconds"),
        seconds.filter(pl.col("cost").is_null()).fill_null(0).sum().alias("unpriced"),
    )
    rows = {tuple(row[name] for name in by): row for row in summed.iter_rows(named=True)}
    cents = in_cents({key: row["cost"] for key, row in rows.items() if row["cost"] is not None}, amount)
    made = [
        Line(key, cents.get(key), row["seconds"] / HOUR, row["unpriced"] / HOUR, row["used"])
        for key, row in rows.items()
    ]
    return sorted(made, key=lambda line: (-(line.cost or ZERO), -line.hours, line.key))


def first(found: Sequence[Line], count: int) -> list[Line]:
    """The first lines; what is more than `count` is one line at the end."""
    if len(found) <= count + 1:
        return list(found)
    rest = found[count:]
    folded = Line(
        (),
        whole([line.cost for line in rest]),
        sum((line.hours for line in rest), ZERO),
        sum((line.unpriced for line in rest), ZERO),
        whole([line.used for line in rest]),
        len(rest),
    )
    return [*found[:count], folded]


def hours(charges: pl.DataFrame) -> Decimal:
    """Accelerator-hours of charges; kinds without time have none."""
    return Decimal(charges["device_seconds"].sum()) / HOUR


def whole(parts: Sequence[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None where nothing is."""
    known = [part for part in parts if part is not None]
    return sum(known, ZERO) if known else None
