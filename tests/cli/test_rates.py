"""Prices in several currencies, from a file to the charges and back through the checks."""

from __future__ import annotations

from decimal import Decimal

from tests.cli.conftest import Shell

RATES = """
[rates]
currency = "USD"
[[rates.dated]]
from = 2026-01-01
EUR = 1.08
"""
MORE = """
[[rates.dated]]
from = 2026-01-02T06:00:00Z
EUR = 1.1
"""


def started(empty: Shell, rates: str) -> None:
    settings = empty.folder / "chipledger.toml"
    settings.write_text(settings.read_text() + rates)
    jobs = "accelerator,quantity,start,end\nh100,1,2026-01-01T00:00:00Z,2026-01-03T00:00:00Z\n"
    prices = (
        "accelerator,price_per_hour,currency,purchase,start\n"
        "h100,2.000000001,EUR,,\nh100,9,USD,spot,\nh100,3,USD,,2026-01-02T12:00:00Z\n"
    )
    for args in (empty.put("jobs", jobs), empty.put("prices", prices)):
        assert empty(*args).returncode == 0


def cost(shell: Shell) -> tuple[Decimal, str]:
    asked = shell(
        "query", "--format", "csv", "SELECT SUM(cost) AS c, MIN(currency) AS a, MAX(currency) AS z FROM charges"
    )
    total, first, last = asked.stdout.splitlines()[1].split(",")
    assert first == last
    return Decimal(total), first


def test_a_price_in_another_currency_costs_what_it_is_worth_then(empty: Shell) -> None:
    started(empty, RATES)
    done = empty("run")
    assert done.returncode == 0, done.stderr
    euros = Decimal("2.160000001")  # 2.16000000108
    assert cost(empty) == (36 * euros + 12 * 3, "USD")
    assert empty("check").returncode == 0

    settings = empty.folder / "chipledger.toml"
    settings.write_text(settings.read_text() + MORE)
    done = empty("run")
    assert done.returncode == 0, done.stderr
    assert "2026-01-02 to 2026-01-02 (1 were up to date)" in done.stdout
    assert cost(empty) == (30 * euros + 6 * Decimal("2.200000001") + 12 * 3, "USD")
    assert empty("check").returncode == 0


def test_what_has_no_rate_is_one_line_that_names_currency_and_day(empty: Shell) -> None:
    started(empty, RATES.replace("2026-01-01", "2026-01-02"))
    done = empty("run")

    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: no rate of EUR on 2026-01-01, and H100-80GB is priced in it (import 2, row 1)"
    )
    assert len(done.stderr.splitlines()) == 1


def test_without_rates_several_currencies_are_refused(empty: Shell) -> None:
    started(empty, "")
    done = empty("run")

    assert done.returncode == 2
    assert "prices in several currencies" in done.stderr
    assert "[rates]" in done.stderr


def test_a_ledger_kept_in_another_currency_than_the_prices(empty: Shell) -> None:
    started(empty, '\n[rates]\ncurrency = "EUR"\n[[rates.dated]]\nfrom = 2025-01-01\nUSD = 0.9\n')
    done = empty("run")
    assert done.returncode == 0, done.stderr

    assert cost(empty) == (36 * Decimal("2.000000001") + 12 * Decimal("2.7"), "EUR")
