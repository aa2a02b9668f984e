"""Google Cloud's pricing export, `cloud_pricing_export`: what accelerators cost by list and by contract, day by day.

Source: https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/pricing-data
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, DecimalException
from pathlib import Path
from typing import Any

import polars as pl

from accounting import skus
from accounting.core.pricing import LIST, NEGOTIATED
from accounting.errors import InputError
from accounting.inputs.mapping import Term
from accounting.inputs.nested import each, flattened, lacking, parsed
from accounting.inputs.staged import ROW, Staged

NULLS = ("NULL", "None", "nan", "NaN")
_NEEDED = ("sku.description", "pricing_as_of_time", "pricing_unit", "list_price")
_RATES = ("list_price.tiered_rates", "billing_account_price.tiered_rates", "consumption_model_prices")
_READ = (
    "sku.id",
    "sku.description",
    "pricing_as_of_time",
    "pricing_unit",
    "geo_taxonomy.regions",
    "account_currency_code",
    *_RATES,
)
_MADE = ("provider", "accelerator", "region", "purchase", "start", "price_per_hour", "currency", "covers", "kind")
DEFAULTS = frozenset(_MADE)
_HOURS = ("h", "hour")
_APART = "\x1f"
_PRICE = pl.Struct({"model": pl.String(), "kind": pl.String(), "price": pl.String(), "currency": pl.String()})
_KEYS = ["sku.id", "sku.description", "_region", "_purchase", "_kind", "_currency"]


def prepared(path: Path, staged: Staged, _team_label: str) -> tuple[Staged, dict[str, Term]]:
    """A row for each price of an accelerator by the hour, region and way of buying, from the day on that it is new.

    Other SKUs, and prices of 0, are left out. Raises `InputError` on another table.
    """
    _check(path, staged)
    flat = flattened(staged, _READ)
    frame = flat.frame.with_columns(
        _accelerator=pl.col("sku.description").map_batches(each(skus.accelerator, pl.String()), pl.String()),
    ).filter(pl.col("_accelerator").is_not_null() & pl.col("pricing_unit").is_in(_HOURS))
    rows = frame.with_columns(_told(), _region=_regions()).explode("_told").explode("_region").unnest("_told")
    bought = pl.struct("sku.description", "model").map_elements(_purchase, pl.String())
    named = rows.filter(pl.col("price").is_not_null()).with_columns(
        _purchase=bought,
        _provider=pl.lit("gcp"),
        _covers=pl.when(pl.col("_accelerator").str.starts_with("TPU"))
        .then(pl.lit("machine"))
        .otherwise(pl.lit("accelerator")),
        _start="pricing_as_of_time",
        _price_per_hour="price",
        _currency="currency",
        _kind="kind",
    )
    told = named.filter(pl.col("_purchase").is_not_null()).drop("model", "kind", "price", "currency")
    terms = {name: Term(f"_{name}", f"_{name}") for name in _MADE}
    return replace(flat, frame=_changes(told), extra=(*flat.extra, *(f"_{name}" for name in _MADE))), terms


def _check(path: Path, staged: Staged) -> None:
    name = lacking(staged, _NEEDED)
    if name is not None:
        raise InputError(
            f"{path}: no pricing export of Google Cloud: it has no {name}; export the table cloud_pricing_export,"
            " or write a mapping with another format and a line for each column"
        )


def _told() -> pl.Expr:
    """All prices of a SKU on a day, as structs."""
    whole = pl.concat_str([pl.col(name).fill_null("") for name in (*_RATES, "account_currency_code")], separator=_APART)
    return whole.map_batches(each(_prices, pl.List(_PRICE)), pl.List(_PRICE)).alias("_told")


def _prices(text: str) -> list[dict[str, str]]:
    listed, agreed, models, currency = text.split(_APART)
    found = [*_pair("", _parsed(listed), _parsed(agreed), currency)]
    for model in _parsed(models) or []:
        name = model.get("consumption_model_display_name") or ""
        rates = [(model.get(key) or {}).get("tiered_rates") for key in ("list_price", "billing_account_price")]
        found += _pair(name, rates[0], rates[1], currency)
    return found


def _parsed(text: str) -> Any:  # noqa: ANN401 - a list of records of any shape
    try:
        return parsed(text) if text else None
    except ValueError:
        return None


def _pair(model: str, listed: Any, agreed: Any, currency: str) -> Iterator[dict[str, str]]:  # noqa: ANN401
    """The list price, and that of the contract where it is another one."""
    by_list, by_contract = _rate(listed, currency), _rate(agreed, currency)
    for kind, rate in ((LIST, by_list), (NEGOTIATED, by_contract)):
        if rate is not None and (kind == LIST or rate != by_list):
            yield {"model": model, "kind": kind, "price": f"{rate[0]:f}", "currency": rate[1]}


def _rate(tiers: Any, currency: str) -> tuple[Decimal, str] | None:  # noqa: ANN401
    """What an hour costs in the first tier, in the account's currency where the export says so; None: nothing."""
    first = [tier for tier in tiers or [] if not _number(tier.get("start_usage_amount"))]
    if not first:
        return None
    own = _number(first[0].get("account_currency_amount")) if currency else None
    amount = own if own is not None else _number(first[0].get("usd_amount"))
    each_hour = (amount or Decimal(0)) / (_number(first[0].get("pricing_unit_quantity")) or 1)
    return (each_hour, currency if own is not None else "USD") if each_hour else None


def _number(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except DecimalException:
        return None


def _regions() -> pl.Expr:
    """The regions of the SKU; [NULL]: anywhere."""
    found = pl.col("geo_taxonomy.regions").fill_null("").str.to_lowercase().str.extract_all(r"[a-z][a-z0-9-]+")
    return pl.when(found.list.len() > 0).then(found).otherwise(pl.concat_list(pl.lit(None, pl.String)))


def _purchase(said: dict[str, str]) -> str | None:
    """How it is bought; None: by a model of which the export does not say so."""
    text, model = said["sku.description"], said["model"]
    if model and model.strip().casefold() != "default":
        years = re.search(r"(\d)[ -]?y", model.casefold())
        return f"committed_{years[1]}y" if years else None
    years = re.search(r"for (\d) years?", text.casefold())
    if skus.is_fee(text):
        return f"committed_{years[1]}y" if years else "committed"
    return "flex_start" if "dws" in text.casefold() else skus.purchase(text)


def _changes(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Of prices that are told every day, those that are not as they were told before; the later of one day stays."""
    order = rows.unique([*_KEYS, "_start"], keep="last", maintain_order=True).sort([*_KEYS, "_start", ROW])
    before = pl.col("_price_per_hour").shift(1).over(_KEYS)
    return order.filter(before.is_null() | (before != pl.col("_price_per_hour")))
