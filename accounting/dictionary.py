"""The data dictionary, docs/data-dictionary.md, from `tables`: `python -m accounting.dictionary` writes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from accounting.agent_tables import AGENT
from accounting.bill_tables import RECONCILIATION, STATUSES
from accounting.ledger_tables import CLOSES, DISPUTES, PERIODS, STATEMENTS
from accounting.schema import Column, Table
from accounting.tables import (
    ADJUSTMENTS,
    CHARGE_KINDS,
    CHARGES,
    INPUTS,
    KINDS,
    PUBLICATIONS,
    QUARANTINE,
    RESULTS,
    RUNS,
    STATES,
)

PATH = Path(__file__).parents[1] / "docs" / "data-dictionary.md"

_INTRODUCTION = """\
# Data dictionary

Written by `python -m accounting.dictionary` from `accounting/tables.py`; a test keeps it so.

`chipledger query` takes GoogleSQL and knows three kinds of names, the same in the embedded store and in BigQuery:

- `usage`, `charges`, … (no schema): **views**, the rows that count. Read these.
- `store.usage`, `store.charges`, …: rows of every publication that is kept, with the column `publication`.
- `input.jobs`, `input.capacity`, …: imported rows as they stand, before replacement by key;
  `input.agent_records`, … what agents told.

Times are UTC. Intervals are half-open. Money and seconds are NUMERIC, exact. NULL means unknown, never zero.
"""
_UNITS = {
    "_seconds": "s",
    "_joules": "J",
    "_ppm": "millionths",
    "_ms": "ms since 1970 UTC",
    "_bytes": "bytes",
    "_mw": "mW",
    "_mj": "mJ",
    "_cost": "currency",
    "_price": "currency per accelerator-hour",
    "_per_hour": "currency per accelerator-hour",
}
_UNITS_BY_NAME = {"cost": "currency", "error_bound": "s", "quantity": "accelerators"}


def text() -> str:
    """The whole file, Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Views"
    for table in (*RESULTS, PUBLICATIONS, RUNS, QUARANTINE):
        # lines of months are among the charges
        yield from _table(table.name, replace(ADJUSTMENTS, doc=CHARGES.doc) if table == CHARGES else table)
    yield "\nThe view `publications` has one more column, `live` (BOOL): whether it is the publication that counts."
    yield "The view `live_publications` has only those, of clusters; `live_months` those of lines of months.\n"
    for table in (RECONCILIATION, CLOSES, STATEMENTS, DISPUTES):
        yield from _table(table.name, table)
    yield "\n`statements` has one more column, `state` (STRING): issued, or void where its month was opened again."
    yield "`disputes` has one more column, `state` (STRING): open, credited or rejected, of its dispute."
    yield "`live_closes` has the close that counts of each closed month; `periods` has a row for each month:\n"
    yield "| column | meaning |\n|---|---|"
    yield from (f"| `{name}` | {doc} |" for name, doc in PERIODS.items())
    yield ""
    yield "## Imported rows"
    for kind, table in INPUTS.items():
        yield from _table(f"input.{kind}", table)
    yield "\n## What agents told\n"
    yield "As `chipledger ingest` took it from the inbox. Rows may repeat each other, and count once."
    for name, table in AGENT.items():
        yield from _table(f"input.{name}", table)
    yield "\n## Charge kinds\n"
    yield "| charge_kind | meaning |\n|---|---|"
    yield from (f"| `{kind}` | {doc} |" for kind, doc in KINDS.items())
    yield "\n## Statuses of a reconciliation\n"
    yield "| status | meaning |\n|---|---|"
    yield from (f"| `{status}` | {doc} |" for status, doc in STATUSES.items())
    yield "\n## States\n"
    yield "Every millisecond of a device has exactly one.\n"
    yield "| state | meaning | charge_kind |\n|---|---|---|"
    yield from (f"| `{state}` | {doc} | `{CHARGE_KINDS[state]}` |" for state, doc in STATES.items())


def _table(name: str, table: Table) -> Iterator[str]:
    yield f"\n### {name}\n"
    yield f"{table.doc}\n"
    yield f"Grain: {', '.join(f'`{c}`' for c in table.grain)}.\n"
    yield "| column | type | unit | meaning |\n|---|---|---|---|"
    yield from (f"| `{c.name}` | {_type(c)} | {_unit(c)} | {c.doc} |" for c in table.columns)


def _type(column: Column) -> str:
    return column.bigquery + " NOT NULL" * column.required


def _unit(column: Column) -> str:
    if column.kind == "string":
        return ""
    suffixes = (unit for suffix, unit in _UNITS.items() if column.name.endswith(suffix))
    return _UNITS_BY_NAME.get(column.name) or next(suffixes, "")


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
