"""The simulated company: every event of its fleet, at the millisecond."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from accounting.simulate.company import AGENTS, DAY, HOUR, POOLS, PPM, Pool
from accounting.simulate.demand import Window, requests
from accounting.simulate.mishaps import downs, outages, rogues, stalls
from accounting.simulate.phases import phases
from accounting.simulate.promises import Promises
from accounting.simulate.schedule import Attempt, Down, Scheduler
from accounting.simulate.segments import silent, written
from accounting.simulate.slots import Slot
from accounting.simulate.spans import SPANS, clipped, minus, union

LEAST_DEVICES = 24
GONE = ("reclaimed", "absent")
"""Kinds of downs in which a place is not there at all."""
LATE = 6 * DAY + 34_567_000
"""When the last node of the Slurm cluster was entered into the inventory, but by a third of the time at the latest."""
SPARE = "spare"
STRAY = "V100-16GB"
"""What a few jobs of the Slurm cluster held though no inventory knows of it."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything that happened in `window`; times in ms, clipped to it. `pool` is an index into POOLS.

    `places`: place, pool, node, device_id, purchase, owner_team: every device.
    `online`: place, start, end as the inventory states it. `downs`: place, start, end, kind.
    `attempts`: attempt, pool, accelerator, workload_id, stream, team (NULL: nobody knows), model, user, size, ppm,
    submitted, start, end, outcome; without a start it never started, `open`: runs on at the end.
    `served`: attempt, model, part (ppm of its work). `holdings`: attempt, place, ppm, start, end.
    `phases`: attempt, start, end, level (ppm of each device), kind.
    `outages`: place, start, end. `silences`: attempt, start, end: gaps in what is told by workload.
    `rogues`: place, start, end, level.
    `segments`: what agents wrote, as in `segments.written`. `promises`: what was promised to Google.
    """

    window: Window
    places: pl.DataFrame
    online: pl.DataFrame
    downs: pl.DataFrame
    attempts: pl.DataFrame
    served: pl.DataFrame
    holdings: pl.DataFrame
    phases: pl.DataFrame
    outages: pl.DataFrame
    silences: pl.DataFrame
    rogues: pl.DataFrame
    segments: pl.DataFrame
    promises: Promises | None = None

    def of(self, pool: int) -> World:
        """What of it happened in one pool; everything keeps its number."""
        places, attempts = (frame.filter(pl.col("pool") == pool) for frame in (self.places, self.attempts))
        inside: dict[str, Any] = {
            name: getattr(self, name).join(mine.select(key), on=key, how="semi")
            for mine, key, names in (
                (places, "place", ("online", "downs", "outages", "rogues")),
                (attempts, "attempt", ("served", "holdings", "phases", "silences")),
            )
            for name in names
        }
        return replace(self, places=places, attempts=attempts, **inside)

    def part(self, first: int, last: int) -> World:
        """What of it lies in [first, last) ms; `window` stays, and everything keeps its number."""
        names = ("online", "downs", "holdings", "phases", "outages", "silences", "rogues")
        inside: dict[str, Any] = {name: clipped(getattr(self, name), first, last) for name in names}
        told = self.attempts.filter((pl.col("submitted") < last) & (pl.col("end") > first))
        there = told.with_columns(start=pl.col("start").clip(first, last), end=pl.col("end").clip(first, last))
        return replace(self, attempts=there, **inside)


def of_pool(field: str) -> pl.Expr:
    """A field of the pool that a row's `pool` numbers."""
    values = {number: getattr(pool, field) for number, pool in enumerate(POOLS)}
    return pl.col("pool").replace_strict(values, return_dtype=pl.String)


def sizes(devices: int) -> list[int]:
    """Devices of each pool, in whole nodes, together at least `devices`."""
    nodes = [max(1, round(devices * p.share / p.node_size)) for p in POOLS]
    counts = [n * p.node_size for n, p in zip(nodes, POOLS, strict=True)]
    missing = devices - sum(counts)
    counts[0] += max(0, math.ceil(missing / POOLS[0].node_size)) * POOLS[0].node_size
    return counts


def build(window: Window, devices: int) -> World:
    """The company with at least that many devices; equal for equal arguments."""
    places = _places(sizes(devices))
    made = [
        _operate(number, pool, places.filter(pl.col("pool") == number), window) for number, pool in enumerate(POOLS)
    ]
    attempts = _numbered([a for _, found in made for a in found], window)
    holdings = _holdings(attempts, window)
    down = _frame([(d.place, d.start, min(d.end, window.end), d.kind) for found, _ in made for d in found],
                  SPANS | {"kind": pl.String})  # fmt: skip
    online = _online(places, down, window)
    told = places.filter(pl.col("pool").is_in(AGENTS))
    segments = written(told, online, holdings, window)
    agents = places.filter(pl.col("pool").is_in([n for n, p in enumerate(POOLS) if p.seen == "device"]))
    frame = _attempts(attempts, window)
    return World(
        window,
        places,
        online,
        down.filter(~pl.col("kind").is_in(GONE)),
        frame,
        _served(attempts),
        holdings,
        _phases(attempts, window),
        pl.concat([outages(_nodes(agents), window, "agents"), _untold(told, segments, window)]),
        _silences(frame, window),
        _rogues(agents, _free(agents, online, holdings), window),
        segments,
    )


