"""The instants at which accounted time is cut: hours, months, policies, prices, and changes of a place's lots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import polars as pl

from accounting.core.exchange import missing
from accounting.core.partition import Partition
from accounting.core.places import LOT, NO_LOT, Site
from accounting.core.pricing import Price, Sku, Span, listed, spans
from accounting.core.steps import DAY, HOUR, packed
from accounting.policy import in_force


@dataclass(frozen=True, slots=True)
class Ticks:
    """`table`: tick (row number), key (packed place and instant), place, start, end, hour, policy, sorted by key.

    `lots`: tick, lot, quantity (millionths of capacity bought in that lot; ties and lack of capacity are settled),
    month, price, list_price (row numbers in `book`, NULL: unpriced). `shares` is False where every tick has one lot.
    """

    table: pl.DataFrame
    lots: pl.DataFrame
    book: tuple[Price, ...]
    shares: bool


def lay(p: Partition, site: Site, places: pl.DataFrame, bought: pl.DataFrame, book: tuple[Price, ...]) -> Ticks:
    """The ticks of every place; `bought` is the capacity by place (place, lot, start, end, quantity)."""
    calendar = _Calendar(p, site, book)
    plans: dict[tuple[str, Mix], int] = {}
    accelerators = dict(site.pools.select("pool", "accelerator").iter_rows())
    mixes = _mixes(places, bought, p.start, p.end)
    planned = [
        plans.setdefault((accelerators[pool], mixes[place]), len(plans))
        for place, pool in places.select("place", "pool").iter_rows()
    ]
    ticks, lots = calendar.plan_all(plans)
    table = (
        places.select("place", plan=pl.Series(planned, dtype=pl.Int64))
        .join(ticks, on="plan")
        .sort("place", "start")
        .with_row_index("tick")
        .with_columns(pl.col("tick").cast(pl.Int64), key=packed("place", "start"))
    )
    lots = table.select("tick", "plan", "step").join(lots, on=["plan", "step"]).drop("plan", "step").sort("tick", "lot")
    return Ticks(table.drop("plan", "step"), lots, book, lots.height > table.height)


LISTED = "on_demand"
"""The purchase whose list price is the list price of all."""

Mix = tuple[tuple[int, int, tuple[tuple[int, int], ...]], ...]
"""Spans of a place: start, end, and (lot, quantity) pairs."""


def _mixes(places: pl.DataFrame, bought: pl.DataFrame, lo: int, hi: int) -> dict[int, Mix]:
    """Per place its lots over time; a place with one lot every day has one span, whatever its quantity does."""
    rows: dict[int, list[tuple[int, int, int, int]]] = {place: [] for place in places["place"]}
    for row in bought.select("place", "lot", "start", "end", "quantity").iter_rows():
        rows[row[0]].append(row[1:])
    mixes: dict[int, Mix] = {}
    for place, found in rows.items():
        every_day = any(start <= lo and end >= hi for _, start, end, _ in found)
        if not found or (every_day and len({lot for lot, *_ in found}) == 1):
            mixes[place] = ((lo, hi, ((found[0][0] if found else NO_LOT, 1),)),)
        else:
            mixes[place] = _mixed(found, lo, hi)
    return mixes


def _mixed(found: list[tuple[int, int, int, int]], lo: int, hi: int) -> Mix:
    """Where nothing was bought at an instant, what was held then belongs to the least lot of the day, if it has one."""
    cuts = sorted({*range(lo, hi + 1, DAY), *(x for _, start, end, _ in found for x in (start, end))})
    mix: list[tuple[int, int, tuple[tuple[int, int], ...]]] = []
    for a, b in pairwise(cuts):
        sums: dict[int, int] = {}
        for lot, start, end, quantity in found:
            if start <= a < end:
                sums[lot] = sums.get(lot, 0) + quantity
        day = a - a % DAY
        of_day = [lot for lot, start, end, _ in found if start < day + DAY and end > day]
        lots = sums if len(sums) > 1 else {next(iter(sums), min(of_day, default=NO_LOT)): 1}
        held = tuple(sorted(lots.items()))
        if mix and mix[-1][2] == held:
            mix[-1] = (mix[-1][0], b, held)
        else:
            mix.append((a, b, held))
    return tuple(mix)


class _Calendar:
    """Cut points of a partition, and what holds at an instant."""

    def __init__(self, p: Partition, site: Site, book: tuple[Price, ...]) -> None:
        self.start, self.end, self.policies, self.zones, self.book = p.start, p.end, p.policies, p.zones, book
        self.currency = p.currency
        # Two rows of the book that say the same have one id, and are one price.
        self.index = {price.id: i for i, price in enumerate(book)}
        self.lots = {row["lot"]: tuple(row[f] for f in LOT) for row in site.lots.iter_rows(named=True)}
        self.books = {False: book, True: listed(book)}
        self.known: dict[tuple[Sku, bool], tuple[Span, ...]] = {}
        policy_edges = [x.start_ms for x in p.policies if x.start_ms is not None]
        self.common = {*range(p.start, p.end + 1, HOUR), *(x for x in policy_edges if p.start < x < p.end)}

    def plan_all(self, plans: Mapping[tuple[str, Mix], int]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Ticks (plan, step, start, end, hour, policy), and lots by plan and step with month and prices."""
        ticks: list[tuple[int, ...]] = []
        lots: list[tuple[int | str | None, ...]] = []
        for (accelerator, mix), plan in plans.items():
            for step, (start, end, held) in enumerate(self.pieces(accelerator, mix)):
                ticks.append((plan, step, start, end, start - start % HOUR, in_force(self.policies, start)))
                lots.extend((plan, step, *self.bought(accelerator, lot, quantity, start)) for lot, quantity in held)
        return (
            pl.DataFrame(
                ticks, dict.fromkeys(("plan", "step", "start", "end", "hour", "policy"), pl.Int64), orient="row"
            ),
            pl.DataFrame(
                lots,
                {
                    **dict.fromkeys(("plan", "step", "lot", "quantity"), pl.Int64),
                    "month": pl.String,
                    "price": pl.Int64,
                    "list_price": pl.Int64,
                },
                orient="row",
            ),
        )

    def pieces(self, accelerator: str, mix: Mix) -> Mix:
        """The mix cut at hours and policies, and at the months and prices of the lots that are there at that time."""
        cuts = set(self.common)
        for start, end, held in mix:
            cuts |= {x for x in (start, end) if self.start < x < self.end}
            for lot, _ in held:
                provider, region, purchase, _ = self.lots[lot]
                changes = self.months(provider)
                for wanted, of_list in ((purchase, False), (LISTED, True)):
                    changes += [s.start for s in self.prices((accelerator, provider, region, wanted), of_list)]
                cuts |= {x for x in changes if start < x < end}
        result, spans_left = [], iter(mix)
        span = next(spans_left)
        for a, b in pairwise(sorted(cuts)):
            while span[1] <= a:
                span = next(spans_left)
            result.append((a, b, span[2]))
        return tuple(result)

    def bought(
        self, accelerator: str, lot: int, quantity: int, at: int
    ) -> tuple[int, int, str, int | None, int | None]:
        provider, region, purchase, _ = self.lots[lot]
        price = self.price((accelerator, provider, region, purchase), False, at)
        list_price = self.price((accelerator, provider, region, LISTED), True, at)
        return lot, quantity, self.month(provider, at), price, list_price

    def prices(self, sku: Sku, of_list: bool) -> tuple[Span, ...]:
        if (sku, of_list) not in self.known:
            self.known[sku, of_list] = spans(self.books[of_list], sku, self.start, self.end)
        return self.known[sku, of_list]

    def price(self, sku: Sku, of_list: bool, at: int) -> int | None:
        price = next(s.price for s in self.prices(sku, of_list) if s.start <= at < s.end)
        if price is not None and self.currency is not None and price.currency != self.currency:
            raise missing(price.accelerator, price.currency, price.place, at)
        return None if price is None else self.index[price.id]

    def zone(self, provider: str | None) -> ZoneInfo:
        return ZoneInfo(self.zones.get(provider or "", "UTC"))

    def month(self, provider: str | None, at: int) -> str:
        return f"{datetime.fromtimestamp(at / 1000, self.zone(provider)):%Y-%m}"

    def months(self, provider: str | None) -> list[int]:
        """Instants at which a billing month begins inside the window."""
        zone = self.zone(provider)
        at = datetime.fromtimestamp(self.start / 1000, zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        found = []
        while (instant := round(at.astimezone(UTC).timestamp() * 1000)) < self.end:
            if instant > self.start:
                found.append(instant)
            at = (at.replace(day=28) + timedelta(days=7)).replace(day=1)
        return found
