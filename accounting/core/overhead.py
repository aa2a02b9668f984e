"""Who bears what is billed beside accelerators: as a rule says, else with the accelerators in it, else by cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from accounting.core.hosts import is_host, sits_in

Basis = tuple[str, Mapping[str, int]]
"""What decides (cost, time, rule), and each team's weight."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Lines whose SKU or description is like `match` go to `team`, else by the teams' `cost`, `time`, or `platform`."""

    match: str
    by: str | None = None
    team: str | None = None

    def holds(self, sku: str, description: str | None) -> bool:
        """In any case; `*` stands for anything."""
        return any(fnmatchcase(text.lower(), self.match.lower()) for text in (sku, description or ""))


@dataclass(frozen=True, slots=True)
class Weights:
    """Of each team nano-units of computed cost and device time in ms; `bare`: that of prices without the host."""

    cost: Mapping[str, int]
    time: Mapping[str, int]
    bare: Mapping[tuple[str, str], int]


def weights(charges: pl.DataFrame, cost: Mapping[str, int], bare: AbstractSet[str]) -> Weights:
    """`charges` with price_id, accelerator, team and device_seconds; `bare` are ids of prices without the host."""
    mine = charges.filter(pl.col("price_id").is_in(list(bare)))
    keys = ("accelerator", "team")
    return Weights(
        cost,
        {team: ms for (team,), ms in _times(charges, "team")},
        {(accelerator, team): ms for (accelerator, team), ms in _times(mine, *keys)},
    )


def basis(
    sku: str, description: str | None, rules: Sequence[Rule], found: Weights, platform: str, *, usage: bool
) -> Basis:
    """Of a SKU that no label gives to a team; only `usage` can be of a host. Without a weight it is the platform's."""
    for rule in rules:
        if rule.holds(sku, description):
            by = {"cost": found.cost, "time": found.time, "platform": {platform: 1}}
            return "rule", {rule.team: 1} if rule.team else by[rule.by or "cost"]
    if usage and description and is_host(description):
        hosted: dict[str, int] = {}
        for (accelerator, team), ms in found.bare.items():
            if ms and sits_in(accelerator, description):
                hosted[team] = hosted.get(team, 0) + ms
        if hosted:
            return "time", hosted
    return "cost", found.cost


def _times(charges: pl.DataFrame, *keys: str) -> list[tuple[tuple[str, ...], int]]:
    sums = charges.group_by(keys).agg(pl.col("device_seconds").sum()).sort(keys)
    return [(tuple(names), int((seconds or 0) * 1000)) for *names, seconds in sums.iter_rows()]
