"""What commitments did, as tables: prices of their own for what they share, and lines of months for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from accounting.core.adjustment import identity, money, table
from accounting.core.commitments import UNIT, Commitment, Settled, settle
from accounting.core.eligible import Levels
from accounting.core.pricing import COMMITTED, Price, Sku
from accounting.core.shares import nearest
from accounting.core.steps import DAY
from accounting.tables import INPUT_PRICES

SAVED, UNUSED = "credit", "commitment_unused"
"""Kinds of charges of what an owner is credited, and of what nobody used."""
LINES = {
    "day": pl.Date,
    "month": pl.String,
    "provider": pl.String,
    "accelerator": pl.String,
    "commitment": pl.String,
    "label": pl.String,
    "owner": pl.String,
    "charge_kind": pl.String,
    "nano": pl.Int64,
    "currency": pl.String,
}
"""Amounts of a day; `label` is the commitment as charges name it, `owner` NULL: the platform's."""
COVERED = {
    **dict.fromkeys(("accelerator", "provider", "region", "purchase"), pl.String),
    "start_ms": pl.Int64,
    "end_ms": pl.Int64,
    "commitment": pl.String,
    "covered_hours": pl.Float64,
    "eligible_hours": pl.Float64,
}
"""Accelerator-hours of a SKU between two instants, and those of them that a commitment covered."""
RATES: dict[str, pl.DataType | type[pl.DataType]] = {
    "accelerator": pl.String,
    "provider": pl.String,
    "region": pl.String,
    "purchase": pl.String,
    "price_per_hour": pl.Decimal(38, 9),
    "from_ms": pl.Int64,
    "to_ms": pl.Int64,
}
"""What a commitment makes of an hour of a SKU, from when to when."""
_SKU = ("accelerator", "provider", "region", "purchase")
_PRICES = {name: INPUT_PRICES.schema[name] for name in INPUT_PRICES.names}


@dataclass(frozen=True, slots=True)
class Committed:
    """`prices` are rows of `INPUT_PRICES` of kind committed, each of a day; `lines` are LINES, `covered` COVERED."""

    prices: pl.DataFrame
    lines: pl.DataFrame
    covered: pl.DataFrame
    commitments: tuple[Commitment, ...] = ()

    @property
    def rates(self) -> pl.DataFrame:
        """RATES of all."""
        rows = [
            (name, one.provider, one.region, one.purchase, money(price), one.start, one.end)
            for one in self.commitments
            for name, price in one.prices
        ]
        return pl.DataFrame(rows, schema=RATES, orient="row")


NOTHING = Committed(pl.DataFrame(schema=_PRICES), pl.DataFrame(schema=LINES), pl.DataFrame(schema=COVERED))


def committed(
    levels_of: Mapping[Sku, Levels],
    book: tuple[Price, ...],
    commitments: Sequence[Commitment],
    start: int,
    end: int,
    zone: ZoneInfo,
    currency: str,
) -> Committed:
    """What one provider's commitments did from `start` to `end` (ms); months begin in `zone`."""
    days = range(start - start % DAY + DAY, end, DAY)
    found = list(settle(levels_of, book, commitments, start, end, [*days, *_months(start, end, zone)]))
    return Committed(_prices(found, currency), _lines(found, commitments, zone, currency), _covered(found))


def together(parts: Iterable[Committed], commitments: Sequence[Commitment]) -> Committed:
    """What all commitments did, from what each provider's did."""
    some = [NOTHING, *parts]
    prices, lines, covered = (
        pl.concat([getattr(one, name) for one in some]) for name in ("prices", "lines", "covered")
    )
    return Committed(prices, lines, covered, tuple(commitments))


def adjustments(lines: pl.DataFrame, platform: str) -> pl.DataFrame:
    """LINES of a month as rows of `ADJUSTMENTS` without `publication`; nobody's are the platform's."""
    return table(_adjustment(one, platform) for one in lines.iter_rows(named=True))


