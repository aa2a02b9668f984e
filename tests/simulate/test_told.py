"""What the demo shows beside its truth: disputes, and what its energy emits."""

from __future__ import annotations

from decimal import Decimal

from accounting.simulate.demo import Built


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
