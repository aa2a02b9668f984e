"""Disputes in the lake's catalog: lines that are added and never changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accounting.ledger_tables import DISPUTES
from accounting.stores import catalog
from accounting.stores.closing import refusals
from accounting.stores.lake import Lake

OPEN, CREDIT, REJECT = "open", "credit", "reject"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of `DISPUTES`; `made_at` in ms, amounts as text; `seq` and `number` 0 where the catalog gives them."""

    action: str
    charge_id: str
    month: str
    team: str
    cost: str
    currency: str
    made_at: int
    who: str
    reason: str
    credit: str | None = None
    payer: str | None = None
    booked: str | None = None
    seq: int = 0
    number: int = 0


def entries(lake: Lake) -> list[Entry]:
    """All lines in order."""
    with lake.catalog() as connection:
        return [Entry(**dict(row)) for row in connection.execute("SELECT * FROM disputes ORDER BY seq")]


def standing(lines: list[Entry]) -> list[Entry]:
    """Those that opened a dispute which nobody has answered yet."""
    answered = {line.number for line in lines if line.action != OPEN}
    return [line for line in lines if line.action == OPEN and line.number not in answered]


def write(lake: Lake, entry: Entry) -> Entry:
    """Adds the line, with its number. Raises `InputError` where the catalog refuses it."""
    with lake.catalog() as connection, refusals(), catalog.transaction(connection):
        (seq,) = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM disputes").fetchone()
        numbered = replace(entry, seq=seq, number=entry.number or seq)
        values = [getattr(numbered, name) for name in DISPUTES.names]
        connection.execute(f"INSERT INTO disputes VALUES ({', '.join('?' * len(values))})", values)
    return numbered
