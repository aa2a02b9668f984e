"""Who bears a charge, and by which policy: the holder, the capacity's owner, the platform, or many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from accounting.core.bear import SPREADS
from accounting.core.charges import KEYS
from accounting.explain.scene import Scene
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import amount, seconds, span, total
from accounting.policy import Policy

_FOR = {
    "usage": "by the time that they held and were busy",
    "allocation": "by the time that they held",
    "evenly": "in equal parts",
}


_MOVED = {"owner": "the capacity's owner, else the platform", "platform": "the platform team"}
_UNMOVED = {
    "usage": "what is held is borne by who held it",
    "idle": "idle time is borne by who held it",
    "unallocated": "what nobody held is borne by the capacity's owner, else by the platform team",
    "overhead": "what nobody could use is the capacity owner's, else the platform's; no policy moves it",
}


def bearer(scene: Scene) -> Section:
    """The rule, the policies whose rule it is, and for what is spread everybody's share."""
    charge, policies = scene.charge, scene.partition.policies
    codes = scene.found.parts["policy"].unique().sort().to_list()
    grids = [_policies(policies, codes)]
    if _rule(scene) in SPREADS:
        grids += list(_shares(scene))
    facts: dict[str, Value] = {"team": charge["team"], "borne_by_rule": charge["borne_by_rule"]}
    facts |= {"policy": ", ".join(policies[code].name for code in codes)}
    return Section("bearer", "Who bears it", [_why(scene), *_counts_for(scene)], facts, grids)


def _rule(scene: Scene) -> str:
    return (scene.charge["borne_by_rule"] or "").split(":")[-1]


def _why(scene: Scene) -> str:
    charge, rule = scene.charge, _rule(scene)
    kind, said = charge["charge_kind"], charge["borne_by_rule"]
    if rule in SPREADS and scene.found.weights.is_empty():
        why = f"{said} has nobody to divide it among, for nobody held anything there"
    elif rule in SPREADS:
        why = f"{said}, {kind} time is divided among the teams of the pool {_FOR[rule]} that day"
    elif rule in _MOVED:
        why = f"{said}, {kind} time goes to {_MOVED[rule]}"
    else:
        why = _UNMOVED[kind]
    return f"{charge['team']}: {why}"


def _counts_for(scene: Scene) -> Iterator[str]:
    """What the bearer counts for in each part, of what all do."""
    for part in scene.found.parts.iter_rows(named=True):
        known = _weights(scene, part)
        if part["team"] in known:
            mine, every = known[part["team"]], sum(known.values())
            percent = f"{Decimal(100 * mine) / every:.3f} %"
            yield f"{part['team']} counts for {mine:,} of {every:,}: {percent}; shares are rounded so that they add up"


def _weights(scene: Scene, part: Mapping[str, Any]) -> dict[str, int]:
    """What each team counts for in a part; empty where it is not divided."""
    mine = scene.found.weights.filter(day=part["day"], month=part["month"], pool=part["pool"], policy=part["policy"])
    return dict(mine.select("team", "weight").iter_rows())


def _policies(policies: tuple[Policy, ...], codes: list[int]) -> Grid:
    ends = [p.start_ms for p in policies[1:]] + [None]
    rows: list[tuple[Value, ...]] = [
        (p.name, span(p.start_ms, ends[code]), p.idle, p.unallocated, p.platform_team, p.digest[:16])
        for code in codes
        for p in [policies[code]]
    ]
    return Grid("policies", "policy in force", ("policy", "holds", "idle", "unallocated", "platform", "digest"), rows)


def _shares(scene: Scene) -> Iterator[Grid]:
    """One table for each part, in order; weights of `usage` and `allocation` are milliseconds."""
    found = scene.found
    for number, part in enumerate(found.parts.iter_rows(named=True), 1):
        known = _weights(scene, part)
        mine = found.shares.join(found.parts[number - 1 : number].select(KEYS), on=KEYS, how="semi", nulls_equal=True)
        rows = [
            (team, known.get(team), seconds(ms), amount(cost))
            for team, ms, cost in mine.select("team", "ms", "cost").iter_rows()
        ]
        said = f"shares of part {number}" if found.parts.height > 1 else "shares"
        unit = "times 1" if _rule(scene) == "evenly" else "weights in ms"
        name = "shares" if found.parts.height == 1 else f"shares_{number}"
        whole = ("in all", sum(known.values()), seconds(int(mine["ms"].sum())), amount(total(mine["cost"])))
        yield Grid(name, f"{said}, {unit}", ("team", "weight", "device_seconds", "cost"), rows, whole)
