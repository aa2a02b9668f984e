"""A trace: what is said of a charge, section by section, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Value = str | int | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a section: `columns` are names for programs and people alike; `total` is a last row, for people."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Value]]
    total: Sequence[Value] = ()

    @property
    def records(self) -> list[dict[str, Value]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Section:
    """One step of the trace: sentences, facts by name, tables; `imports` are the imports that it speaks of."""

    name: str
    title: str
    said: Sequence[str] = ()
    facts: Mapping[str, Value] = field(default_factory=dict)
    grids: Sequence[Grid] = ()
    imports: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Trace:
    """`charge` is a row of the view `charges`; `notice` says what keeps the trace from being all of it ('': nothing).

    `agrees`: what was traced adds up to the published cost and time, to the nano-unit and the millisecond. `broken`:
    it does not, and no input changed.
    """

    charge: Mapping[str, Any]
    sections: Sequence[Section]
    notice: str = ""
    agrees: bool = True
    broken: bool = False
