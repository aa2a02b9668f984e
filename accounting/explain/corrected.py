"""What was learned of a charge after its month was closed: what is known now, less what was booked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from accounting.core.ledger import AMOUNTS
from accounting.explain.scene import Charge
from accounting.explain.trace import Grid, Section
from accounting.tables import CHARGE_KINDS


def known(charge: Charge, booked: Sequence[Charge]) -> dict[str, Any]:
    """The corrected charge as it is known with the correction `charge`; `booked` are its rows of months before."""
    sums = {name: _sum(row[name] for row in (*booked, charge)) for name in AMOUNTS}
    kind = CHARGE_KINDS.get(charge["state"] or "", charge["charge_kind"])
    return {**charge, **sums, "charge_id": charge["corrects"], "charge_kind": kind, "corrects": None}


def correction(charge: Charge, booked: Sequence[Charge], now: Charge) -> Section:
    """The difference, and the rows that it is taken from."""
    before = _sum(row["cost"] for row in booked)
    said = [
        f"it corrects charge {charge['corrects']}",
        f"known now {_cost(now['cost'])} - booked {_cost(before)} = {_cost(charge['cost'])}",
        "its own month is closed and does not change; what is known now is traced below",
    ]
    rows = [(row["charge_id"], row["month"], row["charge_kind"], row["device_seconds"], row["cost"]) for row in booked]
    columns = ("charge_id", "month", "charge_kind", "device_seconds", "cost")
    facts = {"corrects": charge["corrects"], "booked_cost": before, "known_cost": now["cost"]}
    return Section("correction", "Correction", said, facts, [Grid("booked", "booked", columns, rows)])


def corrections(rows: Iterable[Charge]) -> Section:
    """Of a charge what corrects it."""
    found = [(row["charge_id"], row["month"], row["device_seconds"], row["cost"]) for row in rows]
    said = ["what was learned after its month was closed is charged in an open one"]
    grid = Grid("corrections", "corrections", ("charge_id", "month", "device_seconds", "cost"), found)
    return Section("corrections", "Corrections", said, {}, [grid])


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    there = [one for one in amounts if one is not None]
    return sum(there, Decimal(0)) if there else None


def _cost(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{amount:f}"
