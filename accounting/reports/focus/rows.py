"""Cost and Usage: one row of FOCUS for each charge, amounts as exact text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from accounting.core.rounding import MS_PER_HOUR, NANO, half_even
from accounting.reports.focus.profiles import CATEGORIES, PRICING, PROFILES, PROVIDERS
from accounting.schema import INSTANT
from accounting.stores.closing import first_day, following

DIGITS = 9
UNUSED = "commitment_unused"
ACCOUNT = "internal"
_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who writes the invoice: the platform team; `invoices` are the numbers by team; zones of billing by provider."""

    name: str
    invoices: Mapping[str, str]
    zones: Mapping[str, str]


def cost_and_usage(charges: pl.DataFrame, month: str, issuer: Issuer) -> pl.DataFrame:
    """Every column of every version, as text, a row for each row of `charges` (the view's columns), in its order.

    Each has to have a cost. Costs are exact: BilledCost and EffectiveCost are the charge's own, and price × quantity
    is the cost beside it to the last digit, with quantities in hours of nine decimals.
    """
    periods = _periods(charges, month, issuer.zones)
    rows = charges.join(periods, on="provider", how="left", nulls_equal=True, maintain_order="left")
    rows = _priced(rows.with_columns(_correction()))
    return rows.select(
        **_who(issuer),
        **_what(),
        **_sku(),
        **_when(),
        **_amounts(),
        **_prices(),
        **_commitment(),
        **_where(),
        **_ours(),
    ).with_columns(pl.lit(None, pl.String).alias(name) for name in _EMPTY)


_EMPTY = ("AvailabilityZone", "InvoiceDetailId")


def profile(rows: pl.DataFrame, version: str) -> pl.DataFrame:
    """The columns of a version, in its order."""
    return rows.select(PROFILES[version])


def _correction() -> pl.Expr:
    return pl.col("corrects").is_not_null().alias("correction")


def _periods(charges: pl.DataFrame, month: str, zones: Mapping[str, str]) -> pl.DataFrame:
    """By provider, when the billing month begins and ends in its zone."""
    providers = charges["provider"].unique().to_list()
    edges = [tuple(_edge(one, zones.get(p or "", "UTC")) for one in (month, following(month))) for p in providers]
    schema: dict[str, pl.DataType] = {"provider": pl.String(), "begins": INSTANT, "ends": INSTANT}
    return pl.DataFrame([(p, *e) for p, e in zip(providers, edges, strict=True)], schema=schema, orient="row")


def _edge(month: str, zone: str) -> datetime:
    day = first_day(month)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def _priced(rows: pl.DataFrame) -> pl.DataFrame:
    """With `quantity`, `price` and `list_price` in nano-units; a list price that is not known is the price itself."""
    ms = (pl.col("device_seconds") * 1000).cast(pl.Int128)
    used = pl.col("charge_kind").replace_strict(CATEGORIES, return_dtype=pl.String) == "Usage"
    # what has no time is one unit at its cost
    one = pl.when(used).then(pl.when(pl.col("cost") < 0).then(pl.lit(-NANO)).otherwise(pl.lit(NANO)).cast(pl.Int128))
    timed = pl.col("device_seconds").is_not_null()
    priced = rows.with_columns(
        timed=timed,
        used=used,
        ms=ms,
        quantity=pl.when(timed).then(half_even(ms * NANO, MS_PER_HOUR)).otherwise(one),
        price=pl.coalesce("unit_price", pl.when(used).then(pl.col("cost").abs())).mul(NANO).cast(pl.Int128),
        list_nano=(pl.col("list_cost") * NANO).cast(pl.Int128),
    )
    return priced.with_columns(list_price=pl.coalesce(_shortest(), "price"))


def _shortest() -> pl.Expr:
    """The price with the fewest decimals that makes `list_nano` of `ms`: the one that the book had, most likely."""
    ms, cost = pl.col("ms"), pl.col("list_nano")
    found = pl.lit(None, pl.Int128)
    for digits in range(DIGITS, -1, -1):
        unit = 10 ** (DIGITS - digits)
        price = half_even(cost * MS_PER_HOUR, pl.when(ms > 0).then(ms * unit)) * unit
        found = pl.when(half_even(price * ms, MS_PER_HOUR) == cost).then(price).otherwise(found)
    return found