def _adjustment(one: Mapping[str, Any], platform: str) -> dict[str, object]:
    said = {name: one[name] for name in ("day", "month", "provider", "accelerator", "charge_kind", "currency")}
    team = one["owner"] or platform
    return {
        **said,
        "charge_id": identity(*said.values(), team, one["label"]),
        "team": team,
        "price_id": one["label"] if one["charge_kind"] == UNUSED else None,
        "borne_by_rule": one["label"],
        "cost": money(one["nano"]),
    }


def _months(start: int, end: int, zone: ZoneInfo) -> list[int]:
    """Instants at which a billing month begins in between."""
    at = datetime.fromtimestamp(start / 1000, zone)
    found: list[int] = []
    year, month = at.year, at.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        instant = round(datetime(year, month, 1, tzinfo=zone).timestamp() * 1000)
        if instant >= end:
            return found
        found.append(instant)


def _prices(found: Iterable[Settled], currency: str) -> pl.DataFrame:
    """Prices of shared SKUs; what is alike on one day is one row."""
    rows: list[dict[str, object]] = []
    last: dict[Sku, dict[str, object]] = {}
    for one in found:
        for sku, price in one.prices.items():
            nano = one.blended(sku)
            if nano is None:
                continue
            row = _price(sku, price, nano, one, currency)
            known = last.get(sku)
            if known and known["end_ms"] == one.start and one.start % DAY and _alike(known, row):
                known["end_ms"] = one.end
            else:
                rows.append(row)
                last[sku] = row
    return pl.DataFrame(rows, schema=_PRICES)


def _price(sku: Sku, price: Price | None, nano: int, one: Settled, currency: str) -> dict[str, object]:
    return {
        **dict(zip(_SKU, sku, strict=True)),
        "import_seq": 0,
        "row": 0,
        "start_ms": one.start,
        "end_ms": one.end,
        "price_per_hour": money(nano),
        "currency": price.currency if price else currency,
        "covers": price.covers if price else "machine",
        "kind": COMMITTED,
    }


def _alike(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all(one[name] == other[name] for name in ("price_per_hour", "currency", "covers"))


def _lines(found: Iterable[Settled], commitments: Sequence[Commitment], zone: ZoneInfo, currency: str) -> pl.DataFrame:
    sums: dict[tuple[date, str, str, str | None, str], int] = {}
    alone = {one.id: one.prices[0][0] if len(one.prices) == 1 else None for one in commitments}
    for one in found:
        day = datetime.fromtimestamp(one.start / 1000, UTC).date()
        month = f"{datetime.fromtimestamp(one.start / 1000, zone):%Y-%m}"
        said: list[tuple[str, str | None, str, int]] = [
            *((name, accelerator, SAVED, -amount) for (name, accelerator), amount in one.saved.items()),
            *((name, alone[name], UNUSED, amount) for name, amount in one.unused.items()),
        ]
        for name, accelerator, kind, amount in said:
            key = (day, month, name, accelerator, kind)
            sums[key] = sums.get(key, 0) + amount
    known = {one.id: one for one in commitments}
    rows = [
        (day, month, one.provider, accelerator, name, label(one), one.owner, kind, nano, currency)
        for (day, month, name, accelerator, kind), amount in sums.items()
        for one in [known[name]]
        if (nano := nearest(amount, UNIT))
    ]
    order = ("day", "month", "commitment", "accelerator", "charge_kind")
    return pl.DataFrame(rows, schema=LINES, orient="row").sort(order)


def label(commitment: Commitment) -> str:
    """As charges name it."""
    return f"{'reservation' if commitment.kind == 'reservation' else 'commitment'}:{commitment.id}"


def _covered(found: Iterable[Settled]) -> pl.DataFrame:
    rows = [
        (*sku, one.start, one.end, name, quantity / UNIT, one.eligible[sku] / UNIT)
        for one in found
        for (sku, name), quantity in one.covered.items()
    ]
    return pl.DataFrame(rows, schema=COVERED, orient="row")
