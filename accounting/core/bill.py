"""A provider's bill of one month in parts: what accelerators were billed for by day, and everything else by SKU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from accounting.core.rounding import NANO
from accounting.core.shares import nearest

DAY_MS = 86_400_000


@dataclass(slots=True)
class Billed:
    """What was billed for an accelerator on a day, or for another SKU in the month; nano-units, hours as nano too.

    `unused` is what of commitments nobody used, by the team that owns them (None: nobody does).
    """

    cost: int = 0
    credits: int = 0
    hours: int | None = None
    unused: dict[str | None, int] = field(default_factory=dict)
    projects: set[str] = field(default_factory=set)
    description: str | None = None
    label_team: str | None = None

    @property
    def unused_cost(self) -> int:
        return sum(self.unused.values())


Key = tuple[date, str]


def accelerators(
    rows: Iterable[dict[str, Any]], coarse: set[str], told: AbstractSet[str] = frozenset()
) -> dict[Key, Billed]:
    """By day and accelerator; those in `coarse`, which are billed for longer than days, by the first of the month.

    `told` are commitments, and accelerators with such, whose unused part is computed: none of it is read from fees.
    """
    groups: dict[Key, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((_day(row, coarse), row["accelerator"]), []).append(row)
    return {key: _summed(some, told) for key, some in groups.items()}


def coarse(rows: Iterable[dict[str, Any]]) -> set[str]:
    """Accelerators of which a line is of more than a day."""
    return {row["accelerator"] for row in rows if row["usage_end_ms"] - row["usage_start_ms"] > DAY_MS}


def others(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[tuple[str, str, str | None], Billed]]:
    """By SKU, type of charge and the team of a label; in order of these."""
    groups: dict[tuple[str, str, str | None], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["sku"], row["charge_type"], row["label_team"]), []).append(row)
    for key in sorted(groups, key=lambda key: (key[0], key[1], key[2] or "")):
        some = groups[key]
        yield (
            key,
            Billed(
                sum(nano(row["cost"]) + nano(row["credits"]) for row in some),
                projects=_projects(some),
                description=some[0]["description"],
                label_team=key[2],
            ),
        )


def nano(amount: Decimal | None) -> int:
    """Nano-units of an amount; 0: none."""
    return 0 if amount is None else int(amount * NANO)


def _day(row: dict[str, Any], coarse: set[str]) -> date:
    day = datetime.fromtimestamp(row["usage_start_ms"] / 1000, UTC).date()
    return date.fromisoformat(f"{row['invoice_month']}-01") if row["accelerator"] in coarse else day


def _summed(rows: list[dict[str, Any]], told: AbstractSet[str]) -> Billed:
    fees = [row for row in rows if row["charge_type"] == "commitment_fee" and not _is_told(row, told)]
    used = [row for row in rows if row["charge_type"] != "commitment_fee"]
    hours = [nano(row["quantity"]) for row in used if row["quantity"] is not None]
    own = sum(nano(row["credits"]) - nano(row["commitment_credits"]) - nano(row["fee_offset"]) for row in rows)
    return Billed(
        sum(nano(row["cost"]) + nano(row["credits"]) for row in rows),
        own,
        sum(hours) if hours else None,
        _unused(fees, [row for row in used if row["commitment_id"] not in told]),
        _projects(rows),
    )


def _is_told(fee: dict[str, Any], told: AbstractSet[str]) -> bool:
    """Whether the fee is of such a commitment; one that names none goes by its accelerator."""
    return (fee["commitment_id"] or fee["accelerator"]) in told


def _unused(fees: list[dict[str, Any]], used: list[dict[str, Any]]) -> dict[str | None, int]:
    """Of the fees what nobody used, by the commitment's owner.

    A fee of so many hours is used as far as lines were covered by credits. One without hours says by its offset what of
    it was used; where credits pay instead, nothing says it, and none of it counts as unused.
    """
    committed = sum(nano(row["quantity"]) for row in fees if not row["fee_offset"])
    idle = max(0, committed - sum(map(_covered, used)))
    credited = any(row["commitment_credits"] for row in used)
    unused: dict[str | None, int] = {}
    for row in fees:
        cost = nano(row["cost"])
        if row["fee_offset"] or not row["quantity"]:
            left = cost + nano(row["fee_offset"]) if row["fee_offset"] or not credited else 0
        else:
            left = nearest(cost * idle, committed)
        unused[row["label_team"]] = unused.get(row["label_team"], 0) + left
    return {team: left for team, left in unused.items() if left}


def _covered(row: dict[str, Any]) -> int:
    """Hours (nano) of a line that a commitment paid: as much of them as of its cost."""
    cost = nano(row["cost"])
    return nearest(nano(row["quantity"]) * -nano(row["commitment_credits"]), cost) if cost > 0 else 0


def _projects(rows: list[dict[str, Any]]) -> set[str]:
    return {row["project"] for row in rows if row["project"]}