def _who(issuer: Issuer) -> dict[str, pl.Expr]:
    name = pl.lit(issuer.name)
    host = pl.col("provider").replace(PROVIDERS).fill_null(issuer.name)
    return {
        "BillingAccountId": pl.lit(ACCOUNT),
        "BillingAccountName": pl.lit("Internal chargeback"),
        "BillingAccountType": pl.lit("Internal"),
        "InvoiceIssuerName": name,
        "ProviderName": name,
        "ServiceProviderName": name,
        "PublisherName": host,
        "HostProviderName": host,
        "InvoiceId": pl.col("team").replace_strict(dict(issuer.invoices), return_dtype=pl.String),
        "SubAccountId": pl.format("team:{}", "team"),
        "SubAccountName": pl.col("team"),
        "SubAccountType": pl.lit("Team"),
    }


def _what() -> dict[str, pl.Expr]:
    what = pl.concat_str(
        pl.col("charge_kind").str.replace_all("_", " ").str.to_titlecase(),
        pl.coalesce("accelerator", pl.lit("charge")),
        pl.coalesce("workload_id", "pool"),
        separator=", ",
        ignore_nulls=True,
    )
    return {
        "ChargeCategory": pl.col("charge_kind").replace_strict(CATEGORIES, return_dtype=pl.String),
        "ChargeClass": pl.when("correction").then(pl.lit("Correction")),
        "ChargeDescription": what,
        "ChargeFrequency": pl.when("timed").then(pl.lit("Usage-Based")).otherwise(pl.lit("One-Time")),
        "ServiceCategory": pl.lit("Compute"),
        "ServiceName": pl.lit("Accelerators"),
        "ServiceSubcategory": pl.lit("Other (Compute)"),
    }


def _sku() -> dict[str, pl.Expr]:
    """Of accelerators the price row; of a bill's other lines the provider's SKU; credits and adjustments have none."""
    of_accelerator, unused = pl.format("sku:{}", "accelerator"), pl.format("unused:{}", "accelerator")
    used = pl.when("used")
    return {
        "SkuId": used.then(pl.when("timed").then(of_accelerator).otherwise(pl.coalesce("price_id", of_accelerator))),
        "SkuPriceId": used.then(pl.coalesce("price_id", unused)),
        "SkuMeter": used.then(pl.when("timed").then(pl.lit("Accelerator Time")).otherwise(pl.lit("Overhead"))),
        "SkuPriceDetails": used.then(pl.when("timed").then(pl.lit('{"x_Accelerators": 1}')).otherwise(pl.lit("{}"))),
    }


def _when() -> dict[str, pl.Expr]:
    """A charge lies in its day, as far as that is in the billing month; a correction in the day of what it corrects."""
    starts = pl.col("day").cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
    ends = starts + pl.duration(days=1)
    inside = {
        "ChargePeriodStart": pl.max_horizontal(starts, "begins"),
        "ChargePeriodEnd": pl.min_horizontal(ends, "ends"),
    }
    whole = {"ChargePeriodStart": starts, "ChargePeriodEnd": ends}
    charged = {name: pl.when("correction").then(whole[name]).otherwise(inside[name]) for name in whole}
    billed = {"BillingPeriodStart": pl.col("begins"), "BillingPeriodEnd": pl.col("ends")}
    return {name: at.dt.to_string(_INSTANT) for name, at in (charged | billed).items()}


def _amounts() -> dict[str, pl.Expr]:
    cost = (pl.col("cost") * NANO).cast(pl.Int128)
    billed = cost * NANO
    contracted, listed = (pl.coalesce(pl.col(name) * pl.col("quantity"), billed) for name in ("price", "list_price"))
    quantity, unit = (
        exact(pl.col("quantity"), DIGITS),
        pl.when("timed").then(pl.lit("Hours")).otherwise(pl.lit("Units")),
    )
    consumed = pl.when(pl.col("used") & ((pl.col("charge_kind") != UNUSED) | _of_reservation()))
    return {
        "BilledCost": exact(cost, DIGITS),
        "EffectiveCost": exact(cost, DIGITS),
        "PricingCurrencyEffectiveCost": exact(cost, DIGITS),
        "ContractedCost": exact(contracted, 2 * DIGITS),
        "ListCost": exact(listed, 2 * DIGITS),
        "BillingCurrency": pl.col("currency"),
        "PricingCurrency": pl.col("currency"),
        "ConsumedQuantity": consumed.then(quantity),
        "ConsumedUnit": consumed.then(unit),
        "PricingQuantity": quantity,
        "PricingUnit": pl.when("used").then(unit),
    }


