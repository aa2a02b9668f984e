"""Bills in FOCUS, versions 1.0 to 1.4, of any provider."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import polars as pl

from accounting.accelerators import canonical
from accounting.errors import InputError
from accounting.inputs import labels
from accounting.inputs.mapping import Term
from accounting.inputs.nested import each, flattened, parsed
from accounting.inputs.numbers import EXACT
from accounting.inputs.staged import Staged

NULLS = ("NULL", "null")
_NEEDED = ("BilledCost", "ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingCurrency")
_PLAIN = {
    "invoice_id": "InvoiceId",
    "invoice_month": "BillingPeriodStart",
    "description": "ChargeDescription",
    "service": "ServiceName",
    "project": "SubAccountId",
    "resource": "ResourceId",
    "region": "RegionId",
    "usage_start": "ChargePeriodStart",
    "usage_end": "ChargePeriodEnd",
    "list_cost": "ListCost",
    "currency": "BillingCurrency",
    "commitment_id": "CommitmentDiscountId",
}
_NAMES = ("HostProviderName", "ProviderName", "ServiceProviderName", "InvoiceIssuerName")
_QUANTITIES = {"PricingQuantity": "PricingUnit", "ConsumedQuantity": "ConsumedUnit"}
_OTHERS = (
    *("BilledCost", "EffectiveCost", "ChargeCategory", "ChargeClass", "PricingCategory", "CapacityReservationId"),
    *("CommitmentDiscountStatus", "SkuId", "SkuPriceId", "SkuPriceDetails", "Tags"),
)
_READ = (*_PLAIN.values(), *_NAMES, *_QUANTITIES, *_QUANTITIES.values(), *_OTHERS)
_MADE = (
    *("provider", "sku", "quantity", "unit", "cost", "credits", "commitment_credits", "accelerator", "purchase"),
    *("charge_type", "label_team"),
)
DEFAULTS = frozenset((*_PLAIN, *_MADE))
_PROVIDERS = {"amazon": "aws", "aws": "aws", "google": "gcp", "microsoft": "azure", "azure": "azure", "oracle": "oci"}
_CATEGORIES = {"standard": "on_demand", "dynamic": "spot", "committed": "committed"}
_MACHINE = re.compile(r"\b(?:[a-z]\w*(?:-\w+)?\.\d*[a-z]\w*|Standard_\w+)\b")


def prepared(path: Path, staged: Staged, team_label: str) -> tuple[Staged, dict[str, Term]]:
    """The rows with our columns beside them, and terms that read these; raises `InputError` on another table."""
    for name in _NEEDED:
        if name not in staged.columns:
            raise InputError(
                f"{path}: not FOCUS: it has no {name}; export it in FOCUS 1.0 or later, or write a mapping with"
                " another format and a line for each column"
            )
    flat = flattened(staged, _READ)
    frame = flat.frame.with_columns(_machine().alias("_machine")).with_columns(
        pl.coalesce(_NAMES).map_batches(each(_provider, pl.String()), return_dtype=pl.String(), is_elementwise=True)
        .alias("_provider"),
        _sku().alias("_sku"),
        *_amounts(),
        *_usage(),
        _purchase().alias("_purchase"),
        _charge_type().alias("_charge_type"),
        labels.team(pl.col("Tags"), team_label).alias("_label_team"),
    )  # fmt: skip
    terms = {ours: Term(theirs, theirs) for ours, theirs in _PLAIN.items()}
    terms |= {name: Term(f"_{name}", f"_{name}") for name in _MADE}
    ready = replace(flat, frame=frame.drop("_machine"), extra=(*flat.extra, *(f"_{name}" for name in _MADE)))
    return ready, terms


def _provider(name: str) -> str:
    found = next((ours for word, ours in _PROVIDERS.items() if word in name.casefold()), None)
    return found or name.strip().casefold()


def _sku() -> pl.Expr:
    """Taxes, credits and purchases may be of no SKU: then what they are, of which service."""
    other = pl.format("{} {}", pl.col("ServiceName").fill_null(""), pl.col("ChargeCategory").fill_null(""))
    return pl.coalesce("SkuId", "SkuPriceId", other.str.strip_chars())


def _amounts() -> list[pl.Expr]:
    """What a commitment covers is billed with its fee: it costs what it is worth, and a credit takes that back.

    A credit is no cost. Cost and credits add up to BilledCost.
    """
    billed, worth = (pl.col(name).cast(EXACT, strict=False) for name in ("BilledCost", "EffectiveCost"))
    covered = ((pl.col("CommitmentDiscountStatus") == "Used") & worth.is_not_null() & billed.is_not_null()).fill_null(
        False
    )
    credit = (_category() == "credit").fill_null(False)
    zero = pl.lit("0")
    text, back = pl.col("BilledCost"), (billed - worth).cast(pl.String)
    return [
        pl.when(credit & billed.is_not_null()).then(zero).when(covered).then(worth.cast(pl.String)).otherwise(text)
        .alias("_cost"),
        pl.when(credit).then(text).when(covered).then(back).otherwise(zero).alias("_credits"),
        pl.when(covered & ~credit).then(back).otherwise(zero).alias("_commitment_credits"),
    ]  # fmt: skip


def _usage() -> list[pl.Expr]:
    """Accelerator-hours of machines that have accelerators, else as priced; an unused commitment is no usage."""
    used = (pl.col("CommitmentDiscountStatus") == "Unused").fill_null(False).not_()
    chips = pl.col("_machine").struct.field("chips").cast(EXACT, strict=False)
    hours = pl.col("PricingQuantity").cast(EXACT, strict=False) * chips
    told = pl.coalesce(hours.cast(EXACT, strict=False).cast(pl.String), *_QUANTITIES)
    units = [pl.when(pl.col(name).is_not_null()).then(pl.col(unit)) for name, unit in _QUANTITIES.items()]
    return [
        pl.when(used).then(told).alias("_quantity"),
        pl.when(used)
        .then(pl.when(hours.is_not_null()).then(pl.lit("hour")).otherwise(pl.coalesce(units)))
        .alias("_unit"),
        pl.col("_machine").struct.field("name").alias("_accelerator"),
    ]


def _machine() -> pl.Expr:
    """The accelerators of a machine by the hour, whose type the SKU's details name, or else the description."""
    dtype = pl.Struct({"name": pl.String(), "chips": pl.String()})
    of_details = pl.col("SkuPriceDetails").map_batches(
        each(_in_details, pl.String()), return_dtype=pl.String(), is_elementwise=True
    )
    by_hour = pl.coalesce(_QUANTITIES.values()).str.contains("(?i)hour|hrs").fill_null(True)
    text = pl.when(by_hour).then(pl.coalesce(of_details, "ChargeDescription"))
    return text.map_batches(each(_accelerators, dtype), return_dtype=dtype, is_elementwise=True)


