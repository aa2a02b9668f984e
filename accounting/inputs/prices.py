"""Prices: what one accelerator costs per hour, from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from accounting import accelerators, mig
from accounting.core.pricing import LIST, NEGOTIATED
from accounting.errors import InputError
from accounting.inputs.cells import Cells
from accounting.inputs.numbers import EXACT
from accounting.inputs.shaping import Fault, Shaped, exact, missing, outside, shaped, texts, unparsed
from accounting.inputs.spans import RULE_NOTES, spanned
from accounting.inputs.times import Clock
from accounting.tables import INPUT_PRICES

FOREVER = 1 << 62
MOST = 1_000_000_000
"""Per accelerator and hour: what an Int64 of nano-units holds, with room for some accelerators."""

SKU = ("accelerator", "provider", "region", "purchase")
BOOK = (*SKU, "kind")
"""Of the prices that follow one another: a list price and a negotiated one may hold at once."""


def _sliced(names: pl.Series) -> pl.Series:
    """Whether a name is a MIG slice of a device that it tells."""
    slices = {name: mig.profile(name) is not None and accelerators.canonical(name, {}).name != name
              for name in names.drop_nulls().unique()}  # fmt: skip
    return names.replace_strict(slices, default=False, return_dtype=pl.Boolean)


_SLICED = pl.col("accelerator").map_batches(_sliced, return_dtype=pl.Boolean(), is_elementwise=True)


def shape(cells: Cells, clock: Clock) -> Shaped:
    """Rows of `INPUT_PRICES`; currency is USD, `covers` machine and `kind` list where the file does not say."""
    frame, times = spanned(cells, clock, windowed=False)
    frame = frame.with_columns(
        *texts(cells, SKU),
        exact(cells, "price_per_hour").cast(EXACT).alias("price_per_hour"),
        cells.text("currency").fill_null("USD").str.strip_chars().str.to_uppercase().alias("currency"),
        cells.text("covers").fill_null("machine").str.strip_chars().str.to_lowercase().alias("covers"),
        cells.text("kind").fill_null(LIST).str.strip_chars().str.to_lowercase().alias("kind"),
    )
    faults = [
        *times,
        missing(cells, "accelerator"),
        missing(cells, "price_per_hour"),
        unparsed(cells, "price_per_hour", "price_per_hour", "a number"),
        outside("price_per_hour", pl.col("price_per_hour") < 0, "negative"),
        outside("price_per_hour", pl.col("price_per_hour") > MOST, f"more than {MOST:,}"),
        outside("accelerator", _SLICED, "a MIG slice, which costs its share of the device: price the device"),
        _wrong(cells, "currency", ~pl.col("currency").str.contains(r"^[A-Z]{3}$"), "a currency of three letters"),
        _wrong(cells, "covers", ~pl.col("covers").is_in(["machine", "accelerator"]), "machine or accelerator"),
        _wrong(cells, "kind", ~pl.col("kind").is_in([LIST, NEGOTIATED]), f"{LIST} or {NEGOTIATED}"),
    ]
    return shaped(cells, frame, INPUT_PRICES.names[2:], faults, notes=RULE_NOTES)


def _wrong(cells: Cells, name: str, broken: pl.Expr, what: str) -> Fault:
    return Fault(name, f"{name} is not {what}", broken, f"{{}} is not {what}")


def canonical(every: pl.DataFrame, aliases: Mapping[str, str]) -> pl.DataFrame:
    """Rows of `INPUT_PRICES` under the accelerators' own names, each with a kind; `said` is the name in the file."""
    names = every["accelerator"].unique().to_list()
    known = {name: accelerators.canonical(name, aliases).name for name in names}
    said = pl.col("accelerator")
    return every.with_columns(
        said.alias("said"),
        said.replace_strict(known, return_dtype=pl.String).alias("accelerator"),
        pl.col("kind").fill_null(LIST),
    )


def trimmed(every: pl.DataFrame) -> pl.DataFrame:
    """Distinct rows of `INPUT_PRICES`; one without an end ends where the next of its SKU starts."""
    said = [name for name in INPUT_PRICES.names if name not in ("import_seq", "row")]
    rows = every.sort("import_seq", "row", nulls_last=True).unique(said, keep="first", maintain_order=True)
    starts = rows.select(*BOOK, "start_ms").unique().sort(*BOOK, "start_ms")
    following = starts.with_columns(pl.col("start_ms").shift(-1).over(BOOK).alias("_next"))
    joined = rows.join(following, on=[*BOOK, "start_ms"], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.coalesce("end_ms", "_next").alias("end_ms")).drop("_next")


def check(every: pl.DataFrame, file: str, files: dict[int, str], aliases: Mapping[str, str]) -> None:
    """Raises `InputError` where two prices of one SKU hold at once, under whatever names of the accelerator.

    Rows of `file` have no `import_seq` yet.
    """
    held = trimmed(canonical(every, aliases)).filter((pl.col("start_ms") < pl.col("end_ms")).fill_null(True))
    rows = held.sort(*BOOK, "start_ms", "end_ms", nulls_last=[False] * (len(BOOK) + 1) + [True])
    until = pl.col("end_ms").fill_null(FOREVER).cum_max().shift(1).over(BOOK)
    late = rows.with_columns(until.alias("_until")).filter(
        pl.col("_until").is_not_null() & (pl.col("start_ms").fill_null(-FOREVER) < pl.col("_until"))
    )
    if late.is_empty():
        return
    second = late.row(0, named=True)
    same_sku = rows.filter(pl.all_horizontal(pl.col(c).eq_missing(pl.lit(second[c])) for c in BOOK))
    first = next(
        r for r in same_sku.iter_rows(named=True) if (r["end_ms"] or FOREVER) == second["_until"] and r != second
    )
    first, second = sorted((first, second), key=lambda r: (r["import_seq"] is None, r["import_seq"], r["row"]))
    sku = ", ".join(str(second[c]) for c in SKU if second[c] is not None)
    raise InputError(
        f"prices of {sku} overlap: {told(first, file, files)} and {told(second, file, files)}:"
        " give one an end, choose one with `where`, undo the old import, or keep a book under one --source"
    )


def told(row: dict[str, Any], file: str, files: Mapping[int, str]) -> str:
    """Which row it is, its price, and since when; a row of `file` has no `import_seq` yet."""
    name = file if row["import_seq"] is None else files[row["import_seq"]]
    since = (
        "always"
        if row["start_ms"] is None
        else f"from {datetime.fromtimestamp(row['start_ms'] / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    said = "" if row["said"] == row["accelerator"] else f"{row['said']}: "
    return f"row {row['row']} of {name} ({said}{row['price_per_hour'].normalize():f} {row['currency']} {since})"
