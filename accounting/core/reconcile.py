"""Charges against a provider's bill: what is billed and not computed becomes lines of the month, to the nano-unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from accounting.bill_tables import RECONCILIATION
from accounting.core import bill
from accounting.core.adjustment import identity, money, table
from accounting.core.bill import Billed, Key, nano
from accounting.core.committed import UNUSED
from accounting.core.overhead import Basis, Rule, basis, weights
from accounting.core.rounding import NANO
from accounting.core.shares import nearest, shares

HALF_CENT = NANO // 200
KINDS = {"usage": "overhead"}
"""Charge kind of what is no accelerator's, by type of charge; taxes, adjustments and roundings are reconciliation."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Charges of an accelerator on a day: nano-units by team, and device time in ms.

    `unused` is what commitments cost that nobody used, in lines of its own.
    """

    costs: Mapping[str, int]
    ms: int
    unused: int = 0

    @property
    def cost(self) -> int:
        return sum(self.costs.values())

    @property
    def weights(self) -> dict[str, int]:
        """What each team bears; one that is credited more than it is charged bears nothing."""
        return {team: cost for team, cost in self.costs.items() if cost > 0}


@dataclass(frozen=True, slots=True)
class Scope:
    """One provider's bill of one month; `platform` bears what is nobody's, `bare` prices leave the host out.

    `told` are the commitments whose unused part is computed, and the accelerators of those that are of one.
    """

    month: str
    provider: str
    currency: str
    platform: str
    bare: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    told: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Rows of `RECONCILIATION` and of `ADJUSTMENTS`, without `publication`."""

    rows: pl.DataFrame
    lines: pl.DataFrame


NOTHING = Computed({}, 0)


def reconcile(invoice: pl.DataFrame, charges: pl.DataFrame, committed: pl.DataFrame, scope: Scope) -> Reconciled:
    """`invoice` are all lines of the bill (accelerators canonical), `charges` the provider's computed charges.

    The charges up to the last day that is billed, what commitments did until then (`committed`: LINES, which have
    charges of their own) and the lines add up to the bill: one that is not complete yet says nothing of later days. Of
    other commitments, the unused part goes to the team of the fee's label, else to the platform; what an accelerator
    differs by to the teams that bear its charges of the day; everything else as `overhead` says.
    """
    rows = invoice.to_dicts()
    of_accelerators = [row for row in rows if row["accelerator"] and row["charge_type"] in ("usage", "commitment_fee")]
    rest = [row for row in rows if not (row["accelerator"] and row["charge_type"] in ("usage", "commitment_fee"))]
    coarse = bill.coarse(of_accelerators)
    until = pl.col("day") <= billed_until(rows)
    charged, promised = charges.filter(until), committed.filter(until)
    billed = bill.accelerators(of_accelerators, coarse, scope.told)
    computed = _computed(charged, promised, scope, coarse)
    compared: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for key in sorted(billed.keys() | computed.keys()):
        row = _row(key, billed.get(key, Billed()), computed.get(key, NOTHING), scope, key in billed)
        compared.append(row)
        lines += _lines(key, row, billed.get(key, Billed()), computed.get(key, NOTHING), scope)
    found = weights(charged, _everybody(computed), scope.bare)
    for (sku, kind, _), one, spent in _others(rest, _of_spend(promised)):
        compared.append(_other_row(sku, one, spent, scope))
        by = basis(sku, one.description, scope.rules, found, scope.platform, usage=kind == "usage")
        lines += _other_lines(sku, KINDS.get(kind, "reconciliation"), replace(one, cost=one.cost - spent), by, scope)
    return Reconciled(_frame(_merged(compared)), _adjustments(lines, scope))


def billed_until(rows: Sequence[dict[str, Any]]) -> date:
    """The last day (UTC) of which a line tells."""
    last = max(max(row["usage_start_ms"], row["usage_end_ms"] - 1) for row in rows)
    return datetime.fromtimestamp(last / 1000, UTC).date()


