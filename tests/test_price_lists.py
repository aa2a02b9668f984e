from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounting.accelerators import canonical
from accounting.errors import InputError
from accounting.price_lists import catalog, listed

SKU = ("provider", "region", "purchase", "accelerator")


def test_a_sku_has_one_price() -> None:
    skus = [tuple(getattr(p, name) for name in SKU) for p in catalog()]

    assert len(skus) == len(set(skus)) > 30
    assert {p.provider for p in catalog()} == {"gcp", "aws", "azure"}


def test_every_price_is_named_dated_and_exact() -> None:
    for p in catalog():
        assert canonical(p.accelerator, {}).name == p.accelerator
        assert p.price_per_hour > 0
        assert p.price_per_hour == p.price_per_hour.quantize(Decimal("1e-9"))
        assert re.fullmatch("[A-Z]{3}", p.currency)
        assert p.covers in ("machine", "accelerator")
        assert date(2024, 1, 1) < p.as_of < date(2026, 12, 31)
        assert len(p.source) > 10


def test_spot_and_commitments_cost_less_than_on_demand() -> None:
    """What leaks between the SKUs of price lists would show here."""
    prices = {tuple(getattr(p, name) for name in SKU): p.price_per_hour for p in catalog()}
    for (provider, region, purchase, accelerator), price in prices.items():
        assert purchase == "on_demand" or price < prices[provider, region, "on_demand", accelerator]


def test_known_prices() -> None:
    prices = {tuple(getattr(p, name) for name in SKU): str(p.price_per_hour) for p in catalog()}

    assert prices["gcp", "us-central1", "on_demand", "H100-80GB"] == "11.06125"
    assert prices["aws", "us-east-1", "on_demand", "A100-40GB"] == "2.74470525"
    assert prices["azure", "eastus", "on_demand", "H100-80GB"] == "12.29"
    assert "TPU-v7" not in {p.accelerator for p in catalog()}


def test_a_price_is_stale_after_half_a_year() -> None:
    seen = next(p.as_of for p in catalog() if p.provider == "aws")
    for days, stale in ((180, False), (181, True)):
        found = listed(["aws"], [], seen + timedelta(days))

        assert {one.days for one in found} == {days}
        assert {one.stale for one in found} == {stale}


def test_what_is_asked_for_is_there_or_told() -> None:
    today = date(2026, 11, 1)

    assert {one.listed.region for one in listed(["gcp"], ["us-east5"], today)} == {"us-east5"}
    with pytest.raises(InputError, match="--provider: no provider 'gpc': did you mean 'gcp'"):
        listed(["gpc"], [], today)
    with pytest.raises(InputError, match="--region: no region 'us-east-1'"):
        listed(["gcp"], ["us-east-1"], today)