def _untold(told: pl.DataFrame, segments: pl.DataFrame, window: Window) -> pl.DataFrame:
    """When agents that tell all told nothing of a place: place, start, end; disjoint."""
    gone = silent(segments).join(told.select("node", "place"), on="node").select(*SPANS)
    return union(pl.concat([stalls(_nodes(told), window), gone]))


def _frame(
    rows: list[tuple[object, ...]] | list[tuple[int, int, int, str]], schema: dict[str, type[pl.DataType]]
) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def _places(counts: list[int]) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = []
    for number, (pool, count) in enumerate(zip(POOLS, counts, strict=True)):
        for i in range(count + pool.spare):
            node = i // pool.node_size
            purchase, owner = pool.bought[node % len(pool.bought)]
            name = f"{pool.cluster}-{pool.name}-{node:04d}" if i < count else f"{pool.cluster}-{SPARE}"
            device = f"GPU-{len(rows):06d}-{pool.name}" if pool.by_device else None
            rows.append((len(rows), number, name, device, purchase, owner))
    return _frame(
        rows,
        {"place": pl.Int64, "pool": pl.Int64, "node": pl.String, "device_id": pl.String, "purchase": pl.String,
         "owner_team": pl.String},
    )  # fmt: skip


def _nodes(places: pl.DataFrame) -> dict[str, list[int]]:
    return {str(n): p for n, p in places.group_by("node", maintain_order=True).agg("place").iter_rows()}


def _operate(
    number: int, pool: Pool, places: pl.DataFrame, window: Window
) -> tuple[list[Down], list[tuple[int, str, Attempt]]]:
    """What broke and who ran in one pool."""
    nodes = _nodes(places)
    nodes.pop(f"{pool.cluster}-{SPARE}", None)
    spot = set(places.filter(pl.col("purchase") == "spot")["node"].to_list())
    broken = downs(pool, nodes, spot, window)
    if not pool.logged:
        return broken, []
    slots = [
        Slot(place, node, kind, ppm)
        for i, (place, node) in enumerate(places.select("place", "node").iter_rows())
        if node in nodes
        for kind, ppm in pool.slots[i % len(pool.slots)]
    ]
    # Where agents watch nobody drains: who holds a broken device holds on.
    hit = [d for d in broken if pool.seen != "agents" or d.kind in GONE]
    scheduler = Scheduler(pool, slots, hit, window.end, window.random("schedule", pool.name))
    found = [(number, pool.accelerator, a) for a in scheduler.run(requests(pool, places.height, window))]
    return broken, found + (_strays(number, found, window) if pool.name == "a100" else [])


def _strays(number: int, found: list[tuple[int, str, Attempt]], window: Window) -> list[tuple[int, str, Attempt]]:
    """Jobs that ran on a node with old GPUs, which nobody told the inventory of."""
    rng = window.random("strays")
    ran = [a for _, _, a in found if a.start is not None and a.end is not None and a.outcome == "COMPLETED"]
    chosen = [ran[i] for i in sorted(rng.choice(len(ran), min(6, len(ran)), replace=False))]
    for attempt in chosen:
        found.remove((number, POOLS[number].accelerator, attempt))
    return [(number, STRAY, a) for a in chosen]


def _numbered(found: list[tuple[int, str, Attempt]], window: Window) -> list[tuple[int, str, Attempt]]:
    return sorted(found, key=lambda f: (f[0], f[2].submitted, f[2].request.workload, f[2].start or window.end))


def _offer(pool: int, attempt: Attempt) -> tuple[tuple[str, int], ...]:
    """What a device that the attempt can run on offers: kind and ppm of each slot."""
    return next(o for o in POOLS[pool].slots if any(kind == attempt.request.stream.slot for kind, _ in o))


