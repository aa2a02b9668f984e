"""Google Cloud's billing export: the detailed (or standard) usage cost table, from any file that it was put in."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from itertools import chain
from pathlib import Path

import polars as pl

from accounting.errors import InputError
from accounting.inputs import labels
from accounting.inputs.mapping import Term
from accounting.inputs.nested import each, flattened, lacking, parsed
from accounting.inputs.numbers import EXACT
from accounting.inputs.staged import Staged

NULLS = ("NULL", "None", "nan", "NaN")
_NEEDED = ("sku.id", "usage_start_time", "usage_end_time", "cost", "currency", "invoice.month")
_PLAIN = {
    "sku": "sku.id",
    "description": "sku.description",
    "service": "service.description",
    "project": "project.id",
    "usage_start": "usage_start_time",
    "usage_end": "usage_end_time",
    "list_cost": "cost_at_list",
    "cost": "cost",
    "currency": "currency",
    "invoice_month": "invoice.month",
    "export_time": "export_time",
}
_FIRST = {
    "resource": ("resource.global_name", "resource.name"),
    "region": ("location.region", "location.location"),
    "commitment_id": ("consumption_model.applied_subscription_instance_id", "subscription.instance_id"),
}
_USAGE = ("usage.amount", "usage.unit", "usage.amount_in_pricing_units", "usage.pricing_unit")
_LABELS = ("labels", "system_labels", "tags")
_APART = (
    *("billing_account_id", "service.description", "location.location", "location.region", "location.zone"),
    *("resource.name", "resource.global_name", "usage.unit", "usage.pricing_unit", "price.tier_start_amount"),
    *("cost_type", "transaction_type", "seller_name", "adjustment_info.id", "adjustment_info.type"),
    *("consumption_model.id", "consumption_model.description", "subscription.instance_id"),
)
_NUMBERS = ("usage.amount", "usage.amount_in_pricing_units")
_READ = tuple(
    dict.fromkeys(
        (
            *(*_PLAIN.values(), *chain.from_iterable(_FIRST.values()), *_USAGE, *_LABELS, *_APART),
            "credits",
        )
    )
)
COLUMNS = tuple(dict.fromkeys(name.partition(".")[0] for name in _READ))
"""Columns of the table that have them."""

_TYPES = {"tax": "tax", "adjustment": "adjustment", "rounding_error": "rounding"}
_COMMITMENTS = ("COMMITTED_USAGE_DISCOUNT", "COMMITTED_USAGE_DISCOUNT_DOLLAR_BASE")
_OFFSET = "FEE_UTILIZATION_OFFSET"
_CREDITS = ("credits", "commitment_credits", "fee_offset")
_MADE = (
    *("provider", "quantity", "unit", "purchase", "charge_type", "label_team", "detail"),
    *_FIRST,
    *_CREDITS,
)
DEFAULTS = frozenset((*_PLAIN, *_MADE))
_NANO = Decimal("1e-9")
_SUMS = "_sums"


def prepared(path: Path, staged: Staged, team_label: str) -> tuple[Staged, dict[str, Term]]:
    """The rows with our columns beside them, and terms that read these; raises `InputError` on another table."""
    _check(path, staged)
    flat = flattened(staged, _READ)
    frame = flat.frame.with_columns(*_usage(), _credits().alias(_SUMS), *_told(team_label))
    frame = frame.with_columns(pl.col(_SUMS).struct.field(name).alias(f"_{name}") for name in _CREDITS)
    frame = frame.with_columns(_charge_type(), _detail().alias("_detail")).drop(_SUMS)
    terms = {ours: Term(theirs, theirs) for ours, theirs in _PLAIN.items()}
    terms |= {name: Term(f"_{name}", f"_{name}") for name in _MADE}
    return replace(flat, frame=frame, extra=(*flat.extra, *(f"_{name}" for name in _MADE))), terms


def _check(path: Path, staged: Staged) -> None:
    name = lacking(staged, _NEEDED)
    if name is not None:
        raise InputError(
            f"{path}: no billing export of Google Cloud: it has no {name}; export the table"
            " gcp_billing_export_resource_v1_…, or write a mapping with another format and a line for each column"
        )


def _told(team_label: str) -> list[pl.Expr]:
    return [
        pl.lit("gcp").alias("_provider"),
        *(pl.coalesce(names).alias(f"_{ours}") for ours, names in _FIRST.items()),
        _purchase().alias("_purchase"),
        labels.team(pl.col("labels"), team_label).alias("_label_team"),
    ]


def _detail() -> pl.Expr:
    """What tells rows apart that cost the same, in one writing whatever file it was in."""
    return labels.digest(
        [
            *(labels.canonical(pl.col(name)) for name in _LABELS),
            *(pl.col(name).cast(EXACT, strict=False).cast(pl.String) for name in _NUMBERS),
            *map(pl.col, ("_commitment_credits", "_fee_offset")),
            *map(pl.col, _APART),
        ]
    )


def _usage() -> list[pl.Expr]:
    """Hours where the price is by the hour or the usage in seconds, else in the unit of the price."""
    seconds = (pl.col("usage.unit") == "seconds") & pl.col("usage.pricing_unit").is_in(["hour", "h"]).not_().fill_null(
        True
    )
    hours = (pl.col("usage.amount").cast(EXACT, strict=False) / 3600).cast(pl.String)
    priced = pl.col("usage.amount_in_pricing_units").is_not_null()
    return [
        pl.when(seconds).then(hours).when(priced).then("usage.amount_in_pricing_units").otherwise("usage.amount")
        .alias("_quantity"),
        pl.when(seconds).then(pl.lit("hour")).when(priced).then("usage.pricing_unit").otherwise("usage.unit")
        .alias("_unit"),
    ]  # fmt: skip


def _purchase() -> pl.Expr:
    """Committed where another model than the default one priced it; else the SKU's text tells."""
    model = pl.col("consumption_model.description")
    return pl.when(model.str.strip_chars().str.to_lowercase() != "default").then(pl.lit("committed"))


