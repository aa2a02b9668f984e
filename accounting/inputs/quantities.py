"""How many accelerators a row speaks of, in whole millionths, and within what the core can add up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

import polars as pl

from accounting.accelerators import canonical
from accounting.inputs.cells import Cells
from accounting.inputs.numbers import scaled
from accounting.inputs.shaping import Fault, exact, outside, unparsed

MOST = 1_000_000
"""Accelerators in one row. An hour of so many takes 62 of an Int64's 63 bits, in millionths of a device-millisecond."""

PPM = 1_000_000
_CHIPS = "_chips_ppm"
NOTES = {
    "zero_quantity": pl.col("quantity_ppm") == 0,
    "quantity_rounding_rows": pl.col("_bounded") * PPM != pl.col("quantity_ppm"),
}


def counted(
    cells: Cells, frame: pl.LazyFrame, aliases: Mapping[str, str], default: int | None = None
) -> tuple[pl.LazyFrame, list[Fault]]:
    """Adds `quantity_ppm` to a frame that has `accelerator`; a unit of some names is several accelerators."""
    given = exact(cells, "quantity")
    if default is not None:
        given = pl.when(cells.raw("quantity").is_null()).then(pl.lit(default)).otherwise(given)
    chips = pl.col("accelerator").map_batches(
        partial(_chips, aliases=aliases), return_dtype=pl.Int64(), is_elementwise=True
    )
    frame = frame.with_columns(given.alias("_quantity"), chips.alias(_CHIPS)).with_columns(
        scaled(pl.col("_quantity"), PPM).alias("quantity_ppm"), pl.col("_quantity").clip(-MOST, MOST).alias("_bounded")
    )
    many = (pl.col("_quantity") > MOST) | (
        pl.col("quantity_ppm").cast(pl.Int128) * pl.col(_CHIPS).cast(pl.Int128) > pl.lit(MOST * PPM * PPM, pl.Int128)
    )
    return frame, [
        unparsed(cells, "quantity", "_quantity", "a number"),
        outside("quantity", pl.col("_quantity") < 0, "negative"),
        outside("quantity", many, f"more than {MOST:,} accelerators"),
    ]


def _chips(names: pl.Series, aliases: Mapping[str, str]) -> pl.Series:
    distinct = names.drop_nulls().unique()
    chips = [int((canonical(name, aliases).chips * Decimal(PPM)).to_integral_value()) for name in distinct]
    table = pl.DataFrame({"name": distinct, "chips": chips}, schema={"name": pl.String, "chips": pl.Int64})
    return pl.DataFrame({"name": names}).join(table, on="name", how="left", maintain_order="left")["chips"]
