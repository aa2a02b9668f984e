"""The cost of a period as parts that add up to it, and the groups in which they are drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of sql/app/parts; `key` is also its color, `kind` one of waste.KINDS (partly: held, not busy)."""

    key: str
    name: str
    meaning: str
    kind: str


PARTS = (
    Part("used", "Used", "the busy part of what was held", "used"),
    Part("active", "Active, not busy", "held and at work, below full utilization", "partly"),
    Part("idle", "Held idle", "held, and observed doing nothing", "waste"),
    Part("queued", "Free while jobs waited", "a waiting request would have fit", "waste"),
    Part("stranded", "Free in scraps", "too little for any usual request", "waste"),
    Part("reserved", "Free, reserved", "in reserved capacity, held by nobody", "waste"),
    Part("free", "Free, nobody asked", "held by nobody, no request waiting", "waste"),
    Part("unhealthy", "Unhealthy", "the device could not be used, held or not", "overhead"),
    Part("maintenance", "In maintenance", "taken out of service by its scheduler", "overhead"),
    Part("bill", "Bills beyond accelerator time", "unused commitments, hosts, credits, differences", "bill"),
    Part("unobserved", "Held, not observed", "no sample says what it did: not counted as waste", "unknown"),
    Part(
        "unlogged", "Not recorded", "no job log and no agent says whether it was held: not counted as waste", "unknown"
    ),
)
BY_KEY = {part.key: part for part in PARTS}


@dataclass(frozen=True, slots=True)
class Slice:
    """A part's cost (None: unpriced) and its time; `used` and `active` share the time of `active`."""

    part: Part
    cost: Decimal | None
    seconds: Decimal | None
    unpriced: Decimal

    @property
    def amount(self) -> Decimal:
        """What it adds to the total of what has a price."""
        return self.cost or ZERO

    @property
    def time(self) -> Decimal:
        """What it adds to the total of time, in seconds."""
        return self.seconds or ZERO


def slices(rows: Iterable[Mapping[str, Any]]) -> list[Slice]:
    """The parts that there are, in the order in which they are shown."""
    found = {row["part"]: row for row in rows}
    unknown = found.keys() - BY_KEY.keys()
    assert not unknown, f"sql/app/parts names parts that are not drawn: {unknown}"
    return [
        Slice(part, row["cost"], row["device_seconds"], row["unpriced_seconds"] or ZERO)
        for part in PARTS
        if (row := found.get(part.key)) is not None and (row["cost"] or row["device_seconds"])
    ]


def remainder(parts: Iterable[Slice], total: Decimal | None) -> Decimal:
    """What the parts leave of the total: 0."""
    return (total or ZERO) - sum((part.amount for part in parts), ZERO)


def by_day(rows: Iterable[Mapping[str, Any]]) -> dict[Any, list[Slice]]:
    """The parts of each day, in order of the days."""
    days: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        days.setdefault(row["day"], []).append(row)
    return {day: slices(found) for day, found in sorted(days.items())}
