"""What Google bills the simulated company: a month's invoice, and what of it comes later; every amount exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from accounting.simulate.company import DAY, HOUR, PRICES
from accounting.simulate.spans import cut
from accounting.simulate.truth import REPRICED, ZONES, middle, per_ms
from accounting.simulate.world import World, of_pool

PROVIDER = "gcp"
SKUS = {
    "H100-80GB": "Nvidia H100 80GB GPU",
    "A100-40GB": "Nvidia Tesla A100 GPU",
    "L4": "Nvidia L4 GPU",
    "H200": "H200 141GB GPU",
    "TPU-v5e": "TPU v5e",
}
"""What Google's SKUs say, by accelerator."""
HALF_USED = "A100-40GB"
"""Its resource commitment is of twice the hours; the search team owns it."""
OFFSET = "H100-80GB"
"""Its spend commitment, of the newer kind, is a tenth larger than what is used."""
PRICIER, PRICIER_BY = "L4", Decimal("0.0036")
"""Billed a little above the list on the first day."""
UNSEEN = ("Nvidia Tesla T4 GPU running in Americas", "sandbox", Decimal("8.4"), Decimal(24))
PROMOTION = Decimal(-250)
DAILY = (
    ("5002-CPU", "A3 Instance Core running in Americas", Decimal("31.25"), None),
    ("6001-DISK", "Storage PD Capacity", Decimal("4.1"), "search"),
    ("7001-NET", "Network Internet Data Transfer Out from Americas", Decimal("2.75"), None),
)
"""SKU, text, cost of a day, the team that a label names."""
ROUNDING, GOODWILL, LATE = Decimal("-0.004"), Decimal("-5.25"), Decimal("6.5")
COLUMNS = (
    *("provider", "sku", "description", "service", "project", "usage_start", "usage_end", "quantity", "unit"),
    *("list_cost", "cost", "credits", "commitment_credits", "fee_offset", "currency", "invoice_month", "invoice_id"),
    *("export_time", "charge_type", "commitment_id", "label_team"),
)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invoice:
    """Lines of the month that is over, and those that come after its close, on the next invoice; amounts are text.

    `total`, `unused` and `credits` are of the first.
    """

    month: str
    lines: pl.DataFrame
    late: pl.DataFrame
    total: Decimal
    unused: Decimal
    credits: Decimal


def invoice(world: World) -> Invoice | None:
    """The invoice of the first month of the window; None: the month is not over."""
    zone = ZoneInfo(ZONES[PROVIDER])
    first = datetime.fromtimestamp(world.window.start / 1000, zone)
    edge = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=zone)
    ends = int(edge.timestamp()) * 1000
    if ends >= world.window.end:
        return None
    month, following = f"{first:%Y-%m}", f"{edge:%Y-%m}"
    used = _used(world, ends)
    lines = [*_accelerators(used, month), *_daily(used, month), *_others(used, month)]
    last = datetime.fromtimestamp(ends / 1000 - 86_400, UTC).date()
    late = [
        _line(last, following, "8001-SUP", "Support", LATE),
        _line(last, following, "1001-ADJ", "Goodwill for slow storage", GOODWILL, charge_type="adjustment"),
    ]
    return Invoice(
        month,
        _table(lines),
        _table(late),
        _sum(line["cost"] + line["credits"] for line in lines),
        _sum(line["_unused"] for line in lines),
        _sum(line["credits"] - line["commitment_credits"] - line["fee_offset"] for line in lines),
    )


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _used(world: World, ends: int) -> list[Row]:
    """By day, accelerator, purchase and price: milliseconds that were online before the month ended."""
    online = world.online.join(world.places, on="place").with_columns(
        provider=of_pool("provider"), accelerator=of_pool("accelerator"), end=pl.min_horizontal("end", pl.lit(ends))
    )
    mine = online.filter(pl.col("provider") == PROVIDER, pl.col("end") > pl.col("start"))
    pieces = cut(mine, [*range(world.window.start, ends + DAY, DAY), middle(world) + REPRICED]).with_columns(
        day=pl.col("start") // DAY, later=pl.col("start") >= middle(world) + REPRICED
    )
    keys = ("day", "accelerator", "purchase", "later")
    return pieces.group_by(keys).agg(ms=(pl.col("end") - pl.col("start")).sum()).sort(keys).to_dicts()


