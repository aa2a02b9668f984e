"""What every device did over time, as its meter would tell it if it never failed: levels, silence, idle runs."""

from __future__ import annotations

import polars as pl

from accounting.simulate.company import POOLS, PPM
from accounting.simulate.spans import joined, sweep
from accounting.simulate.world import World

BY_WORKLOAD = 1 << 20
"""Added to an attempt's number: the place of what is told by workload and not by device."""


def metered(world: World) -> pl.DataFrame:
    """Places with samples: place, start, end, level (ppm), silent: what happened between two edges of any kind."""
    devices = world.online.join(_seen(world, "device"), on="place", how="semi")
    told = world.attempts.filter(pl.col("pool").is_in(_pools("workload")) & (pl.col("end") > pl.col("start")))
    whole = pl.concat([devices, told.select(place="attempt", start="start", end="end").with_columns(_offset())])
    silences = world.silences.select(place="attempt", start="start", end="end").with_columns(_offset())
    found = sweep(
        level=pl.concat([_by_device(world), _by_workload(world), world.rogues.rename({"level": "amount"})]),
        there=whole,
        silent=pl.concat([world.outages, silences]),
    ).filter(pl.col("there") > 0)
    return found.select("place", "start", "end", pl.col("level").clip(0, PPM), silent=pl.col("silent") > 0)


def judged(timeline: pl.DataFrame, idle_after: int) -> pl.DataFrame:
    """The timeline with `state`: unobserved, idle (runs of zero that last `idle_after` ms) or active; runs joined."""
    kind = pl.when("silent").then(pl.lit("unobserved")).when(pl.col("level") > 0).then(pl.lit("active"))
    runs = joined(timeline.with_columns(kind=kind.otherwise(pl.lit("zero"))), "kind")
    long = pl.col("end") - pl.col("start") >= idle_after
    state = pl.when(pl.col("kind") != "zero").then("kind").when(long).then(pl.lit("idle")).otherwise(pl.lit("active"))
    return runs.select("place", "start", "end", state=state)


def working(world: World) -> pl.DataFrame:
    """Phases on the devices that they ran on: attempt, place, ppm, start, end, level, kind."""
    return world.holdings.select("attempt", "place", "ppm").join(world.phases, on="attempt", maintain_order="left")


def _by_device(world: World) -> pl.DataFrame:
    seen = working(world).join(_seen(world, "device"), on="place", how="semi")
    return seen.select("place", "start", "end", amount="level")


def _by_workload(world: World) -> pl.DataFrame:
    told = world.attempts.filter(pl.col("pool").is_in(_pools("workload"))).select("attempt")
    mine = world.phases.join(told, on="attempt", how="semi")
    return mine.select(place="attempt", start="start", end="end", amount="level").with_columns(_offset())


def _seen(world: World, how: str) -> pl.DataFrame:
    return world.places.filter(pl.col("pool").is_in(_pools(how))).select("place")


def _pools(how: str) -> list[int]:
    return [number for number, pool in enumerate(POOLS) if pool.seen == how]


def _offset() -> pl.Expr:
    return pl.col("place") + BY_WORKLOAD
