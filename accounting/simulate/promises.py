"""What the company has promised Google: half of its L4s, more than the rest of them by spend, one H100 too many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from accounting.simulate.company import POOLS, PRICES, per_ms

ACCELERATOR, RESERVED = "L4", "H100-80GB"
SHARED, OWN = Decimal("0.3888"), Decimal("0.4500")
"""What an hour of an L4 costs by the commitment that all share, and by that of OWNER."""
OWNER = "search"
TOO_MANY = 2
"""L4s that the owner's commitment pays for, and that are not there."""
SHARED_ID, OWN_ID, RESERVED_ID = "cud-l4", "flex-l4", "reservation-h100"

_SETTINGS = """
# Half of the L4s: what it saves is everybody's who uses one.
[[commitment]]
id = "{shared_id}"
kind = "resource"
provider = "gcp"
region = "{region}"
from = {begin}
to = {end}
quantity = {shared}
prices = {{ L4 = {shared_price} }}

# The rest of them and more: what it saves and what nobody uses is the team's.
[[commitment]]
id = "{own_id}"
kind = "spend"
provider = "gcp"
from = {begin}
to = {end}
per_hour = {per_hour}
prices = {{ L4 = {own_price} }}
owner = "{owner}"
"""
_RESERVATION = """
# More than what runs in it: the rest is paid at the price of what runs.
[[commitment]]
id = "{id}"
kind = "reservation"
provider = "gcp"
region = "{region}"
purchase = "reservation"
from = {begin}
to = {end}
quantity = {quantity}
prices = {{ H100-80GB = {price} }}
owner = "research"
"""


@dataclass(frozen=True, slots=True)
class Promises:
    """From `begin` (ms, midnight) on: how many L4s there are, and how many H100s run in the reservation."""

    begin: int
    there: int
    reserved: int

    @property
    def shared(self) -> int:
        """L4s that the commitment pays for that all share."""
        return self.there // 2

    @property
    def blended(self) -> int:
        """What a millisecond of an L4 costs with it, in nano-units."""
        return (per_ms(str(SHARED)) + per_ms(price(ACCELERATOR, "on_demand"))) // 2

    def settings(self) -> str:
        """As tables of chipledger.toml."""
        begin = datetime.fromtimestamp(self.begin / 1000, UTC).date()
        said = {"begin": begin, "end": begin + timedelta(days=1096)}
        l4s = _SETTINGS.format(
            **said,
            shared_id=SHARED_ID,
            own_id=OWN_ID,
            region=_region(ACCELERATOR),
            shared=self.shared,
            shared_price=SHARED,
            own_price=OWN,
            owner=OWNER,
            per_hour=(self.there - self.shared + TOO_MANY) * OWN,
        )
        if not self.reserved:
            return l4s
        reserved = {"quantity": self.reserved + 1, "price": price(RESERVED, "reservation")}
        return l4s + _RESERVATION.format(**said, **reserved, id=RESERVED_ID, region=_region(RESERVED))


def promises(places: pl.DataFrame, begin: int) -> Promises:
    """What fits a fleet (`World.places`), from an instant on."""
    l4s = [number for number, pool in enumerate(POOLS) if pool.accelerator == ACCELERATOR]
    there = places.filter(pl.col("pool").is_in(l4s)).height
    return Promises(begin, there, places.filter(purchase="reservation").height)


def price(accelerator: str, purchase: str) -> str:
    """By the price list, before it changes."""
    return next(cost for name, _, bought, cost, _ in PRICES if name == accelerator and bought in (None, purchase))


def _region(accelerator: str) -> str:
    return next(pool.region for pool in POOLS if pool.accelerator == accelerator)
