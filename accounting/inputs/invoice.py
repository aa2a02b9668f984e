"""Invoices: what providers billed, line by line, from any file that a mapping can read."""

from __future__ import annotations

import polars as pl

from accounting import skus
from accounting.bill_tables import CHARGE_TYPES
from accounting.inputs.cells import Cells
from accounting.inputs.numbers import EXACT
from accounting.inputs.shaping import Fault, Shaped, exact, missing, outside, shaped, texts, unparsed
from accounting.inputs.spans import instant
from accounting.inputs.times import Clock
from accounting.tables import INPUT_INVOICE

MOST = 1_000_000_000
LATEST_MONTHS = 13
_TEXTS = (
    *("provider", "invoice_id", "sku", "description", "service", "project", "resource", "region", "unit"),
    *("accelerator", "purchase", "charge_type", "commitment_id", "label_team", "detail"),
)
_MONEY = ("quantity", "list_cost", "cost", "credits", "commitment_credits", "fee_offset")
_NONE = ("credits", "commitment_credits", "fee_offset")
KEY = tuple(INPUT_INVOICE.names[2:])


def shape(cells: Cells, clock: Clock) -> Shaped:
    """Rows of `INPUT_INVOICE`; what a SKU's text tells of accelerator, purchase and fee fills what the file lacks."""
    times = {name: instant(cells, name, clock) for name in ("usage_start", "usage_end", "export_time")}
    frame = cells.frame.with_columns(
        *texts(cells, _TEXTS),
        *(exact(cells, name).cast(EXACT).alias(name) for name in _MONEY),
        *(value for value, _ in times.values()),
        cells.text("currency").str.strip_chars().str.to_uppercase().alias("currency"),
        _month(cells.text("invoice_month")).alias("invoice_month"),
    ).with_columns(_told(cells))
    faults = [
        *(fault for _, found in times.values() for fault in found),
        *(missing(cells, name) for name in ("sku", "usage_start", "usage_end", "cost", "currency", "invoice_month")),
        *(unparsed(cells, name, name, "a number") for name in _MONEY),
        *(outside(name, pl.col(name).abs() > MOST, f"more than {MOST:,}") for name in _MONEY),
        unparsed(cells, "invoice_month", "invoice_month", "a month such as 2026-10 or 202610"),
        Fault("usage_end", "usage_end is before usage_start", pl.col("usage_end_ms") < pl.col("usage_start_ms")),
        _wrong("currency", ~pl.col("currency").str.contains(r"^[A-Z]{3}$"), "a currency of three letters"),
        _wrong("charge_type", ~pl.col("charge_type").is_in(CHARGE_TYPES), f"one of {', '.join(CHARGE_TYPES)}"),
        Fault("invoice_month", f"invoice_month is more than {LATEST_MONTHS} months off the usage", _far()),
    ]
    return shaped(cells, frame, KEY, faults, KEY, pl.col("export_time_ms").is_not_null())


def _month(text: pl.Expr) -> pl.Expr:
    """YYYYMM, YYYY-MM, or a date in the month."""
    parts = text.str.extract_groups(r"^\s*(\d{4})-?(0[1-9]|1[0-2])(?:$|\s|-\d)")
    return pl.concat_str(parts.struct[0], parts.struct[1], separator="-")


def _told(cells: Cells) -> list[pl.Expr]:
    text = pl.col("description")
    return [
        pl.coalesce("accelerator", _read(text, skus.accelerator, pl.String())).alias("accelerator"),
        pl.when(pl.coalesce("accelerator", _read(text, skus.accelerator, pl.String())).is_not_null())
        .then(pl.coalesce("purchase", _read(text, skus.purchase, pl.String()), pl.lit("on_demand")))
        .alias("purchase"),
        pl.coalesce(
            pl.col("charge_type").str.to_lowercase(),
            pl.when(_read(text, skus.is_fee, pl.Boolean())).then(pl.lit("commitment_fee")),
            pl.lit("usage"),
        ).alias("charge_type"),
        pl.col("provider").fill_null("").alias("provider"),
        *(pl.when(cells.raw(name).is_null()).then(0).otherwise(name).alias(name) for name in _NONE),
    ]


def _read(text: pl.Expr, tell: object, dtype: pl.DataType) -> pl.Expr:
    """What a function tells of each different text."""

    def told(values: pl.Series) -> pl.Series:
        known = {value: tell(value) for value in values.drop_nulls().unique()}  # type: ignore[operator]
        return values.replace_strict(known, default=None, return_dtype=dtype)

    return text.map_batches(told, return_dtype=dtype, is_elementwise=True)


def _wrong(name: str, broken: pl.Expr, what: str) -> Fault:
    return Fault(name, f"{name} is not {what}", broken, f"{{}} is not {what}")


def _far() -> pl.Expr:
    used = pl.from_epoch("usage_start_ms", "ms")
    year, month = (pl.col("invoice_month").str.slice(a, n).cast(pl.Int32, strict=False) for a, n in ((0, 4), (5, 2)))
    return ((year - used.dt.year()) * 12 + month - used.dt.month()).abs() > LATEST_MONTHS
