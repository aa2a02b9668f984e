"""What Google bills the simulated company: a month's invoice, and what of it comes later; every amount exact.

Lines stand as Google's detailed billing export has them: `billing_export`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from accounting.simulate.billing_export import exported
from accounting.simulate.company import DAY, HOUR, PRICES, per_ms
from accounting.simulate.promises import (
    ACCELERATOR,
    OWN,
    OWN_ID,
    OWNER,
    RESERVED,
    SHARED,
    SHARED_ID,
    TOO_MANY,
    Promises,
)
from accounting.simulate.remote import fleet
from accounting.simulate.spans import cut
from accounting.simulate.truth import REPRICED, ZONES, middle
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
    ("5003-G2", "G2 Instance Core running in Americas", Decimal("6.5"), None),
    ("6001-DISK", "Storage PD Capacity", Decimal("4.1"), "search"),
    ("7001-NET", "Network Internet Data Transfer Out from Americas", Decimal("2.75"), None),
)
"""SKU, text, cost of a day, the team that a label names."""
TAX, ROUNDING, GOODWILL, LATE = Decimal("182.4"), Decimal("-0.004"), Decimal("-5.25"), Decimal("6.5")
EXPORTED_DAYS = 2
"""After its day a line is written; the next export has the lines of the last days once more."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Invoice:
    """Rows of the export of the month that is over, and of the one after its close, which the next invoice has.

    `total`, `unused` and `credits` are of the month, `later` is what is billed after it.
    """

    month: str
    rows: list[Row]
    rows_later: list[Row]
    total: Decimal
    unused: Decimal
    credits: Decimal
    later: Decimal


def invoice(world: World, units: Sequence[fleet.Unit] = ()) -> Invoice | None:
    """The invoice of the first month of the window; None: the month is not over.

    `units` are those of the clusters that only APIs tell of.
    """
    zone = ZoneInfo(ZONES[PROVIDER])
    first = datetime.fromtimestamp(world.window.start / 1000, zone)
    edge = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=zone)
    ends = int(edge.timestamp()) * 1000
    if ends >= world.window.end:
        return None
    month, following = f"{first:%Y-%m}", f"{edge:%Y-%m}"
    used = _used(world, units, ends)
    lines = [
        *_accelerators(used, month, middle(world) + REPRICED, world.promises),
        *_daily(used, month),
        *_others(used, month),
    ]
    last = datetime.fromtimestamp(ends / 1000 - 86_400, UTC).date()
    late = [
        _line(last, following, "8001-SUP", "Support", LATE),
        _line(last, following, "1001-ADJ", "Goodwill for slow storage", GOODWILL, charge_type="adjustment"),
    ]
    again = [line for line in lines if line["day"] > last - timedelta(days=EXPORTED_DAYS)]
    return Invoice(
        month,
        [exported(line, EXPORTED_DAYS) for line in lines],
        [exported(line, EXPORTED_DAYS) for line in again] + [exported(line, 2 * EXPORTED_DAYS) for line in late],
        _sum(line["cost"] + line["credits"] for line in lines),
        _sum(line["_unused"] for line in lines),
        _sum(line["credits"] - line["commitment_credits"] - line["fee_offset"] - line["_saved"] for line in lines),
        _sum(line["cost"] + line["credits"] for line in late),
    )


