"""Which columns a version of FOCUS has, in its order, and ours after them.

Source: FOCUS specification 1.2 and 1.4, FinOps Foundation (CC BY 4.0).
"""

from __future__ import annotations

import re

_BOTH = re.findall(
    r"\w+",
    """
    AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency BillingPeriodEnd
    BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory ChargeClass ChargeDescription
    ChargeFrequency ChargePeriodEnd ChargePeriodStart CommitmentDiscountCategory CommitmentDiscountId
    CommitmentDiscountName CommitmentDiscountQuantity CommitmentDiscountStatus CommitmentDiscountType
    CommitmentDiscountUnit ConsumedQuantity ConsumedUnit ContractedCost ContractedUnitPrice EffectiveCost InvoiceId
    InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice
    PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice PricingQuantity PricingUnit RegionId RegionName ResourceId
    ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId
    SubAccountId SubAccountName SubAccountType Tags
    """,
)
_OURS = (
    *("x_ChargeKey", "x_Corrects", "x_ChargeKind", "x_State"),
    *("x_Model", "x_HolderTeam", "x_BorneByRule", "x_UsedCost"),
)

PROFILES: dict[str, tuple[str, ...]] = {
    "1.2": (*sorted([*_BOTH, "ProviderName", "PublisherName"]), *_OURS),
    "1.4": (*sorted([*_BOTH, "ServiceProviderName", "HostProviderName", "InvoiceDetailId"]), *_OURS),
}
"""By version, the columns of Cost and Usage."""

PROVIDERS = {
    "gcp": "Google Cloud",
    "aws": "Amazon Web Services",
    "azure": "Microsoft Azure",
    "on_prem": "On-premises",
}
"""Names of providers as people write them; others are kept."""

CATEGORIES: dict[str, str] = {
    "usage": "Usage",
    "idle": "Usage",
    "unallocated": "Usage",
    "overhead": "Usage",
    "correction": "Usage",
    "commitment_unused": "Usage",
    "credit": "Credit",
    "reconciliation": "Adjustment",
}
"""ChargeCategory of each charge kind."""

PRICING: dict[str, str] = {"spot": "Dynamic", "committed": "Committed", "reservation": "Committed"}
"""PricingCategory of each purchase; others are Standard."""
