"""What every device did over time, as its meter would tell it if it never failed: levels, silence, idle runs."""

from __future__ import annotations

import polars as pl

from accounting.simulate.company import AGENTS, POOLS, PPM
from accounting.simulate.spans import SPANS, joined, sweep
from accounting.simulate.world import World

BY_WORKLOAD = 1 << 20
"""Added to an attempt's number: the place of what is told by workload and not by device."""


def metered(world: World) -> pl.DataFrame:
    """Places with samples: place, start, end, level (ppm), silent, sick: what happened between two edges of any kind.

    `sick`: an agent tells that a device cannot be used, and nothing of what it did.
    """
    devices = world.online.join(_seen(world, "device", "agents"), on="place", how="semi")
    told = world.attempts.filter(pl.col("pool").is_in(_pools("workload")) & (pl.col("end") > pl.col("start")))
    by_workload = told.select(place="attempt", start="start", end="end").with_columns(_offset())
    silences = world.silences.select(place="attempt", start="start", end="end").with_columns(_offset())
    parts = parted(world)
    sick = _sick(world)
    found = sweep(
        level=pl.concat([_by_device(world), _by_workload(world), world.rogues.rename({"level": "amount"})]),
        there=pl.concat([devices, by_workload, parts.select(*SPANS)]),
        silent=pl.concat([world.outages, silences, _on_parts(world.outages, parts)]),
        sick=pl.concat([sick, _on_parts(sick, parts)]),
    ).filter(pl.col("there") > 0)
    broken = (pl.col("sick") > 0) & (pl.col("silent") == 0)
    level = pl.when(pl.col("sick") == 0).then(pl.col("level").clip(0, PPM)).otherwise(0)
    return found.select("place", "start", "end", level=level, silent=pl.col("silent") > 0, sick=broken)


def judged(timeline: pl.DataFrame, idle_after: int) -> pl.DataFrame:
    """The timeline with `state`; runs joined.

    unobserved, unhealthy, idle (runs of zero that last `idle_after` ms) or active.
    """
    blind = pl.when("silent").then(pl.lit("unobserved")).when("sick").then(pl.lit("unhealthy"))
    kind = blind.when(pl.col("level") > 0).then(pl.lit("active"))
    runs = joined(timeline.with_columns(kind=kind.otherwise(pl.lit("zero"))), "kind")
    long = pl.col("end") - pl.col("start") >= idle_after
    state = pl.when(pl.col("kind") != "zero").then("kind").when(long).then(pl.lit("idle")).otherwise(pl.lit("active"))
    return runs.select("place", "start", "end", state=state)


def parted(world: World) -> pl.DataFrame:
    """Where agents tell each holder's own part of a device: place (of the part), device (its place), start, end."""
    mine = world.attempts.filter(shares()).select("attempt")
    held = world.holdings.join(mine, on="attempt", how="semi")
    return held.select(place=pl.col("attempt") + BY_WORKLOAD, device="place", start="start", end="end")


def shares() -> pl.Expr:
    """Whether an attempt's own part of a device is told by an agent."""
    return pl.col("pool").is_in(AGENTS) & (pl.col("slot") != "whole")


def working(world: World) -> pl.DataFrame:
    """Phases on the devices that they ran on: attempt, place, ppm, start, end, level, kind."""
    return world.holdings.select("attempt", "place", "ppm").join(world.phases, on="attempt", maintain_order="left")


def _by_device(world: World) -> pl.DataFrame:
    seen = working(world).join(_seen(world, "device", "agents"), on="place", how="semi")
    return seen.select("place", "start", "end", amount="level")


def _by_workload(world: World) -> pl.DataFrame:
    told = world.attempts.filter(pl.col("pool").is_in(_pools("workload")) | shares()).select("attempt")
    mine = world.phases.join(told, on="attempt", how="semi")
    return mine.select(place="attempt", start="start", end="end", amount="level").with_columns(_offset())


def _sick(world: World) -> pl.DataFrame:
    """When agents tell of devices that cannot be used."""
    told = world.places.filter(pl.col("pool").is_in(AGENTS)).select("place")
    return world.downs.join(told, on="place", how="semi").select(*SPANS)


def _on_parts(spans: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """Spans of devices as spans of the parts of them."""
    return spans.rename({"place": "device"}).join(parts.select("place", "device"), on="device").select(*SPANS)


def _seen(world: World, *how: str) -> pl.DataFrame:
    return world.places.filter(pl.col("pool").is_in(_pools(*how))).select("place")


def _pools(*how: str) -> list[int]:
    return [number for number, pool in enumerate(POOLS) if pool.seen in how]


def _offset() -> pl.Expr:
    return pl.col("place") + BY_WORKLOAD