def _attempts(attempts: list[tuple[int, str, Attempt]], window: Window) -> pl.DataFrame:
    rows = [
        (
            *(i, pool, accelerator, a.request.workload),
            *(a.request.stream.facts, a.request.stream.team or None, a.request.model or None),
            *(a.request.stream.purpose, a.request.user, a.request.size),
            *(dict(_offer(pool, a))[a.request.stream.slot], a.submitted, a.start, a.end or window.end, a.outcome),
            a.end is None,
            a.request.stream.slot,
        )
        for i, (pool, accelerator, a) in enumerate(attempts)
    ]
    names = (
        "attempt",
        "pool",
        "accelerator",
        "workload_id",
        "facts",
        "team",
        "model",
        "purpose",
        "user",
        "size",
        "ppm",
    )
    whole = {"attempt", "pool", "size", "ppm"}
    schema: dict[str, pl.DataType | type[pl.DataType]] = {n: pl.Int64 if n in whole else pl.String for n in names}
    schema |= {"submitted": pl.Int64, "start": pl.Int64, "end": pl.Int64, "outcome": pl.String, "open": pl.Boolean}
    schema |= {"slot": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _served(attempts: list[tuple[int, str, Attempt]]) -> pl.DataFrame:
    rows: list[tuple[object, ...]] = [
        (i, *one) for i, (_, _, a) in enumerate(attempts) for one in a.request.stream.served
    ]
    return _frame(rows, {"attempt": pl.Int64, "model": pl.String, "part": pl.Int64})


def _holdings(attempts: list[tuple[int, str, Attempt]], window: Window) -> pl.DataFrame:
    rows = [
        (i, slot.place, slot.ppm, a.start, a.end or window.end)
        for i, (_, _, a) in enumerate(attempts)
        if a.start is not None
        for slot in a.slots
    ]
    names = ("attempt", "place", "ppm", "start", "end")
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Int64), orient="row").filter(
        pl.col("end") > pl.col("start")
    )


def _phases(attempts: list[tuple[int, str, Attempt]], window: Window) -> pl.DataFrame:
    parts = []
    for i, (pool, _, a) in enumerate(attempts):
        end = a.end or window.end
        if a.start is None or end <= a.start:
            continue
        rng = window.random("phases", str(pool), a.request.workload, str(a.start))
        slots = _offer(pool, a)
        scale = 0.97 / len(slots) if len({k for k, _ in slots}) == 1 else a.slots[0].ppm / PPM * 0.95
        lost = a.start + a.saved if a.request.stream.profile == "train" else end
        made = phases(a.request.stream, a.start, end, scale if len(slots) > 1 else 1.0, lost, rng)
        parts.append((np.full(made.levels.size, i), made.edges[:-1], made.edges[1:], made.levels, made.kinds))
    columns = [np.concatenate(c) if c else np.array([], dtype=np.int64) for c in zip(*parts, strict=True)]
    return pl.DataFrame(dict(zip(("attempt", "start", "end", "level", "kind"), columns, strict=True))).cast(pl.Int64)


def _online(places: pl.DataFrame, down: pl.DataFrame, window: Window) -> pl.DataFrame:
    """As the inventory has it: always, but for spot machines that were taken back, and a node entered late.

    Where agents tell all, from when they see a device.
    """
    # the only one is there from the first day: a pool of which nothing is known has no price
    nodes = places.filter(pl.col("node").str.starts_with("hpc-"))["node"].unique().sort()
    late = nodes[-1] if nodes.len() > 1 else ""
    entered = pl.when(pl.col("node") == late).then(window.start + min(LATE, window.length // 3)).otherwise(window.start)
    whole = places.select("place", start=entered, end=pl.lit(window.end))
    return minus(whole, down.filter(pl.col("kind").is_in(GONE)))


def _free(agents: pl.DataFrame, online: pl.DataFrame, holdings: pl.DataFrame) -> pl.DataFrame:
    """Spans in which nobody held anything of a device: place, start, end."""
    return minus(online.join(agents.select("place"), on="place", how="semi"), holdings)


def _rogues(agents: pl.DataFrame, free: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Now and then on the training cluster; all the time on the workstations, which have no scheduler."""
    lab = agents.filter(pl.col("node").str.starts_with("lab-")).select("place")
    train = agents.filter(pl.col("node").str.starts_with("train-")).select("place")
    days = clipped(lab.join(_days(window), how="cross"), window.start, window.end)
    return pl.concat([rogues(free.join(train, on="place", how="semi"), window, 12), rogues(days, window, 2)])


def _days(window: Window) -> pl.DataFrame:
    starts = pl.int_range(window.start, window.end, 24 * HOUR, eager=True)
    return pl.DataFrame({"start": starts, "end": starts + 24 * HOUR})


def _silences(attempts: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Gaps of minutes in what is told by workload: attempt, start, end."""
    rng = window.random("silences")
    told = attempts.filter(pl.col("pool").is_in([n for n, p in enumerate(POOLS) if p.seen == "workload"]))
    long = told.filter(pl.col("end") - pl.col("start") > 2 * HOUR)
    chosen = long.filter(pl.Series(rng.random(long.height) < 0.2, dtype=pl.Boolean))
    at = pl.Series(rng.random(chosen.height))
    gap = pl.Series(rng.integers(60_000, HOUR, chosen.height), dtype=pl.Int64)
    start = (pl.col("start") + ((pl.col("end") - pl.col("start")) * at * 0.5).cast(pl.Int64)).alias("start")
    return chosen.select("attempt", start).with_columns(end=pl.col("start") + gap)
