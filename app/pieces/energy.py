"""What energy accelerators used, and what it emits, by the team that held them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from app.amounts import percent, ratio
from app.pieces.figures import total
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, table, text

NAME = "Energy"
NOBODY = "held by nobody"
KWH = Decimal(3_600_000)
_COLUMNS = (
    Column("Team", wide=True),
    Column("Energy", figure=True, help="as measured at the accelerators"),
    Column("of it idle", figure=True),
    Column("CO₂e", figure=True, help="by [[grid]] of chipledger.toml, with the site's PUE"),
    Column("Measured", figure=True, slim=True, help="of the time that was held, or free"),
)


def teams(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row for each team whose accelerators' energy was measured; without a factor of the grid CO₂e is a dash."""
    said = "Measured at the accelerators, not estimated: time without a reading adds nothing."
    return heading(NAME, said) + table(NAME, _COLUMNS, [Line(_cells(row)) for row in rows])


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    team = row["team"] or NOBODY
    return (
        text(team),
        _amount(f"energy_{team}", row["joules"] / KWH, "kWh"),
        _amount(f"energy_idle_{team}", row["idle_joules"] / KWH, "kWh"),
        text(None) if row["co2e_grams"] is None else _amount(f"co2e_{team}", row["co2e_grams"] / 1000, "kg"),
        percent(ratio(row["measured_seconds"], row["device_seconds"])),
    )


def _amount(name: str, value: Decimal, unit: str) -> str:
    return total(name, value, f"{value:,.1f} {unit}")
