from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.config import load_config
from accounting.core.exchange import Rate, Rates
from accounting.errors import InputError

RATES = """
[rates]
currency = "USD"

[[rates.dated]]
from = 2026-02-01
EUR = 1.1

[[rates.dated]]
from = 2026-01-01T05:00:00Z
EUR = 1.08
JPY = 0.0067
"""


def told(project: Path, text: str) -> Rates:
    file = project / "chipledger.toml"
    file.write_text(file.read_text() + text)
    return load_config(project).rates


def test_rates_are_read_in_order(project: Path) -> None:
    january, february = (
        int(datetime(2026, month, 1, hour, tzinfo=UTC).timestamp()) * 1000 for month, hour in ((1, 5), (2, 0))
    )

    assert told(project, RATES) == Rates(
        "USD",
        (
            Rate("EUR", january, Decimal("1.08")),
            Rate("EUR", february, Decimal("1.1")),
            Rate("JPY", january, Decimal("0.0067")),
        ),
    )


def test_without_rates_the_ledger_has_the_currency_of_the_prices(project: Path) -> None:
    assert told(project, "") == Rates(None, ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('currency = "USD"', ""), "rates.currency: is missing"),
        (('"USD"', '"dollar"'), "rates.currency: 'dollar' is not a currency of three capital letters"),
        (("EUR = 1.1", "eur = 1.1"), "rates.dated 1: 'eur' is not a currency"),
        (("EUR = 1.1", "EUR = '1.1'"), "rates.dated 1: EUR: '1.1' is not a number; write it without quotes"),
        (("EUR = 1.1", "EUR = 0"), "rates.dated 1: EUR: 0 is not a rate"),
        (("EUR = 1.1", "EUR = nan"), "rates.dated 1: EUR: NaN is not a rate"),
        (("EUR = 1.1", "EUR = 1.0123456789"), "more than nine decimals"),
        (("EUR = 1.1", "USD = 1"), "USD is the ledger's own currency"),
        (("from = 2026-02-01\n", ""), "rates.dated 1: from: is missing"),
        (("from = 2026-02-01\n", "from = 'May'\n"), "rates.dated 1: from: 'May' is not a date"),
        (("2026-02-01", "2026-01-01T05:00:00Z"), "two rates of EUR begin at one instant"),
    ],
)
def test_what_is_no_rate_is_refused(project: Path, change: tuple[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        told(project, RATES.replace(*change))