def _charge_type() -> pl.Expr:
    """NULL of regular costs: the SKU's text tells fees of commitments; an offset is only of a fee."""
    said = pl.col("cost_type").str.to_lowercase()
    fee = pl.col("_fee_offset").cast(EXACT, strict=False) != 0
    regular = said.is_null() | (said == "regular")
    return (
        pl.when(regular & fee.fill_null(False))
        .then(pl.lit("commitment_fee"))
        .when(regular.not_())
        .then(said.replace(_TYPES))
        .alias("_charge_type")
    )


def _credits() -> pl.Expr:
    dtype = pl.Struct(dict.fromkeys(_CREDITS, pl.String()))
    return pl.col("credits").map_batches(each(_summed, dtype), return_dtype=dtype, is_elementwise=True)


def _summed(text: str) -> dict[str, str]:
    """Sums of all, of commitments' and of offsets; of another cell its text, which is no number."""
    try:
        found = parsed(text)
        items = found if isinstance(found, list) else [found]
        sums = dict.fromkeys(_CREDITS, Decimal(0))
        with localcontext(prec=60):
            for item in items:
                amount, kind = _credit(item)
                sums["credits"] += amount
                sums["commitment_credits"] += amount if kind in _COMMITMENTS else 0
                sums["fee_offset"] += amount if kind == _OFFSET else 0
    except (ValueError, InvalidOperation):
        return {"credits": text}
    return {name: f"{amount:f}" for name, amount in sums.items()}


def _credit(item: object) -> tuple[Decimal, str]:
    """Amount to nine decimals, as Google's own sums in NUMERIC, and type; raises ValueError."""
    if not isinstance(item, dict) or item.get("amount") is None:
        raise ValueError("no credit")
    amount = Decimal(str(item["amount"]))
    return amount.quantize(_NANO, ROUND_HALF_EVEN), str(item.get("type") or item.get("name") or "")
