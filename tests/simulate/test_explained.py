"""A day of every cluster of the simulated fleet: each of its charges traced to rows, holdings and samples."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from accounting.explain.arithmetic import agrees
from accounting.explain.explained import STEPS
from accounting.explain.scene import Scene, accounted
from accounting.explain.trace import Section
from accounting.inputs.importing import silent
from accounting.simulate.demo import Built

DAY = date(2026, 11, 19)


def grid(section: Section, name: str) -> list[dict[str, Any]]:
    return [record for grid in section.grids if grid.name == name for record in grid.records]


def is_told_of(scene: Scene, charge: dict[str, Any]) -> set[object]:
    """Sources and sharing of the holdings, after holding the sections against the charge."""
    sections = {step.__name__: step(scene) for step in STEPS}
    state, holdings = charge["state"], grid(sections["allocation"], "holdings")
    assert agrees(scene)
    assert {row["workload_id"] for row in holdings} >= {charge["workload_id"]} - {None}
    if state == "allocated_active":
        assert sections["activity"].facts["intervals"]
    if state == "allocated_idle":
        assert sum(row["seconds"] for row in grid(sections["activity"], "runs")) > 0
    if charge["borne_by_rule"] == "unallocated:allocation":
        shares = grid(sections["bearer"], "shares")
        assert charge["cost"] in {row["cost"] for row in shares if row["team"] == charge["team"]}
    for row in holdings:
        assert row["import"] is not None or grid(sections["allocation"], "agent_holdings") or grid(
            sections["allocation"], "agent_allocations"
        )  # fmt: skip
    return {row[name] for row in holdings for name in ("source", "sharing")}


def test_every_charge_of_a_day_is_traced(built: Built) -> None:
    every = built.project.query(
        "SELECT * FROM charges WHERE day = DATE '2026-11-19' AND cluster IS NOT NULL ORDER BY charge_id"
    ).to_dicts()
    by_cluster = defaultdict(list)
    for charge in every:
        by_cluster[charge["cluster"]].append(charge)
    seen: set[object] = set()
    for cluster, charges in by_cluster.items():
        day = accounted(built.project, cluster, DAY, silent)
        assert not day.stale
        for charge in charges:
            scene = day.scene(charge)
            assert scene is not None, charge
            seen |= is_told_of(scene, charge)
    assert len(every) > 100
    assert seen >= {"agent", "prometheus", "cloud_monitoring", "job log", "exclusive", "fractional"}
