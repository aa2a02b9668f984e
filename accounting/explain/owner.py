"""Whose a charge's workload is: the rule that says so, the job's own word, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from accounting.core.ownership import FACTS, Rule, matching, rules
from accounting.explain.scene import Scene
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import counted, span

_TRUST = {
    "fact": "a fact: a rule on what the scheduler knows of the job",
    "claim": "a claim: the job's own word, which no rule overrules",
    "unowned": "unowned: no rule matches, and the job names no team; next: chipledger owners",
}


def owner(scene: Scene) -> Section:
    """The identity of the charge's holdings; of time that nobody held, the capacity's owner."""
    if scene.held.is_empty():
        return _nobodys(scene)
    book = rules(scene.partition.teams)
    columns = [*FACTS, "team", "owner_status", "cost_center", "import_seq", "row", "start"]
    said: dict[str, None] = {}
    found: dict[str, Rule] = {}
    here = pl.lit(scene.partition.cluster)
    asked = scene.held.with_columns(pool="asked_pool", accelerator="asked_accelerator", cluster=here)
    every = asked.select(columns)
    for job in every.iter_rows(named=True):
        claimants = matching(book, {name: job[name] for name in FACTS}, job["start"])
        found |= {rule.place: rule for rule in claimants}
        said[_whose(scene, job, claimants)] = None
    statuses = every["owner_status"].unique().sort().to_list()
    facts: dict[str, Value] = {"owner_team": scene.charge["owner_team"], "trust": ", ".join(statuses)}
    facts |= {name: value for name in FACTS if (value := _one(every[name])) is not None}
    lines = [*(f"{scene.charge['owner_team']} is {_TRUST[status]}" for status in statuses), *said]
    used = frozenset(row["import_seq"] for row in _rows(scene, found))
    return Section("owner", "Whose workload it is", lines, facts, _grids(scene, found), used)


def _nobodys(scene: Scene) -> Section:
    charge = scene.charge
    if charge["workload_id"] is None and charge["charge_kind"] == "usage":
        line = (
            "the device was busy and no job log or agent says who held it (fault unallocated_use): no rule can own it"
        )
    elif charge["owner_team"] is None:
        line = "nobody held it, and its capacity names no owner"
    else:
        line = f"nobody held it; {charge['owner_team']} owns the capacity (its column owner_team)"
    return Section("owner", "Whose workload it is", [line], {"owner_team": charge["owner_team"], "trust": None})


def _whose(scene: Scene, job: Mapping[str, Any], claimants: list[Rule]) -> str:
    if claimants:
        others = len(claimants) - 1
        rest = f"; {counted(others, 'other rule')} match{'es' * (others == 1)} less well" if others else ""
        return f"the rule {claimants[0].place} of priority {claimants[0].rank[0]}{rest}"
    if job["owner_status"] == "claim":
        return f"row {job['row']} of {scene.file(job['import_seq'])} names team {job['team']}"
    return "no rule matches its facts"


def _one(column: pl.Series) -> str | None:
    """The value that all have."""
    values = column.unique().to_list()
    return values[0] if len(values) == 1 else None


def _rows(scene: Scene, found: Mapping[str, Rule]) -> list[dict[str, Any]]:
    """Rows of the rules, in the order in which they were found."""
    teams = scene.partition.teams
    each = [(rules(teams[i])[0].place, row) for i, row in enumerate(teams.iter_rows(named=True))]
    return [row for place, row in each if place in found]


def _grids(scene: Scene, found: Mapping[str, Rule]) -> list[Grid]:
    rows: list[tuple[Value, ...]] = [
        (
            *(row["selector"], row["team"], row["cost_center"], row["priority"], span(row["start_ms"], row["end_ms"])),
            *(row["import_seq"], row["row"], scene.file(row["import_seq"])),
        )
        for row in _rows(scene, found)
    ]
    columns = ("selector", "team", "cost_center", "priority", "holds", "import", "row", "file")
    return [Grid("rules", "rules that match", columns, rows)] if rows else []
