"""What agents that tell all record of the truth: windows of the wall clock, cut where holders and health change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from accounting.simulate.company import AGENTS, HOUR, POOLS, PPM
from accounting.simulate.sampler import Meter
from accounting.simulate.spans import SHIFT, SPANS, clipped, cut, minus, sweep
from accounting.simulate.timeline import BY_WORKLOAD, parted
from accounting.simulate.world import World

Array = np.ndarray

XID = 2
"""Bit of the health of a device of which the driver reported a critical error."""
NOBODY = -1
EXPORTED = 12 * HOUR
"""For how long an exporter told of one node too."""
OFF = 97
"""One in so many of its samples is wrong."""


@dataclass(frozen=True, slots=True)
class Site:
    """By place and by attempt (arrays): the node's number, the device's number on its node, the device's place.

    `keys` are the packed node and start of the segments, in their order.
    """

    nodes: list[str]
    node: Array
    number: Array
    device: Array
    keys: Array
    base: int


def site(world: World) -> Site:
    """Where everything is of which agents tell all."""
    told = world.places.filter(pl.col("pool").is_in(AGENTS)).with_columns(
        number=pl.int_range(pl.len()).over("node"), rank=pl.col("node").rank("dense").cast(pl.Int64) - 1
    )
    node, number = (np.full(world.places.height, NOBODY, dtype=np.int64) for _ in range(2))
    node[told["place"].to_numpy()], number[told["place"].to_numpy()] = (
        told["rank"].to_numpy(),
        told["number"].to_numpy(),
    )
    device = np.full(world.attempts.height, NOBODY, dtype=np.int64)
    parts = parted(world)
    device[parts["place"].to_numpy() - BY_WORKLOAD] = parts["device"].to_numpy()
    nodes = told["node"].unique().sort()
    rank = world.segments["node"].replace_strict(nodes, range(nodes.len()), return_dtype=pl.Int64)
    base = world.window.start
    return Site(
        nodes.to_list(), node, number, device, _packed(rank.to_numpy(), world.segments["start"].to_numpy(), base), base
    )


def _packed(node: Array, at: Array, base: int) -> Array:
    return np.asarray((node << SHIFT) + (at - base))


def records(world: World, made: Meter, where: Site, interval: int, first: int, last: int) -> pl.DataFrame:
    """What is told of [first, last) ms, whole hours, in order of segment, device and workload.

    segment (row of `World.segments`), place, device (number on its node), attempt (NOBODY: all of the device), start,
    length, busy, energy (NOBODY: not told), health.
    """
    spans = _pieces(world, made, first, last)
    subject, at, until, sick = _windows(cut(spans, list(range(first, last, HOUR))), interval)
    busy = made.integral(subject, until) // PPM - made.integral(subject, at) // PPM
    part = subject >= BY_WORKLOAD
    attempt = np.where(part, subject - BY_WORKLOAD, NOBODY)
    place = np.where(part, where.device[attempt], np.where(part, 0, subject))
    segment = np.searchsorted(where.keys, _packed(where.node[place], at, where.base), side="right") - 1
    watts = _watts(world, place, busy / (until - at))
    told = pl.DataFrame({"segment": segment, "place": place, "attempt": attempt, "start": at, "length": until - at})
    return told.with_columns(
        device=pl.Series(where.number[place]),
        busy=pl.Series(np.where(sick, NOBODY, busy)),
        energy=pl.Series(np.where(part | sick, NOBODY, watts * (until - at))),
        health=pl.Series(np.where(sick, XID, 0)),
    ).sort("segment", "device", "attempt", "start")


def _pieces(world: World, made: Meter, first: int, last: int) -> pl.DataFrame:
    """Spans in which one record can lie: place, start, end, sick."""
    alive, sick = clipped(made.told, first, last), clipped(made.sick, first, last)
    of_parts = pl.col("place") >= BY_WORKLOAD
    devices = alive.filter(~of_parts)
    held = clipped(world.holdings.select(*SPANS), first, last).join(devices, on="place", how="semi")
    whole = sweep(alive=devices, held=held, sick=sick.filter(~of_parts)).filter(pl.col("alive") > 0)
    parts = minus(alive.filter(of_parts), sick.filter(of_parts)).with_columns(sick=pl.lit(0, pl.Int64))
    return pl.concat([whole.select(parts.columns), parts])


def _windows(spans: pl.DataFrame, interval: int) -> tuple[Array, Array, Array, Array]:
    """Place, start, end and sickness of the windows that spans lie in, cut at their edges."""
    place, start, end, sick = (spans[c].to_numpy() for c in ("place", "start", "end", "sick"))
    count = (end - 1) // interval - start // interval + 1
    row = np.repeat(np.arange(spans.height), count)
    k = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    begin = (start[row] // interval + k) * interval
    return place[row], np.maximum(begin, start[row]), np.minimum(begin + interval, end[row]), sick[row] > 0


def _watts(world: World, place: Array, mean: Array) -> Array:
    low, high = (np.array([p.watts[i] for p in POOLS])[world.places["pool"].to_numpy()[place]] for i in (0, 1))
    return np.asarray((low + (high - low) * 0.85 * mean**0.8).astype(np.int64))


def exported(world: World, told: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """What an exporter beside an agent said of one node in the middle of the window; how many of it are wrong.

    Its samples lie where the agent's records lie; a wrong one is 25 points off.
    """
    node = world.segments["node"].max()
    places = world.places.filter(pl.col("node") == node)
    begun = world.window.start + world.window.length // 2
    seen = (pl.col("attempt") == NOBODY) & (pl.col("health") == 0)
    during = pl.col("start").is_between(begun, begun + EXPORTED, closed="left")
    rows = told.filter(seen & during).join(
        places.select("place", "device_id", "pool"), on="place", maintain_order="left"
    )
    off = pl.col("start").hash(seed=world.window.seed) % OFF == 0
    percent = (pl.col("busy") * 100 / pl.col("length")).round(1)
    wrong = pl.when(percent < 50).then(percent + 25).otherwise(percent - 25)
    samples = rows.select(
        device="device_id",
        cluster=pl.lit(POOLS[AGENTS[0]].cluster),
        at="start",
        until=pl.col("start") + pl.col("length"),
        busy=pl.when(off).then(wrong).otherwise(percent),
        watts=pl.col("energy") // pl.col("length"),
    )
    return samples, rows.select(off.sum()).item()
