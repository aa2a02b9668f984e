"""What agents record of the truth: intervals with jitter and rounding, some twice, some contradicting, some late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from accounting.simulate.company import AGENTS, DAY, HOUR, POOLS, PPM
from accounting.simulate.spans import SHIFT, SPANS, union
from accounting.simulate.timeline import BY_WORKLOAD, metered, parted
from accounting.simulate.world import World

Array = np.ndarray

JITTER = 120
"""A record begins up to this many ms before or after its time."""
REPEATED = 0.002
CONTRADICTED = 3e-6
SLOW = 60_000
"""Interval (ms) of what is told by workload, as cloud monitoring does."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Everything that can be metered: `alive` spans (place, start, end) and the integral of busy time.

    `told` are those of which agents tell all, in segments; `sick` are the spans in which they tell only that a device
    cannot be used.
    """

    alive: pl.DataFrame
    told: pl.DataFrame
    sick: pl.DataFrame
    keys: Array
    starts: Array
    levels: Array
    before: Array
    base: int

    def integral(self, place: Array, at: Array) -> Array:
        """Busy ppm·ms before each instant, up to a constant of the place."""
        row = np.searchsorted(self.keys, (place << SHIFT) + (at - self.base), side="right") - 1
        return np.asarray(self.before[row] + self.levels[row] * (at - self.starts[row]))


def meter(world: World) -> Meter:
    """The meter of all devices and of the workloads that are metered instead."""
    timeline = metered(world)
    starts, levels = timeline["start"].to_numpy(), timeline["level"].to_numpy()
    spent = levels * (timeline["end"].to_numpy() - starts)
    base = world.window.start
    alive = union(timeline.filter(~pl.col("silent")).select(*SPANS))
    agents = world.places.filter(pl.col("pool").is_in(AGENTS))["place"]
    told = pl.col("place").is_in(pl.concat([agents, parted(world)["place"].unique()]).to_list())
    keys = (timeline["place"].to_numpy() << SHIFT) + (starts - base)
    sick = union(timeline.filter("sick").select(*SPANS))
    return Meter(alive.filter(~told), alive.filter(told), sick, keys, starts, levels, np.cumsum(spent) - spent, base)


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of some days; `late` ones arrive after the first accounting. `contradictions`: how many were added."""

    name: str
    records: pl.DataFrame
    late: pl.DataFrame
    contradictions: int


def batches(world: World, made: Meter, interval: int, most: int) -> Iterator[Batch]:
    """All records in order of time, at most about `most` at once.

    Columns: device (NULL: told by workload), workload, cluster, at, until (ms), busy (percent), watts.
    """
    devices = int((world.places["device_id"].is_not_null()).sum())
    days = max(1, most // max(1, devices * DAY // interval))
    for first in range(world.window.start, world.window.end, days * DAY):
        yield _batch(world, made, interval, first, min(first + days * DAY, world.window.end))


def late_node(world: World) -> tuple[str, int, int]:
    """The node whose records of some hours arrived late, and from when to when."""
    node = world.places.filter(pl.col("node").str.starts_with("train-"))["node"].unique().sort()[0]
    end = world.window.end - 2 * DAY - 3 * HOUR
    return str(node), end - 9 * HOUR, end


def _batch(world: World, made: Meter, interval: int, first: int, last: int) -> Batch:
    rng = world.window.random("sampler", str(first))
    place, at, until = _intervals(made.alive, interval, first, last)
    mean = (made.integral(place, until) - made.integral(place, at)) / (until - at)
    tenths = np.rint(mean * 1000 / PPM + rng.normal(0, 2, mean.size)).clip(1, 1000)
    busy = np.where(mean > 0, tenths, 0).astype(np.int64)
    frame = _told(world, place, at, until, busy, mean, rng)
    extra, contradictions = _again(frame, rng)
    node, late_from, late_to = late_node(world)
    of_node = world.places.filter(pl.col("node") == node)["device_id"].to_list()
    late = pl.col("device").is_in(of_node) & pl.col("at").is_between(late_from, late_to, closed="left")
    records = pl.concat([frame, extra])
    name = f"{np.datetime64(first, 'ms').astype('datetime64[D]')}"
    return Batch(name, records.filter(~late.fill_null(False)), records.filter(late), contradictions)


def _intervals(alive: pl.DataFrame, interval: int, first: int, last: int) -> tuple[Array, Array, Array]:
    """Place, start and end of the records that begin in [first, last); a span's last record is cut at its end."""
    spans = alive.filter((pl.col("start") < last) & (pl.col("end") > first))
    place, start, end = (spans[c].to_numpy() for c in ("place", "start", "end"))
    step = np.where(place >= BY_WORKLOAD, max(interval, SLOW), interval)
    begin = np.maximum((first - JITTER - start) // step, 0)
    until = -(-(np.minimum(last + JITTER, end) - start) // step)
    count = np.maximum(until - begin, 0)
    row = np.repeat(np.arange(spans.height), count)
    k = np.repeat(begin, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    at = _jittered(start[row], step[row], place[row], k)
    last_one = start[row] + (k + 1) * step[row] >= end[row]
    to = np.where(last_one, end[row], np.minimum(_jittered(start[row], step[row], place[row], k + 1), end[row]))
    keep = (at >= first) & (at < last) & (at < to)
    return place[row][keep], at[keep], to[keep]


def _jittered(start: Array, step: Array, place: Array, k: Array) -> Array:
    """The k-th boundary of a span: the same whichever batch asks."""
    noise = ((place * 73_856_093 + k * 19_349_663) * 2_654_435_761 >> 20) % (2 * JITTER + 1) - JITTER
    return np.asarray(start + k * step + np.where(k > 0, noise, 0))


def _told(
    world: World, place: Array, at: Array, until: Array, busy: Array, mean: Array, rng: np.random.Generator
) -> pl.DataFrame:
    by_device = place < BY_WORKLOAD
    index = np.where(by_device, place, 0)
    attempt = np.where(by_device, 0, place - BY_WORKLOAD)
    pool = np.where(by_device, world.places["pool"].to_numpy()[index], world.attempts["pool"].to_numpy()[attempt])
    low, high = (np.array([p.watts[i] for p in POOLS])[pool] for i in (0, 1))
    watts = low + (high - low) * 0.85 * (mean / PPM) ** 0.8 + rng.normal(0, 3, mean.size)
    told = pl.Series(by_device)
    return pl.DataFrame({"at": at, "until": until, "busy": busy / 10, "watts": watts.astype(np.int64)}).select(
        device=pl.when(told).then(world.places["device_id"].gather(pl.Series(index))),
        workload=pl.when(~told).then(world.attempts["workload_id"].gather(pl.Series(attempt))),
        cluster=pl.Series([p.cluster for p in POOLS]).gather(pl.Series(pool)),
        at="at",
        until="until",
        busy="busy",
        watts="watts",
    )


def _again(frame: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, int]:
    """Records that were shipped twice, and a few whose second copy says less."""
    twice = frame.filter(pl.Series(rng.random(frame.height) < REPEATED, dtype=pl.Boolean))
    told = pl.col("busy") >= 2
    wrong = frame.filter(pl.Series(rng.random(frame.height) < CONTRADICTED, dtype=pl.Boolean) & told)
    return pl.concat([twice, wrong.with_columns(busy=pl.col("busy") - 1.0)]), wrong.height