def _computed(charges: pl.DataFrame, promised: pl.DataFrame, scope: Scope, coarse: set[str]) -> dict[Key, Computed]:
    first = date.fromisoformat(f"{scope.month}-01")
    found: dict[Key, Computed] = {}

    def add(day: date, accelerator: str, costs: Mapping[str, int], ms: int = 0, unused: int = 0) -> None:
        key = (first if accelerator in coarse else day, accelerator)
        known = found.get(key, NOTHING)
        sums = {team: known.costs.get(team, 0) + costs.get(team, 0) for team in (*known.costs, *costs)}
        found[key] = Computed(sums, known.ms + ms, known.unused + unused)

    sums = charges.group_by("day", "accelerator", "team").agg(pl.col("cost", "device_seconds").sum()).sort("team")
    for day, accelerator, team, cost, seconds in sums.iter_rows():
        add(day, accelerator, {team: nano(cost)}, int((seconds or 0) * 1000))
    for line in promised.filter(pl.col("accelerator").is_not_null()).iter_rows(named=True):
        unused = line["charge_kind"] == UNUSED
        costs = {} if unused else {line["owner"] or scope.platform: line["nano"]}
        add(line["day"], line["accelerator"], costs, unused=line["nano"] if unused else 0)
    return found


def _of_spend(promised: pl.DataFrame) -> int:
    """What is unused of commitments that are of no one accelerator."""
    return int(promised.filter(pl.col("accelerator").is_null())["nano"].sum())


def _others(rest: Sequence[dict[str, Any]], spent: int) -> Iterator[tuple[tuple[str, str, str | None], Billed, int]]:
    """The other SKUs; the first fee has what is computed of commitments to spend, and nothing else if there is none."""
    found = list(bill.others(rest))
    fees = [key for key, _ in found if key[1] == "commitment_fee"]
    if spent and not fees:
        fees = [("commitment", "commitment_fee", None)]
        found.append((fees[0], Billed()))
    for key, one in found:
        yield key, one, spent if fees[:1] == [key] else 0


def _row(key: Key, billed: Billed, computed: Computed, scope: Scope, there: bool) -> dict[str, Any]:
    hours = nearest(computed.ms * NANO, 3_600_000)
    unused = billed.unused_cost + computed.unused
    difference = billed.cost - unused - billed.credits - computed.cost
    known = hours > 0 and billed.hours is not None
    by_quantity = nearest((billed.hours - hours) * computed.cost, hours) if known and billed.hours is not None else None
    return {
        **_said(scope, key[0], billed),
        "accelerator": key[1],
        "unused_cost": unused,
        "status": _status(billed, computed, hours, difference, there),
        "computed_hours": hours or None,
        "billed_hours": billed.hours,
        "computed_cost": computed.cost,
        "difference": difference,
        "quantity_effect": by_quantity,
        "price_effect": None if by_quantity is None else difference - by_quantity,
    }


def _status(billed: Billed, computed: Computed, hours: int, difference: int, there: bool) -> str:
    if not there:
        return "seen_not_billed"
    if not computed.ms:
        return "billed_not_seen"
    if abs(difference) < HALF_CENT:
        return "matched"
    near = billed.hours is not None and abs(billed.hours - hours) < NANO // 1000
    return "priced_differently" if near else "quantity_differs"


def _said(scope: Scope, day: date, billed: Billed) -> dict[str, Any]:
    return {
        "month": scope.month,
        "provider": scope.provider,
        "day": day,
        "projects": ", ".join(sorted(billed.projects)) or None,
        "description": billed.description,
        "billed_cost": billed.cost,
        "unused_cost": billed.unused_cost,
        "credits": billed.credits,
        "currency": scope.currency,
    }


def _other_row(sku: str, billed: Billed, spent: int, scope: Scope) -> dict[str, Any]:
    first = date.fromisoformat(f"{scope.month}-01")
    return {
        **_said(scope, first, billed),
        "sku": sku,
        "status": "overhead",
        "computed_cost": 0,
        "unused_cost": spent,
        "difference": billed.cost - spent,
    }


