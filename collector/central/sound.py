"""Rows of foreign sources that cannot be: left out one by one, for accounting refuses a segment that has one."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from collector.wire import COLUMNS, LIMITS, Batch

_CHECKS = {
    table: [(COLUMNS[table].index(name), least, most) for name, (least, most) in columns.items()]
    for table, columns in LIMITS.items()
}


def sound(batch: Batch) -> tuple[Batch, int]:
    """The batch without rows that have a value outside of `wire.LIMITS`, and how many these are."""
    kept = {table: _within(getattr(batch, table), checks) for table, checks in _CHECKS.items()}
    lost = sum(len(getattr(batch, table)) - len(rows) for table, rows in kept.items())
    return (structs.replace(batch, **kept) if lost else batch), lost


def _within(rows: list[tuple[int, ...]], checks: Sequence[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    columns = list(zip(*rows, strict=True))
    if all(least <= min(columns[i]) and max(columns[i]) < most for i, least, most in checks if columns):
        return rows
    return [row for row in rows if all(least <= row[i] < most for i, least, most in checks)]
