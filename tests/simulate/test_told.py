"""What the demo shows beside its truth: disputes, and what its energy emits."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from accounting.inputs.importing import silent
from accounting.project import Project
from accounting.simulate.demo import Built, Plan, build_demo


def test_one_idle_charge_is_half_credited_and_another_waits(built: Built) -> None:
    project = built.project
    found = project.query("SELECT number, action, charge_id, cost, credit, state FROM disputes ORDER BY seq").to_dicts()
    assert [(row["action"], row["state"]) for row in found] == [
        ("open", "credited"), ("credit", "credited"), ("open", "open"),
    ]  # fmt: skip
    half = found[1]["credit"]
    assert half == round(found[0]["cost"] / 2, 2) > 0

    lines = project.query("SELECT team, cost FROM charges WHERE borne_by_rule = 'dispute:1' ORDER BY cost").rows()
    (charge,) = project.query(
        f"SELECT team, charge_kind FROM charges WHERE charge_id = '{found[0]['charge_id']}'"
    ).rows()
    assert charge[1] == "idle"
    assert lines == [(charge[0], -half), ("platform", half)]


def test_every_joule_emits_what_the_grid_of_its_region_says(built: Built) -> None:
    text = """SELECT region, COUNT(*) AS n, SUM(energy_joules) AS joules, SUM(co2e_grams) AS grams
      FROM usage WHERE energy_joules IS NOT NULL GROUP BY region"""
    grid = _factors(built)
    rows = built.project.query(text).to_dicts()

    assert rows
    for row in rows:
        factors = grid.get(row["region"], grid[None])
        least, most = (row["joules"] / 3_600_000 * one for one in (min(factors), max(factors)))
        assert row["joules"] > 0
        assert least - row["n"] * Decimal("0.001") <= row["grams"] <= most + row["n"] * Decimal("0.001")


def _factors(built: Built) -> dict[str | None, list[Decimal]]:
    found: dict[str | None, list[Decimal]] = {}
    for factor in built.project.config.grid:
        found.setdefault(factor.region, []).append(factor.grams * factor.pue)
    return found


def test_hosts_that_prices_leave_out_are_borne_with_their_accelerators(billed: Project) -> None:
    text = """SELECT team, SUM(cost) AS cost, MIN(borne_by_rule) AS rule FROM charges
      WHERE price_id = 'sku:5003-G2' GROUP BY team ORDER BY team"""
    lines = billed.query(text).to_dicts()
    held = """SELECT team, SUM(device_seconds) AS seconds FROM charges
      WHERE provider = 'gcp' AND accelerator = 'L4' AND month = '2026-10' GROUP BY team ORDER BY team"""
    seconds = dict(billed.query(held).iter_rows())

    assert {row["rule"] for row in lines} == {"overhead:time"}
    assert sum(row["cost"] for row in lines) == 2 * Decimal("6.5")
    whole = sum(seconds.values())
    for row in lines:
        assert abs(row["cost"] - 13 * seconds[row["team"]] / whole) < Decimal("0.00001")


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A company with a day of October, which Google has billed."""
    plan = Plan(devices=24, days=3, until=date(2026, 11, 2), seed=7, interval=60)
    return build_demo(plan, tmp_path_factory.mktemp("billed") / "fleet", silent).project
