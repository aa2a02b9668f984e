"""`[[grid]]`: what it takes, and which days another factor does again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from accounting.config import FILE, load_config, write_project
from accounting.core.carbon import Factor
from accounting.errors import InputError
from accounting.stores.lake import Lake
from tests.test_pipeline import FILES, Ledger

FACTOR = "\n[[grid]]\nfrom = {start}\nco2e_g_per_kwh = {grams}\n"
SAMPLES = """device_id,start,end,busy,energy_j
d1,2025-01-30T00:00:00Z,2025-01-31T00:00:00Z,50,7200000
d1,2025-01-31T00:00:00Z,2025-02-01T00:00:00Z,50,3600000
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "p")
    Lake.create(load_config(write_project(made.folder)).lake)
    for kind, text in {**FILES, "samples": SAMPLES}.items():
        made.bring(kind, text)
    return made


def told(ledger: Ledger, more: str) -> Callable[[], None]:
    def write() -> None:
        file = ledger.folder / FILE
        file.write_text(file.read_text("utf-8") + more, "utf-8")

    return write


def emissions(ledger: Ledger) -> dict[date, Decimal | None]:
    return dict(ledger.project.query("SELECT day, SUM(co2e_grams) FROM usage GROUP BY day").iter_rows())


def test_a_factor_says_what_energy_emits_and_does_only_its_days_again(ledger: Ledger) -> None:
    ledger.run()
    assert set(emissions(ledger).values()) == {None}
    redone = ledger.redone(told(ledger, FACTOR.format(start="2025-01-31", grams=360)))

    found = emissions(ledger)
    assert (found[date(2025, 1, 30)], found[date(2025, 1, 31)]) == (None, Decimal(360))
    assert date(2025, 1, 31) in redone
    assert min(redone) == date(2025, 1, 31)
    again = ledger.redone(told(ledger, FACTOR.format(start="2025-02-01", grams=300)))
    assert min(again) == date(2025, 2, 1)
    assert ledger.run().publication is None


def test_no_factor_changes_what_is_charged(ledger: Ledger) -> None:
    ledger.run()
    before = ledger.rows()["charges"]
    ledger.redone(told(ledger, FACTOR.format(start="2025-01-01", grams=400)))

    assert ledger.rows()["charges"] == before


def test_factors_as_they_are_written(tmp_path: Path) -> None:
    file = write_project(tmp_path)
    file.write_text(f'{FACTOR.format(start="2025-02-01", grams="413.5")}region = "west"\npue = 1.09\n')

    assert load_config(file).grid == (Factor("west", date(2025, 2, 1), Decimal("413.5"), Decimal("1.09")),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("co2e_g_per_kwh = 400", r"grid\[0\]\.from: is missing"),
        ("from = 2025-01-01", r"grid\[0\]\.co2e_g_per_kwh: is missing"),
        ('from = "2025-01-01"\nco2e_g_per_kwh = 1', "grid 1: from: 2025-01-01 is not a day"),
        ("from = 2025-01-01T00:00:00Z\nco2e_g_per_kwh = 1", "is not a day"),
        ("from = 2025-01-01\nco2e_g_per_kwh = -1", "co2e_g_per_kwh: -1 is not between 0 and 3,000"),
        ("from = 2025-01-01\nco2e_g_per_kwh = nan", "co2e_g_per_kwh: NaN is not between"),
        ("from = 2025-01-01\nco2e_g_per_kwh = 1\npue = 0.9", "pue: 0.9 is not between 1 and 5"),
        ("from = 2025-01-01\nco2e_g_per_kwh = 0.0001", "more than three decimals"),
        ("from = 2025-01-01\nco2e_g_per_kwh = 1\n[[grid]]\nfrom = 2025-01-01\nco2e_g_per_kwh = 2", "grid 2: another"),
        ("from = 2025-01-01\nco2e_g_per_kwh = 1\nzone = 'x'", "unknown key"),
    ],
)
def test_a_factor_that_cannot_be_names_its_table_and_key(tmp_path: Path, text: str, said: str) -> None:
    file = write_project(tmp_path)
    file.write_text(f"[[grid]]\n{text}\n")

    with pytest.raises(InputError, match=said):
        load_config(file)
