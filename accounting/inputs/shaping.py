"""From raw cells to rows of an input table, each with the number of the first fault it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from accounting.inputs.cells import LEFT, Cells
from accounting.inputs.numbers import decimals
from accounting.inputs.staged import ROW

FAULT = "_fault"
KEY = "_key"
NOTE = "_note_"


@dataclass(frozen=True, slots=True)
class Fault:
    """`broken` is true where a row has it; `says` tells it of one row, with the raw value in place of `{}`."""

    column: str
    title: str
    broken: pl.Expr
    says: str = "{}"


@dataclass(frozen=True, slots=True)
class Shaped:
    """`frame` has `_row`, `_left`, `_fault` (NULL: none), `_key` (NULL: not keyed), notes, and the table's columns."""

    frame: pl.LazyFrame
    faults: tuple[Fault, ...]
    key: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())


def shaped(
    cells: Cells,
    frame: pl.LazyFrame,
    columns: Sequence[str],
    faults: Sequence[Fault],
    key: Sequence[str] = (),
    keyed: pl.Expr | None = None,
    notes: dict[str, pl.Expr] | None = None,
) -> Shaped:
    """`columns` of the frame, with the number of the first fault of each row that is not left out."""
    every = (*(fault for name in cells.guarded for fault in _failed(cells, name)), *faults)
    first = pl.coalesce(pl.when(f.broken).then(pl.lit(i, dtype=pl.UInt8)) for i, f in enumerate(every))
    hashed = pl.struct(key).hash(seed=0) if key else pl.lit(None, dtype=pl.UInt64)
    said = notes or {}
    return Shaped(
        frame.select(
            ROW,
            LEFT,
            pl.when(pl.col(LEFT).is_null()).then(first).alias(FAULT),
            (pl.when(keyed).then(hashed) if keyed is not None else hashed).alias(KEY),
            *(condition.fill_null(False).alias(NOTE + name) for name, condition in said.items()),
            *columns,
        ),
        every,
        tuple(key),
        tuple(said),
    )


def _failed(cells: Cells, name: str) -> list[Fault]:
    why, text = cells.failed(name), cells.guarded[name]
    return [
        Fault(name, f"{name}: `{text}` divides by zero", why.str.contains("division by zero", literal=True)),
        Fault(name, f"{name}: `{text}` fails on these values", why.is_not_null()),
    ]


def texts(cells: Cells, names: Sequence[str], defaults: dict[str, str] | None = None) -> list[pl.Expr]:
    """Text columns, with what stands in for a missing value."""
    given = defaults or {}
    return [_filled(cells.text(n), given.get(n)).alias(n) for n in names]


def _filled(value: pl.Expr, default: str | None) -> pl.Expr:
    return value if default is None else value.fill_null(default)


def missing(cells: Cells, name: str) -> Fault:
    """A required value is not there."""
    return Fault(name, f"{name} is missing", cells.raw(name).is_null())


def unparsed(cells: Cells, name: str, parsed: str, what: str) -> Fault:
    """There is a value and it is not what it should be."""
    return Fault(
        name, f"{name} is not {what}", cells.raw(name).is_not_null() & pl.col(parsed).is_null(), f"{{}} is not {what}"
    )


def outside(name: str, broken: pl.Expr, what: str) -> Fault:
    """A value is not in the range it must be in."""
    return Fault(name, f"{name} is {what}", broken, f"{{}} is {what}")


def exact(cells: Cells, name: str) -> pl.Expr:
    """A number as Decimal(38, 9)."""
    return decimals(cells.raw(name), cells.dtype(name))