def _accelerators(used: list[Row], month: str) -> Iterator[Row]:
    for row in used:
        name, purchase, hours = row["accelerator"], row["purchase"], Decimal(row["ms"]) / HOUR
        text = f"{SKUS[name]}{' attached to Spot Preemptible VMs' * (purchase == 'spot')} running in Americas"
        said = (_date(row), month, f"{name}/{purchase}", f"Reserved {text}" if purchase == "reservation" else text)
        price = _price(row, purchase)
        if purchase == "committed" and name == HALF_USED:
            yield from _half_used(said, hours, price, _price(row, "on_demand"))
        elif purchase == "committed" and name == OFFSET:
            yield from _offset(said, hours, price)
        else:
            first = row["day"] == used[0]["day"]
            more = PRICIER_BY if first and name == PRICIER else Decimal(0)
            promised = PROMOTION if first and (name, purchase) == ("H100-80GB", "on_demand") else Decimal(0)
            yield _line(*said, (price + more) * hours, quantity=hours, unit="hour", credits=promised)


Said = tuple[date, str, str, str]


def _half_used(said: Said, hours: Decimal, price: Decimal, listed: Decimal) -> Iterator[Row]:
    """Usage at the list price, paid back by credits, and a fee for twice the hours."""
    day, month, _, text = said
    paid = -listed * hours
    yield _line(*said, -paid, quantity=hours, unit="hour", credits=paid, commitment_credits=paid)
    fee = {"charge_type": "commitment_fee", "commitment_id": "cud-a100", "label_team": "search"}
    text = f"Commitment v1: {SKUS[HALF_USED]} in Americas for 1 Year"
    cost = 2 * price * hours
    yield _line(day, month, f"{HALF_USED}/fee", text, cost, quantity=2 * hours, _unused=price * hours, **fee)


def _offset(said: Said, hours: Decimal, price: Decimal) -> Iterator[Row]:
    """Usage at the committed price, and a fee that is offset by it."""
    day, month, _, _ = said
    used, fee = price * hours, price * hours * Decimal("1.1")
    yield _line(*said, used, quantity=hours, unit="hour", commitment_id="cud-h100")
    more = {"charge_type": "commitment_fee", "commitment_id": "cud-h100", "credits": -used, "fee_offset": -used}
    text = f"Commitment - dollar based v1: {SKUS[OFFSET]}"
    yield _line(day, month, f"{OFFSET}/fee", text, fee, _unused=fee - used, **more)


def _price(row: Row, purchase: str) -> Decimal:
    for name, _, bought, price, later in PRICES:
        if name == row["accelerator"] and bought in (None, purchase):
            return Decimal(per_ms(later if later and row["later"] else price) * HOUR).scaleb(-9)
    raise KeyError(row["accelerator"])


def _daily(used: list[Row], month: str) -> Iterator[Row]:
    for day in sorted({_date(row) for row in used}):
        for sku, text, cost, team in DAILY:
            yield _line(day, month, sku, text, cost, label_team=team)


def _others(used: list[Row], month: str) -> Iterator[Row]:
    text, project, cost, hours = UNSEEN
    yield _line(_date(used[0]), month, "T4/on_demand", text, cost, project=project, quantity=hours, unit="hour")
    yield _line(_date(used[0]), month, "1000-ROUND", "Rounding error", ROUNDING, charge_type="rounding")


def _date(row: Row) -> date:
    return date(1970, 1, 1) + timedelta(days=row["day"])


def _line(day: date, month: str, sku: str, text: str, cost: Decimal, **more: object) -> Row:
    starts = datetime(day.year, day.month, day.day, tzinfo=UTC)
    zero = dict.fromkeys(("credits", "commitment_credits", "fee_offset", "_unused"), Decimal(0))
    return {
        "provider": PROVIDER,
        "sku": sku,
        "description": text,
        "service": "Compute Engine",
        "project": "acme-ml",
        "usage_start": f"{starts:%Y-%m-%dT%H:%M:%SZ}",
        "usage_end": f"{starts + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        "cost": cost,
        "currency": "USD",
        "invoice_month": month.replace("-", ""),
        "invoice_id": f"G-{month}",
        "export_time": f"{starts + timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}",
        "charge_type": "usage",
        **zero,
        **more,
    }


def _table(lines: list[Row]) -> pl.DataFrame:
    """Amounts as text: those of the price list times milliseconds have nine decimals at most."""
    told = [[_text(line.get(name)) for name in COLUMNS] for line in lines]
    return pl.DataFrame(told, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")


def _text(value: object) -> str | None:
    if isinstance(value, Decimal):
        return f"{value.quantize(Decimal('1e-9')):f}"
    return None if value is None else str(value)