def _merged(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A SKU with several types of charge or labels has one row."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for row in rows:
        key = (row["day"], row.get("accelerator"), row.get("sku"))
        if key in found:
            known = found[key]
            names = {n for one in (known, row) for n in (one["projects"] or "").split(", ") if n}
            sums = {name: known[name] + row[name] for name in ("billed_cost", "unused_cost", "difference")}
            found[key] = {**known, **sums, "projects": ", ".join(sorted(names)) or None}
        else:
            found[key] = row
    return list(found.values())


def _lines(key: Key, row: dict[str, Any], billed: Billed, computed: Computed, scope: Scope) -> Iterator[dict[str, Any]]:
    day, accelerator = key
    said = {"day": day, "accelerator": accelerator, "price_id": None}
    for team, left in sorted(billed.unused.items(), key=lambda one: one[0] or ""):
        yield {
            **said,
            "team": team or scope.platform,
            "charge_kind": UNUSED,
            "nano": left,
            "borne_by_rule": None,
        }
    for kind, amount in (("credit", billed.credits), ("reconciliation", row["difference"])):
        yield from _spread(said, kind, amount, ("cost", computed.weights), scope)


def _other_lines(sku: str, kind: str, billed: Billed, by: Basis, scope: Scope) -> Iterator[dict[str, Any]]:
    said = {"day": date.fromisoformat(f"{scope.month}-01"), "accelerator": None, "price_id": f"sku:{sku}"}
    if billed.label_team is not None:
        yield {
            **said,
            "team": billed.label_team,
            "charge_kind": kind,
            "nano": billed.cost,
            "borne_by_rule": f"{kind}:label",
        }
    else:
        yield from _spread(said, kind, billed.cost, by, scope)


def _spread(said: dict[str, Any], kind: str, amount: int, by: Basis, scope: Scope) -> Iterator[dict[str, Any]]:
    """Nobody has a weight: the platform bears it."""
    word, shared = by
    parts = shares(amount, shared)
    rule = f"{kind}:{word}" if parts else f"{kind}:platform"
    for team, part in (parts or {scope.platform: amount}).items():
        if part:
            yield {**said, "team": team, "charge_kind": kind, "nano": part, "borne_by_rule": rule}


def _everybody(computed: Mapping[Key, Computed]) -> dict[str, int]:
    everybody: dict[str, int] = {}
    for one in computed.values():
        for team, cost in one.weights.items():
            everybody[team] = everybody.get(team, 0) + cost
    return everybody


def _frame(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    names = [name for name in RECONCILIATION.names if name != "publication"]
    money = {c.name for c in RECONCILIATION.columns if c.kind == "money"}
    told = [[_cell(row.get(name), name in money) for name in names] for row in rows]
    schema = {name: RECONCILIATION.schema[name] for name in names}
    return pl.DataFrame(told, schema=schema, orient="row").sort("day", "accelerator", "sku", nulls_last=True)


def _cell(value: Any, money: bool) -> Any:  # noqa: ANN401 - a cell of any column
    return Decimal(value).scaleb(-9) if money and value is not None else value


_GRAIN = ("charge_kind", "day", "accelerator", "price_id", "team", "borne_by_rule")


def _adjustments(lines: Sequence[dict[str, Any]], scope: Scope) -> pl.DataFrame:
    """Rows of the table: what is of one grain is one row."""
    sums: dict[tuple[Any, ...], int] = {}
    for line in lines:
        key = tuple(line[name] for name in _GRAIN)
        sums[key] = sums.get(key, 0) + line["nano"]
    return table(_adjustment(dict(zip(_GRAIN, key, strict=True)), amount, scope) for key, amount in sums.items())


def _adjustment(said: dict[str, Any], amount: int, scope: Scope) -> dict[str, Any]:
    return {
        **said,
        "charge_id": identity(scope.month, scope.provider, *said.values()),
        "month": scope.month,
        "provider": scope.provider,
        "cost": money(amount),
        "currency": scope.currency,
    }
