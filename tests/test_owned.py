from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from accounting.errors import InputError
from accounting.owned import read_rates

NODE = """
[[rate]]
accelerator = "H100-80GB"
accelerators = 8
capex = 320_000
network_storage_percent = 15
years = 5
kw_it = 10.2
load = 0.8
pue = 1.3
price_per_kwh = 0.10
support_percent = 5
staff_per_accelerator_year = 600
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "nodes.toml"


def test_a_file_of_dated_rates(file: Path) -> None:
    later = NODE.replace("0.10", "0.20") + "start = 2027-01-01T00:00:00Z\nend = 2028-01-01\nregion = 'hall'\n"
    file.write_text(NODE + later)
    name, (first, second) = read_rates(file)

    assert name == "nodes"
    assert first.row == {
        "accelerator": "H100-80GB",
        "provider": "on_prem",
        "region": None,
        "purchase": "owned",
        "start": None,
        "end": None,
        "price_per_hour": "1.479631963",
        "currency": "USD",
        "covers": "machine",
    }
    assert second.price - first.price == Decimal("0.1326")
    assert (second.start, second.end, second.region) == ("2027-01-01T00:00:00+00:00", "2028-01-01", "hall")


def test_a_residual_in_percent_and_staff_of_a_node(file: Path) -> None:
    file.write_text(NODE + "residual_percent = 25\n")
    (percent,) = read_rates(file)[1]
    file.write_text(NODE.replace("staff_per_accelerator_year = 600", "staff_per_year = 4800") + "residual = 80000\n")
    (amount,) = read_rates(file)[1]

    assert percent.price == amount.price == Decimal("1.251321461")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("years = 5", "years = 0"), "nodes.toml: rate 1: years: 0 must be above 0"),
        (("load = 0.8", "load = 80"), "rate 1: load: 80 is more than 1"),
        (("capex = 320_000", "capex = nan"), "capex"),
        (("capex = 320_000", "capex = -1"), "capex: -1 must be above 0"),
        (("years = 5", "year = 5"), "rate 1: year: unknown key; did you mean years"),
        (("price_per_kwh = 0.10", ""), r"kw_it: 10.2 kW without a price: add price_per_kwh or colo_per_kw_month"),
        (("kw_it = 10.2", ""), "kw_it: is missing"),
        (("pue = 1.3", "pue = 1.3\ncolo_per_kw_month = 180"), "price_per_kwh: stands beside colo_per_kw_month"),
        (("pue = 1.3", "pue = 1.3\nresidual = 400000"), "residual: 400000 is more than capex 320000"),
        (("pue = 1.3", "pue = 1.3\nstart = '2026'"), "start: '2026' is not a date; write 2026-01-01"),
        (("pue = 1.3", "pue = 1.3\ncurrency = 'dollar'"), "currency: 'dollar' is not a currency"),
        (("accelerators = 8", "accelerators = 0"), "accelerators"),
    ],
)
def test_what_cannot_be_is_refused(file: Path, change: tuple[str, str], says: str) -> None:
    file.write_text(NODE.replace(*change))
    with pytest.raises(InputError, match=says):
        read_rates(file)
