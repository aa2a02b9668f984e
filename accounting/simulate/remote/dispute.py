"""An exporter that names another holder of a device than the agent on its node does."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.simulate.company import AGENTS, HOUR, POOLS
from accounting.simulate.remote.fleet import begun
from accounting.simulate.spans import clipped, minus
from accounting.simulate.world import World

LASTS = HOUR
GHOST = ("ghosts", "ghost")
"""Namespace and name of the pod that the exporter goes on to name."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """Samples each minute from `start` to `end` (ms) tell of a device that somebody else holds all the while."""

    cluster: str
    node: str
    device: str
    told_name: str
    start: int
    end: int


def dispute(world: World) -> Dispute | None:
    """In the longest time in which one workload held a whole device and its agent watched; None where it is short."""
    whole = world.attempts.filter(pl.col("pool").is_in(AGENTS) & (pl.col("slot") == "whole")).select("attempt")
    held = world.holdings.join(whole, on="attempt", how="semi")
    recent = clipped(held, begun(world.window.start, world.window.end), world.window.end)
    watched = minus(recent, pl.concat([world.outages, world.downs.select(world.outages.columns)]))
    longest = watched.filter(pl.col("end") - pl.col("start") > 3 * LASTS).sort(pl.col("start") - pl.col("end"), "place")
    if not longest.height:
        return None
    place, start, end = longest.row(0)
    at = world.places.row(by_predicate=pl.col("place") == place, named=True)
    pool = POOLS[at["pool"]]
    begin = (start + end - LASTS) // 2 // 1000 * 1000
    return Dispute(pool.cluster, at["node"], at["device_id"], pool.told_name, begin, begin + LASTS)
