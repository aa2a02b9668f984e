"""What the oracle reckons with: rows, places, lots, and the answer that it gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from accounting.core.partition import AGENT
from accounting.policy import Policy
from tests.worlds import DAY, HOUR, START

Row = dict[str, Any]
Who = tuple[str | None, str | None, str | None, str | None]
"""Workload, team, status, cost center."""
Pool = tuple[str, str]
Place = tuple[Pool, str | None]
Lot = tuple[str | None, str | None, str | None, str | None]
NOTHING: Lot = (None, None, None, None)
FOREVER = 1 << 60
Told = tuple[int, int, int, Policy]
"""A sample after cutting: start, end, busy, and the policy at the start of the whole."""


@dataclass(frozen=True)
class Key:
    """What tells one row of usage from another, but for its node and sharing."""

    hour: int
    place: Place
    lot: Lot
    month: str
    price: str | None
    workload: str | None
    team: str | None
    status: str | None
    cost_center: str | None
    state: str
    policy: int


@dataclass
class Amount:
    """Device time and busy time in ms; `busy` stays None where nothing was observed."""

    ms: Fraction = Fraction(0)
    busy: Fraction | None = None

    def add(self, ms: Fraction, busy: Fraction | None) -> None:
        self.ms += ms
        if busy is not None:
            self.busy = (self.busy or Fraction(0)) + busy


@dataclass
class Answer:
    """Exact usage by key, and capacity in ms by pool and day."""

    usage: dict[Key, Amount] = field(default_factory=lambda: defaultdict(Amount))
    stated: dict[tuple[Pool, int], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    raised: dict[tuple[Pool, int], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    prices: dict[str, int] = field(default_factory=dict)
    rounded: set[tuple[Place, int]] = field(default_factory=set)
    """Places and hours in which some time is no whole number of milliseconds."""
    disagreements: dict[int, int] = field(default_factory=dict)
    """Samples that say something else than a more trusted source, by day since the epoch."""

    def by(self, *names: str) -> dict[tuple[Any, ...], Fraction]:
        """Device time summed by some fields of the key; `day` is one too."""
        sums: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
        for key, amount in self.usage.items():
            sums[tuple((key.hour - START) // DAY if n == "day" else getattr(key, n) for n in names)] += amount.ms
        return {k: v for k, v in sums.items() if v}

    def cost(self) -> dict[tuple[Pool, int], int]:
        """Nano-units by pool and day: price × time, half-even per place, hour and price. Needs whole milliseconds."""
        units = self.by("place", "hour", "price")
        sums: dict[tuple[Pool, int], int] = defaultdict(int)
        for (place, hour, price), ms in units.items():
            assert ms.denominator == 1
            if price is not None:
                sums[place[0], (hour - START) // DAY] += half_even(ms * self.prices[price] / HOUR)
        return dict(sums)


def half_even(value: Fraction) -> int:
    return round(value)


def grouped(rows: Iterable[Row], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def once(rows: list[Row]) -> list[Row]:
    """Of one workload's rows at an instant those that name a device, if any does; of one device's an agent's."""
    by_device = {row["workload_id"] for row in rows if row["device_id"] is not None} - {None}
    by_agent = {
        (row["workload_id"], row["device_id"]) for row in rows if row["import_seq"] == AGENT and row["workload_id"]
    }
    named = [row for row in rows if row["device_id"] is not None or row["workload_id"] not in by_device]
    return [r for r in named if r["import_seq"] == AGENT or (r["workload_id"], r["device_id"]) not in by_agent]


def less(told: Iterable[Told], spans: Iterable[tuple[int, int]]) -> list[Told]:
    """What is left of each sample outside of the spans."""
    left = list(told)
    for start, end in spans:
        if start < end:
            before = [(a, min(b, start), busy, policy) for a, b, busy, policy in left]
            after = [(max(a, end), b, busy, policy) for a, b, busy, policy in left]
            left = [t for t in (*before, *after) if t[0] < t[1]]
    return sorted(left, key=lambda t: t[0])


def total_of(rows: Iterable[Row]) -> int:
    return sum(r["quantity_ppm"] for r in rows)


def lot_of(row: Row) -> Lot:
    return row["provider"], row["region"], row["purchase"], row["owner_team"]


def lot_order(lot: Lot) -> tuple[Any, ...]:
    """The lot that says nothing first, then by what is said, NULL last."""
    return (lot != NOTHING, tuple((x is None, x or "") for x in lot))
