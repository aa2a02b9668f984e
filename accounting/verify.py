"""Whether the ledger is still what was closed: its chain, its charges, its statements."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from accounting.close import exact, line_sha256, total
from accounting.core.cents import in_cents
from accounting.core.ledger import digest
from accounting.stores import closing
from accounting.stores.closing import Issued, Line
from accounting.stores.lake import Lake


def verified(lake: Lake) -> list[str]:
    """What of the ledger is not as it was closed, one line each; nothing: all of it is."""
    lines = closing.closes(lake)
    issued = closing.statements(lake)
    rows = closing.charges(lake).collect(engine="streaming")
    found, previous = [], ""
    for number, line in enumerate(lines, 1):
        place = f"line {line.seq} ({line.action} {line.month})"
        told = _issued(issued, line)
        if line.seq != number or line.previous != previous:
            found.append(f"{place}: the chain is broken: it does not follow the line before")
        if line.sha256 != line_sha256(line, told):
            found.append(f"{place}: it, or a statement of it, is not what was written")
        if line.action == "close":
            found += _rows_wrong(line, rows.filter(pl.col("publication") == line.publication), told)
        previous = line.sha256
    numbers = issued["number"].to_list()
    if numbers != list(range(1, len(numbers) + 1)):
        found.append("the numbers of statements have gaps")
    return found


def _issued(statements: pl.DataFrame, line: Line) -> list[Issued]:
    if line.action != "close":
        return []
    mine = statements.filter(pl.col("publication") == line.publication).sort("number")
    return [Issued(row["team"], exact(row["cost"]), exact(row["amount"])) for row in mine.iter_rows(named=True)]


def _rows_wrong(line: Line, rows: pl.DataFrame, issued: Sequence[Issued]) -> list[str]:
    place = f"line {line.seq} ({line.action} {line.month})"
    found = []
    if rows.height != line.rows or digest(rows) != line.rows_sha256:
        found.append(f"{place}: its {line.rows:,} charges are not what was closed")
    if exact(total(rows)) != line.cost:
        found.append(f"{place}: its charges do not add up to {line.cost}")
    paid = sum((Decimal(one.amount) for one in issued), Decimal(0))
    if paid != sum(in_cents({"all": Decimal(line.cost or 0)}).values()):
        found.append(f"{place}: its statements add up to {paid}, not to {line.cost}")
    return found
