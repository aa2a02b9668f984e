from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.core.tco import Node, nano, reckon, said

ANCHOR: dict[str, Any] = {
    "accelerators": 8,
    "capex": Decimal(320_000),
    "years": Decimal(5),
    "network_storage_percent": Decimal(15),
    "spares_percent": Decimal(0),
    "residual": Decimal(0),
    "kw_it": Decimal("10.2"),
    "load": Decimal("0.8"),
    "pue": Decimal("1.3"),
    "price_per_kwh": Decimal("0.10"),
    "colo_per_kw_month": None,
    "support_percent": Decimal(5),
    "staff_per_year": Decimal(4_800),
    "space_per_year": Decimal(0),
}


def price(**changed: object) -> Decimal:
    told = reckon(Node(**{**ANCHOR, **changed}))
    return told.hourly(told.per_year)


@pytest.mark.parametrize(
    ("changed", "stated"),
    [
        ({}, "1.4796"),
        ({"years": Decimal(3)}, "2.1798"),
        ({"price_per_kwh": None, "colo_per_kw_month": Decimal(180)}, "1.6614"),
    ],
)
def test_worked_anchors(changed: dict[str, Decimal | None], stated: str) -> None:
    assert price(**changed).quantize(Decimal("0.0001")) == Decimal(stated)


def test_the_parts_of_the_anchor() -> None:
    told = reckon(Node(**ANCHOR))
    hourly = {part.name: told.hourly(part.per_year).quantize(Decimal("0.0001")) for part in told.parts}

    assert hourly == {
        "capital": Decimal("1.0502"),
        "power": Decimal("0.1326"),
        "support": Decimal("0.2283"),
        "staff": Decimal("0.0685"),
        "space": Decimal(0),
    }


def test_the_anchor_by_another_reckoning() -> None:
    capital = Fraction(320_000 * 115, 100 * 5)
    power = Fraction(102 * 8 * 13, 1000) * 8760 / 10
    exact = (capital + power + 16_000 + 4_800) / (8 * 8760)

    assert price() == Decimal(round(exact * 10**9)) / 10**9


def test_a_residual_and_spares_and_space_count() -> None:
    each = Decimal(8 * 8760)

    assert abs(price() - price(residual=Decimal(80_000)) - 16_000 / each) < Decimal("2e-9")
    assert abs(price(spares_percent=Decimal(5)) - price() - 3_200 / each) < Decimal("2e-9")
    assert abs(price(space_per_year=Decimal(70_080)) - price() - 1) < Decimal("2e-9")


@given(st.integers(1, 64), st.decimals(1, 10**7, places=2), st.decimals(1, 10, places=1), st.decimals(0, 100, places=2))
def test_the_parts_are_the_price_but_for_their_own_rounding(
    accelerators: int, capex: Decimal, years: Decimal, percent: Decimal
) -> None:
    told = reckon(
        Node(**{**ANCHOR, "accelerators": accelerators, "capex": capex, "years": years, "spares_percent": percent})
    )
    parts = sum((told.hourly(part.per_year) for part in told.parts), Decimal(0))

    assert abs(parts - told.hourly(told.per_year)) <= Decimal("0.5e-9") * (len(told.parts) + 1)


def test_rounding_is_half_even() -> None:
    assert [nano(Fraction(n, 2 * 10**9)) for n in (1, 3, 5)] == [Decimal(0), Decimal("2e-9"), Decimal("2e-9")]
    assert [said(Decimal(x)) for x in ("320000", "0.10", "1200.50")] == ["320,000", "0.1", "1,200.5"]