def _prices() -> dict[str, pl.Expr]:
    contracted, listed = exact(pl.col("price"), DIGITS), exact(pl.col("list_price"), DIGITS)
    bought = pl.col("purchase").replace_strict(PRICING, default="Standard")
    return {
        "ContractedUnitPrice": contracted,
        "PricingCurrencyContractedUnitPrice": contracted,
        "ListUnitPrice": listed,
        "PricingCurrencyListUnitPrice": listed,
        "PricingCategory": pl.when("used").then(
            pl.when((pl.col("charge_kind") == UNUSED) & ~_of_reservation()).then(pl.lit("Committed")).otherwise(bought)
        ),
    }


def _commitment() -> dict[str, pl.Expr]:
    """Of what a commitment or a reservation cost that nobody used: which, and of a commitment how much, in money."""
    rule = pl.col("borne_by_rule").fill_null("")
    unused = pl.when((pl.col("charge_kind") == UNUSED) & ~_of_reservation())
    name = pl.when(rule.str.starts_with("commitment:")).then(rule).otherwise(pl.format("commitment:{}", "accelerator"))
    reserved = pl.when((pl.col("charge_kind") == UNUSED) & _of_reservation())
    return {
        "CapacityReservationId": reserved.then(rule),
        "CapacityReservationStatus": reserved.then(pl.lit("Unused")),
        "CommitmentDiscountCategory": unused.then(pl.lit("Spend")),
        "CommitmentDiscountId": unused.then(name),
        "CommitmentDiscountName": unused.then(name),
        "CommitmentDiscountQuantity": unused.then(exact((pl.col("cost") * NANO).cast(pl.Int128), DIGITS)),
        "CommitmentDiscountStatus": unused.then(pl.lit("Unused")),
        "CommitmentDiscountType": unused.then(pl.lit("Committed Use Discount")),
        "CommitmentDiscountUnit": unused.then(pl.col("currency")),
    }


def _of_reservation() -> pl.Expr:
    return pl.col("borne_by_rule").fill_null("").str.starts_with("reservation:")


def _where() -> dict[str, pl.Expr]:
    place = pl.concat_str("cluster", "pool", separator="/", ignore_nulls=True)
    held = pl.col("workload_id").is_not_null()
    tags = ("cluster", "pool", "model", "purpose", "cost_center")
    named = pl.when(pl.col("cluster").is_not_null() | held)
    return {
        "RegionId": pl.col("region"),
        "RegionName": pl.col("region"),
        "ResourceId": named.then(
            pl.when(held)
            .then(pl.format("workload:{}/{}", "cluster", "workload_id"))
            .otherwise(pl.format("pool:{}", place))
        ),
        "ResourceName": named.then(pl.coalesce("workload_id", place)),
        "ResourceType": named.then(pl.when(held).then(pl.lit("Workload")).otherwise(pl.lit("Accelerator Pool"))),
        "Tags": pl.struct(pl.col(name).fill_null("") for name in tags).struct.json_encode(),
    }


def _ours() -> dict[str, pl.Expr]:
    return {
        "x_ChargeKey": pl.col("charge_id"),
        "x_Corrects": pl.col("corrects"),
        "x_ChargeKind": pl.col("charge_kind"),
        "x_State": pl.col("state"),
        "x_Model": pl.col("model"),
        "x_HolderTeam": pl.col("owner_team"),
        "x_BorneByRule": pl.col("borne_by_rule"),
        "x_UsedCost": exact((pl.col("used_cost") * NANO).cast(pl.Int128), DIGITS),
    }


def exact(units: pl.Expr, digits: int) -> pl.Expr:
    """An integer in units of 10^-digits as a decimal number, without zeros at its end but one: 9.0, -0.25."""
    digit_text = units.abs().cast(pl.String).str.zfill(digits + 1)
    whole = digit_text.str.head(-digits)
    rest = digit_text.str.tail(digits).str.strip_chars_end("0")
    sign = pl.when(units < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, whole, pl.lit("."), pl.when(rest == "").then(pl.lit("0")).otherwise(rest))