def _in_details(text: str) -> str | None:
    try:
        found = parsed(text)
    except ValueError:
        return None
    said = found.get("InstanceType") if isinstance(found, dict) else None
    return None if said is None else str(said)


@cache
def _accelerators(text: str) -> dict[str, str] | None:
    for word in _MACHINE.findall(text):
        found = canonical(word, {})
        if found.memory_gib is not None:
            return {"name": found.name, "chips": str(found.chips)}
    return None


def _category() -> pl.Expr:
    return pl.col("ChargeCategory").str.to_lowercase()


def _purchase() -> pl.Expr:
    told = pl.col("PricingCategory").str.to_lowercase().replace_strict(_CATEGORIES, default=None)
    return pl.when(pl.col("CapacityReservationId").is_not_null()).then(pl.lit("reservation")).otherwise(told)


def _charge_type() -> pl.Expr:
    category = _category()
    correction = (pl.col("ChargeClass").str.to_lowercase() == "correction").fill_null(False)
    return (
        pl.when(category == "tax")
        .then(pl.lit("tax"))
        .when((category == "adjustment") | correction)
        .then(pl.lit("adjustment"))
        .when((category == "purchase") & pl.col("CommitmentDiscountId").is_not_null())
        .then(pl.lit("commitment_fee"))
        .when(category.is_in(["usage", "purchase", "credit"]))
        .then(pl.lit("usage"))
        .otherwise(category)
    )
