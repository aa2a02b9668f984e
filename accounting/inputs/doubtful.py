"""Prices that are hardly right: spot above on demand, ten times the price before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from accounting.inputs.prices import BOOK, canonical, told, trimmed
from accounting.tables import INPUT_PRICES

SPOT, ON_DEMAND = "spot", "on_demand"
JUMP = 10
"""A price this many times the one before it, or one so many times below, is taken for a slip of the decimal point."""
APART = 2
"""What one SKU costs in one region, over what it costs in another: above it, prices of several SKUs may be mixed up."""

_OVER = "spot costs more than on demand"
_JUMPS = f"{JUMP} times the price before it, or a {JUMP}th"
_SAID = [name for name in INPUT_PRICES.names if name not in ("import_seq", "row")]
_FOUND = {"row": pl.Int64, "title": pl.String, "reason": pl.String}
_FOREVER = 1 << 62

Row = dict[str, Any]


def doubtful(every: pl.DataFrame, file: str, files: Mapping[int, str], aliases: Mapping[str, str]) -> pl.DataFrame:
    """Rows (row, title, reason) of `file` that are hardly right beside the others that would count with them.

    `every` are rows of `INPUT_PRICES`; those of `file` have no `import_seq` yet.
    """
    same = pl.struct(_SAID).rank("dense").alias("_same")
    named = canonical(every, aliases).with_columns(same)
    held = trimmed(named).filter((pl.col("start_ms") < pl.col("end_ms")).fill_null(True))
    over = _reasons(_over(held), _OVER, file, files)
    rest = held.filter(pl.col("_same").is_in(list(over)).not_())
    found = over | _reasons(_jumps(rest), _JUMPS, file, files)
    mine = named.filter(pl.col("import_seq").is_null())
    rows = [(row, *found[key]) for row, key in mine.select("row", "_same").iter_rows() if key in found]
    return pl.DataFrame(rows, schema=_FOUND, orient="row").sort("row")


def apart(mine: pl.DataFrame, aliases: Mapping[str, str]) -> int:
    """How many SKUs cost, at last, more than twice as much in one region as in another."""
    sku = ["accelerator", "provider", "purchase", "kind", "currency"]
    rows = canonical(mine, aliases).filter(pl.col("region").is_not_null() & (pl.col("price_per_hour") > 0))
    last = rows.sort("start_ms", "row", nulls_last=False).group_by(*sku, "region", maintain_order=True).last()
    price = pl.col("price_per_hour")
    return last.group_by(sku).agg(most=price.max(), least=price.min()).filter(
        pl.col("most") > pl.col("least") * APART
    ).height  # fmt: skip


def _reasons(
    pairs: Iterator[tuple[Row, Row]], title: str, file: str, files: Mapping[int, str]
) -> dict[int, tuple[str, str]]:
    """By the number of equal rows: title and reason; each pair is a row of the file and what it is held against."""
    found: dict[int, tuple[str, str]] = {}
    for row, other in pairs:
        price = f"{row['price_per_hour'].normalize():f} {row['currency']}"
        reason = f"price_per_hour: {price} beside {told(other, file, files)}: {title}"
        found.setdefault(row["_same"], (title, reason))
    return found


def _over(held: pl.DataFrame) -> Iterator[tuple[Row, Row]]:
    """Spot prices above an on-demand price that holds at the same time: the spot row, unless only the other is new."""
    keys = ["accelerator", "provider", "region", "kind", "currency"]
    spot, listed = (held.filter(purchase=purchase).with_row_index("_i") for purchase in (SPOT, ON_DEMAND))
    start, end = pl.col("start_ms").fill_null(-_FOREVER), pl.col("end_ms").fill_null(_FOREVER)
    bounds = ["_i", *keys, "import_seq", "price_per_hour", start.alias("start"), end.alias("end")]
    pairs = spot.select(bounds).join(listed.select(bounds), on=keys, nulls_equal=True, suffix="_listed")
    over = pairs.filter(
        (pl.col("start") < pl.col("end_listed"))
        & (pl.col("start_listed") < pl.col("end"))
        & (pl.col("price_per_hour") > pl.col("price_per_hour_listed"))
        & (pl.col("import_seq").is_null() | pl.col("import_seq_listed").is_null())
    )
    for i, j in over.sort("_i", "_i_listed").select("_i", "_i_listed").iter_rows():
        one, other = spot.row(i, named=True), listed.row(j, named=True)
        yield (one, other) if one["import_seq"] is None else (other, one)


def _jumps(held: pl.DataFrame) -> Iterator[tuple[Row, Row]]:
    """Prices far from the one before of the same book; one that is in doubt is skipped by the next."""
    last: Row | None = None
    for row in held.sort(*BOOK, "start_ms", "import_seq", "row", nulls_last=False).iter_rows(named=True):
        far = last is not None and _follows(last, row) and _far(last["price_per_hour"], row["price_per_hour"])
        if last is not None and far:
            if row["import_seq"] is None:
                yield row, last
                continue
            if last["import_seq"] is None:
                yield last, row
        last = row


def _follows(last: Row, row: Row) -> bool:
    return all(last[name] == row[name] for name in (*BOOK, "currency"))


def _far(one: Decimal, other: Decimal) -> bool:
    least, most = sorted((one, other))
    return least > 0 and most >= JUMP * least