def _sum(amounts: Iterator[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def _used(world: World, units: Sequence[fleet.Unit], ends: int) -> list[Row]:
    """By day, accelerator, purchase and price: milliseconds that were online before the month ended."""
    online = world.online.join(world.places, on="place").with_columns(
        provider=of_pool("provider"), accelerator=of_pool("accelerator")
    )
    until = pl.min_horizontal("end", pl.lit(ends))
    rented = pl.concat([online.filter(pl.col("provider") == PROVIDER).select(_RENTED), _rented(world, units)])
    mine = rented.with_columns(end=until).filter(pl.col("end") > pl.col("start"))
    pieces = cut(mine, [*range(world.window.start, ends + DAY, DAY), middle(world) + REPRICED]).with_columns(
        day=pl.col("start") // DAY, later=pl.col("start") >= middle(world) + REPRICED
    )
    keys = ("day", "accelerator", "purchase", "later")
    return pieces.group_by(keys).agg(ms=(pl.col("end") - pl.col("start")).sum()).sort(keys).to_dicts()


_RENTED = ("accelerator", "purchase", "start", "end")


def _rented(world: World, units: Sequence[fleet.Unit]) -> pl.DataFrame:
    """A row for each device that units are of: it is there until the window ends."""
    start, end = fleet.begun(world.window.start, world.window.end), world.window.end
    devices = sorted({(unit.device, unit.accelerator) for unit in units})
    rows = [(accelerator, fleet.PURCHASE, start, end) for _, accelerator in devices]
    schema = dict(zip(_RENTED, (pl.String, pl.String, pl.Int64, pl.Int64), strict=True))
    return pl.DataFrame(rows, schema=schema, orient="row")


def _accelerators(used: list[Row], month: str, repriced: int, promises: Promises | None) -> Iterator[Row]:
    for row in used:
        first, window = row["day"] == used[0]["day"], _window(row, repriced)
        lines = _promised(row, month, promises) if promises and _begun(row, promises) else []
        for line in lines or _bought(row, month, first=first):
            yield line | window


def _begun(row: Row, promises: Promises) -> bool:
    return bool(row["day"] * DAY >= promises.begin)


def _promised(row: Row, month: str, promises: Promises) -> list[Row]:
    """What is billed for accelerators that there are commitments for."""
    hours = Decimal(row["ms"]) / HOUR
    if row["accelerator"] == ACCELERATOR:
        return [*_half(row, month, hours), *_rest(row, month, hours, hours / promises.there)]
    if (row["accelerator"], row["purchase"]) == (RESERVED, "reservation"):
        text = f"Reserved {SKUS[RESERVED]} running in Americas"
        time = hours / promises.reserved
        cost = _price(row, "reservation") * time
        unused = _line(_date(row), month, f"{RESERVED}/unused", text, cost, quantity=time, _unused=cost)
        return [*_bought(row, month, first=False), unused]
    return []


def _half(row: Row, month: str, hours: Decimal) -> Iterator[Row]:
    """Half of the hours at the list price, paid back by credits, and their fee."""
    day, paid = _date(row), _price(row, "on_demand") * hours / 2
    text = f"{SKUS[ACCELERATOR]} running in EMEA"
    back = {"credits": -paid, "commitment_credits": -paid}
    yield _line(day, month, f"{ACCELERATOR}/on_demand", text, paid, quantity=hours / 2, **back)
    fee = f"Commitment v1: {SKUS[ACCELERATOR]} in EMEA for 3 Years"
    more = {"charge_type": "commitment_fee", "commitment_id": SHARED_ID}
    yield _line(day, month, f"{ACCELERATOR}/fee", fee, SHARED * hours / 2, quantity=hours / 2, **more)


def _rest(row: Row, month: str, hours: Decimal, time: Decimal) -> Iterator[Row]:
    """The other half at the price of the commitment to spend, and its fee, which is offset by them."""
    day, used, spare = _date(row), OWN * hours / 2, OWN * time * TOO_MANY
    saved = used - _price(row, "on_demand") * hours / 2
    text = f"{SKUS[ACCELERATOR]} running in EMEA"
    said = {"quantity": hours / 2, "commitment_id": OWN_ID, "_saved": -saved}
    yield _line(day, month, f"{ACCELERATOR}/flexible", text, used, **said)
    more = {"charge_type": "commitment_fee", "commitment_id": OWN_ID, "credits": -used, "fee_offset": -used}
    fee = f"Commitment - dollar based v1: {SKUS[ACCELERATOR]}"
    yield _line(day, month, f"{ACCELERATOR}/spend", fee, used + spare, _unused=spare, label_team=OWNER, **more)


def _window(row: Row, repriced: int) -> Row:
    """The row's day, or its part before or after the prices changed: two parts are never the same line."""
    start, end = row["day"] * DAY, (row["day"] + 1) * DAY
    return {"start": max(start, repriced), "end": end} if row["later"] else {"start": start, "end": min(end, repriced)}


def _bought(row: Row, month: str, *, first: bool) -> Iterator[Row]:
    name, purchase, hours = row["accelerator"], row["purchase"], Decimal(row["ms"]) / HOUR
    text = f"{SKUS[name]}{' attached to Spot Preemptible VMs' * (purchase == 'spot')} running in Americas"
    said = (_date(row), month, f"{name}/{purchase}", f"Reserved {text}" if purchase == "reservation" else text)
    price = _price(row, purchase)
    if purchase == "committed" and name == HALF_USED:
        yield from _half_used(said, hours, price, _price(row, "on_demand"))
    elif purchase == "committed" and name == OFFSET:
        yield from _offset(said, hours, price)
    else:
        more = PRICIER_BY if first and name == PRICIER else Decimal(0)
        promised = PROMOTION if first and (name, purchase) == ("H100-80GB", "on_demand") else Decimal(0)
        yield _line(*said, (price + more) * hours, quantity=hours, credits=promised)


Said = tuple[date, str, str, str]


def _half_used(said: Said, hours: Decimal, price: Decimal, listed: Decimal) -> Iterator[Row]:
    """Usage at the list price, paid back by credits, and a fee for twice the hours."""
    day, month, _, text = said
    paid = -listed * hours
    yield _line(*said, -paid, quantity=hours, credits=paid, commitment_credits=paid)
    fee = {"charge_type": "commitment_fee", "commitment_id": "cud-a100", "label_team": "search"}
    text = f"Commitment v1: {SKUS[HALF_USED]} in Americas for 1 Year"
    cost = 2 * price * hours
    yield _line(day, month, f"{HALF_USED}/fee", text, cost, quantity=2 * hours, _unused=price * hours, **fee)


def _offset(said: Said, hours: Decimal, price: Decimal) -> Iterator[Row]:
    """Usage at the committed price, and a fee that is offset by it."""
    day, month, _, _ = said
    used, fee = price * hours, price * hours * Decimal("1.1")
    yield _line(*said, used, quantity=hours, commitment_id="cud-h100")
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
    yield _line(_date(used[0]), month, "T4/on_demand", text, cost, project=project, quantity=hours)
    yield _line(_date(used[0]), month, "1000-ROUND", "Rounding error", ROUNDING, charge_type="rounding")
    yield _line(_date(used[-1]), month, "1002-TAX", "Tax", TAX, charge_type="tax")


def _date(row: Row) -> date:
    return date(1970, 1, 1) + timedelta(days=row["day"])


def _line(day: date, month: str, sku: str, text: str, cost: Decimal, **more: object) -> Row:
    zero = dict.fromkeys(("credits", "commitment_credits", "fee_offset", "_unused", "_saved"), Decimal(0))
    start = (day - date(1970, 1, 1)).days * DAY
    said = {"day": day, "start": start, "end": start + DAY, "month": month, "sku": sku, "description": text}
    return {**said, "cost": cost, "project": "acme-ml", "charge_type": "usage", **zero, **more}
