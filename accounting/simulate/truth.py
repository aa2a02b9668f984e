"""The right answer: events integrated to hourly usage and its cost, by none of the accounting's code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import polars as pl

from accounting.simulate.company import ADS, AGENTS, DAY, HOUR, POOLS, PPM, PRICES, per_ms
from accounting.simulate.promises import ACCELERATOR
from accounting.simulate.spans import SPANS, cut, joined, minus, overlay, sweep
from accounting.simulate.timeline import BY_WORKLOAD, judged, metered, shares, working
from accounting.simulate.world import STRAY, World, of_pool

IDLE_AFTER = 60_000
REPRICED = (10 * HOUR) + 17 * 60_000 + 23_456
"""Time of day at which the price list changes, on the day in the middle of the window."""
FOUNDED = 12 * HOUR + 34 * 60_000 + 56_789
"""Time of day at which the ads team takes over its namespace."""
POOLED = 1 << 21
STRAYS = POOLED + len(POOLS)
ZONES = {"gcp": "America/Los_Angeles"}

DEVICE_DAYS = 3000
"""How much time is integrated at once."""

KEYS = ("hour", "month", "pool", "place", "purchase", "owner", "accelerator", "attempt", "team", "state")


def middle(world: World) -> int:
    """Midnight (ms) of the day on which prices and teams change."""
    return world.window.start + world.window.length // 2 // DAY * DAY


@dataclass(frozen=True, slots=True)
class Truth:
    """Events of some days of a pool, integrated.

    `usage`: by hour: KEYS, `device` and `busy` in ppm·ms (busy NULL: not observed), `cost` in millionths of a
    nano-unit; `pool` is an index into POOLS, `place` NULL where the pool is accounted as a whole.
    `runs`: place, runs: how often each place changed what it did.
    `really`: state, spent (ppm·ms) of the full taxonomy; `served`: model, spent: busy time of each model that shares a
    server with others. The inputs tell less than that.
    """

    usage: pl.DataFrame
    runs: pl.DataFrame
    really: pl.DataFrame
    served: pl.DataFrame


def truth(world: World, at_once: int = DEVICE_DAYS) -> Iterator[Truth]:
    """The truth, in parts of some days of a pool (`at_once` device-days): a large fleet fits in memory."""
    for number in range(len(POOLS)):
        pool = world.of(number)
        days = max(1, at_once // pool.places.height)
        for first in range(world.window.start, world.window.end, days * DAY):
            yield _stretch(pool, first, min(first + days * DAY, world.window.end))


def added(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Frames of two columns: the second summed by the first."""
    whole = pl.concat(parts)
    name, amount = whole.columns
    return whole.group_by(name).agg(pl.col(amount).sum()).sort(name)


def _stretch(whole: World, first: int, last: int) -> Truth:
    """The truth of [first, last); a run of idleness is known as one by what lies around."""
    timeline = metered(whole.part(first - IDLE_AFTER, last + IDLE_AFTER))
    states = judged(timeline, IDLE_AFTER)
    world = whole.part(first, last)
    rows = pl.concat([_held(world, states), _unheld(world, timeline)])
    return Truth(_hourly(rows, world), states.group_by("place").agg(runs=pl.len()), _really(world), _served(world))


def _served(world: World) -> pl.DataFrame:
    busy = pl.col("level").cast(pl.Int128) * (pl.col("end") - pl.col("start")) * pl.col("part") // PPM
    return working(world).join(world.served, on="attempt").group_by("model").agg(spent=busy.sum())


def _hourly(rows: pl.DataFrame, world: World) -> pl.DataFrame:
    instants = [*range(world.window.start, world.window.end, HOUR), middle(world) + REPRICED, middle(world) + FOUNDED]
    whole = rows.with_columns(length=pl.col("end") - pl.col("start"))
    pieces = cut(whole, instants)
    part = (pl.col("end") - pl.col("start")).cast(pl.Int128)
    parted = pieces.with_columns((pl.col(c) * part // pl.col("length")).cast(pl.Int64) for c in ("device", "busy"))
    return _summed(_priced(_named(parted, world), world))


def _really(world: World) -> pl.DataFrame:
    spent = (pl.col("end") - pl.col("start")).cast(pl.Int128) * PPM
    words = {0: "starting", 1: "active", 2: "checkpoint", 3: "stalled", 4: "idle", 5: "lost"}
    taken = sweep(taken=world.holdings.with_columns(amount=pl.col("ppm")))
    work = overlay(_usable(world), taken)
    part = spent * pl.col("ppm") // pl.max_horizontal("taken", pl.lit(PPM))
    named = pl.format("allocated_{}", pl.col("kind").replace_strict(words, return_dtype=pl.String))
    held = work.group_by(state=named).agg(part.sum().alias("spent"))
    down = overlay(world.downs, world.online).group_by(state="kind").agg(spent.sum().alias("spent"))
    return pl.concat([held, down]).select("state", "spent")


def _usable(world: World) -> pl.DataFrame:
    """What ran on devices, while they could be used: only where agents tell all does somebody hold a broken one."""
    broken = world.downs.join(world.places.filter(pl.col("pool").is_in(AGENTS)), on="place", how="semi")
    if not broken.height:
        return working(world)
    whole = world.places.select("place", start=pl.lit(world.window.start), end=pl.lit(world.window.end))
    return overlay(working(world), minus(whole, broken))


def _home(world: World) -> pl.DataFrame:
    """Where each device's time is accounted: itself, or its pool."""
    counted = [n for n, p in enumerate(POOLS) if not p.by_device]
    home = pl.when(pl.col("pool").is_in(counted)).then(pl.col("pool") + POOLED).otherwise("place")
    return world.places.select("place", "pool", home=home)


def _held(world: World, states: pl.DataFrame) -> pl.DataFrame:
    """Held time: home, attempt, state, start, end, device, busy (ppm·ms)."""
    work = (
        working(world)
        .join(_home(world), on="place")
        .join(world.attempts.select("attempt", "accelerator", parted=shares()), on="attempt")
    )
    pieces = overlay(work, sweep(taken=world.holdings.with_columns(amount=pl.col("ppm"))))
    length = pl.col("end") - pl.col("start")
    fits = pl.max_horizontal("taken", pl.lit(PPM))
    told = pl.col("pool").is_in([n for n, p in enumerate(POOLS) if p.seen == "workload"])
    blind = pl.col("pool").is_in([n for n, p in enumerate(POOLS) if p.seen == "nothing"])
    metering = pl.when(told | pl.col("parted")).then(pl.col("attempt") + BY_WORKLOAD).otherwise("place")
    seen = overlay(pieces.filter(~blind).with_columns(device_place="place", place=metering), states)
    unseen = pieces.filter(blind).with_columns(device_place="place", state=pl.lit("unobserved"))
    both = pl.concat([seen, unseen.select(seen.columns)])
    home = pl.when(pl.col("accelerator") == STRAY).then(STRAYS).otherwise("home")
    return both.select(
        home.alias("place"),
        "attempt",
        pl.when(pl.col("state") == "unhealthy")
        .then("state")
        .otherwise(pl.format("allocated_{}", "state"))
        .alias("state"),
        "start",
        "end",
        device=(length * pl.col("ppm")).cast(pl.Int128) * PPM // fits.cast(pl.Int128),
        busy=pl.when(~pl.col("state").is_in(["unobserved", "unhealthy"])).then(
            (length * pl.col("level")).cast(pl.Int128)
        ),
    )


def levels(world: World) -> pl.DataFrame:
    """What is `there` by the inventory and `held` (ppm) of each place's home: place, start, end, there, held."""
    home = _home(world)
    stray = world.attempts.filter(pl.col("accelerator") == STRAY).select("attempt")
    online = world.online.join(home, on="place").select(place="home", start="start", end="end", amount=pl.lit(PPM))
    held = (
        world.holdings.join(stray, on="attempt", how="anti")
        .join(home, on="place")
        .select(place="home", start="start", end="end", amount="ppm")
    )
    return sweep(there=online, held=held)


def _unheld(world: World, timeline: pl.DataFrame) -> pl.DataFrame:
    """Time that nobody held, as far as the inventory knows of it."""
    home = _home(world)
    level = levels(world).with_columns(free=pl.col("there") - pl.col("held"))
    free = level.filter(pl.col("free") > 0).select("place", "start", "end", "free", alone=pl.col("held") == 0)
    named = free.join(home.select(place="home", pool="pool").unique(), on="place")
    known, blind = _known(named, timeline)
    states = _pool_states(world, known)
    at = known.with_columns(device_place="place", place="pool")
    labelled = overlay(at.drop("pool"), states).with_columns(pool="place", place="device_place")
    return pl.concat([_used_or_not(world, labelled, timeline), _nobodys(blind.with_columns(level=None))])


def _known(free: pl.DataFrame, timeline: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Free time that is known to be, and where agents tell all, what is not: with `state`, why."""
    told = pl.col("pool").is_in(AGENTS)
    state = pl.when("silent").then(pl.lit("unobserved")).when("sick").then(pl.lit("unhealthy")).otherwise(pl.lit(""))
    seen = joined(timeline.select("place", "start", "end", state=state), "state")
    pieces = overlay(free.filter(told), seen)
    watched = pl.col("state") == ""
    return pl.concat([free.filter(~told), pieces.filter(watched).select(free.columns)]), pieces.filter(~watched)


def _used_or_not(world: World, free: pl.DataFrame, timeline: pl.DataFrame) -> pl.DataFrame:
    """Free time, less what a process took behind the scheduler while an agent watched."""
    reserved = world.places.filter(pl.col("purchase") == "reservation")["place"].to_list()
    unlogged = [n for n, p in enumerate(POOLS) if not p.logged]
    state = (
        pl.when(pl.col("pool").is_in(unlogged))
        .then(pl.lit("unobserved"))
        .when(pl.col("place").is_in(reserved))
        .then(pl.lit("unallocated_reserved"))
        .otherwise("state")
    )
    at_work = timeline.filter(~pl.col("silent") & (pl.col("level") > 0)).drop("silent")
    alone = free.filter("alone")
    used = overlay(alone.drop("state"), at_work).with_columns(state=pl.lit("allocated_active"))
    left = sweep(free=alone.select(*SPANS), used=used.select(*SPANS)).filter(
        (pl.col("free") > 0) & (pl.col("used") == 0)
    )
    quiet = overlay(alone, left.select(*SPANS)).with_columns(level=None)
    rest = free.filter(~pl.col("alone")).with_columns(level=None)
    columns = ["place", "start", "end", "free", "state", "pool", "level"]
    both = pl.concat([quiet.select(columns), rest.select(columns)]).with_columns(state=state)
    return _nobodys(pl.concat([both, used.select(columns)], how="vertical_relaxed"))


def _nobodys(free: pl.DataFrame) -> pl.DataFrame:
    """Rows of `_held` for what nobody held."""
    length = pl.col("end") - pl.col("start")
    return free.select(
        "place",
        pl.lit(None, pl.Int64).alias("attempt"),
        "state",
        "start",
        "end",
        device=(pl.col("free") * length).cast(pl.Int128),
        busy=(pl.col("level").cast(pl.Int64) * length).cast(pl.Int128),
    )


def _pool_states(world: World, free: pl.DataFrame) -> pl.DataFrame:
    """Why a pool's free accelerators were free, over time: place (the pool's number), start, end, state."""
    asked = world.attempts.filter(pl.col("accelerator") != STRAY).with_columns(wanted=pl.col("size") * pl.col("ppm"))
    until = pl.coalesce("start", "end")
    waits = (
        asked.filter(~pl.col("pool").is_in(AGENTS))
        .select(place="pool", start="submitted", end=until, wanted="wanted")
        .filter(pl.col("end") > pl.col("start"))
    )
    wanted = sorted(waits["wanted"].unique())
    spans = free.select(place="pool", start="start", end="end", amount="free")
    level = sweep(free=spans, **{f"w{w}": waits.filter(pl.col("wanted") == w).drop("wanted") for w in wanted})
    fits = pl.any_horizontal(pl.lit(False), *((pl.col(f"w{w}") > 0) & (pl.col("free") >= w) for w in wanted))
    days = cut(level.filter(pl.col("free") > 0), list(range(world.window.start, world.window.end, DAY)))
    least = days.with_columns(day=pl.col("start") // DAY).join(_typical(asked), on=["place", "day"], how="left")
    stranded = pl.col("free") < pl.col("least")
    state = (
        pl.when(fits)
        .then(pl.lit("unallocated_queued"))
        .when(stranded)
        .then(pl.lit("unallocated_stranded"))
        .otherwise(pl.lit("unallocated_free"))
    )
    return joined(least.select("place", "start", "end", state=state).sort("place", "start"), "state")


def _typical(asked: pl.DataFrame) -> pl.DataFrame:
    """The least size that at least one in twenty of a pool's workloads had, of those that ran on a day."""
    ran = asked.filter(pl.col("start").is_not_null() & (pl.col("end") > pl.col("start")))
    daily = ran.with_columns(day=pl.int_ranges(pl.col("start") // DAY, (pl.col("end") - 1) // DAY + 1)).explode("day")
    each = daily.group_by("pool", "day", "workload_id").agg(pl.col("wanted").max())
    counts = each.group_by("pool", "day", "wanted").agg(n=pl.len())
    common = counts.filter(pl.col("n") * 20 >= pl.col("n").sum().over("pool", "day"))
    return common.group_by(place="pool", day="day").agg(least=pl.col("wanted").min())


def _named(pieces: pl.DataFrame, world: World) -> pl.DataFrame:
    places = world.places.select("place", "pool", "purchase", owner="owner_team")
    counted = (
        places.with_columns(place=pl.col("pool") + POOLED)
        .unique("place")
        .filter(pl.col("pool").is_in([n for n, p in enumerate(POOLS) if not p.by_device]))
    )
    stray = counted.filter(pl.col("pool") == _pool("a100")).with_columns(place=pl.lit(STRAYS, pl.Int64), purchase=None)
    known = pl.concat([places, counted, stray])
    named = pieces.join(known, on="place").join(
        world.attempts.select("attempt", "team", "facts"), on="attempt", how="left"
    )
    before = (pl.col("facts") == "ads") & (pl.col("start") < middle(world) + FOUNDED)
    own = pl.when(pl.col("place") == STRAYS).then(pl.lit(STRAY))
    return named.with_columns(
        accelerator=own.otherwise(of_pool("accelerator")),
        team=pl.when(before).then(pl.lit(ADS[1])).otherwise("team"),
        hour=pl.col("start") // HOUR * HOUR,
        place=pl.when(pl.col("place") < POOLED).then("place"),
        stray=pl.col("place") == STRAYS,
    )


def _pool(name: str) -> int:
    return next(n for n, p in enumerate(POOLS) if p.name == name)


def _priced(rows: pl.DataFrame, world: World) -> pl.DataFrame:
    """Adds `month` and `cost`."""
    late = pl.col("start") >= middle(world) + REPRICED
    nano = pl.lit(None, pl.Int64)
    for accelerator, _, purchase, price, later in PRICES:
        fits = (pl.col("accelerator") == accelerator) & (
            pl.lit(True) if purchase is None else (pl.col("purchase") == purchase).fill_null(False)
        )
        nano = pl.when(fits & late).then(per_ms(later or price)).when(fits).then(per_ms(price)).otherwise(nano)
    if world.promises is not None:
        shared = (pl.col("accelerator") == ACCELERATOR) & (pl.col("start") >= world.promises.begin)
        nano = pl.when(shared).then(world.promises.blended).otherwise(nano)
    provider = {n: p.provider for n, p in enumerate(POOLS)}
    months = (
        rows.select("hour", "pool")
        .unique()
        .with_columns(
            month=pl.struct("hour", "pool").map_elements(
                lambda r: _month(r["hour"], provider[r["pool"]]), return_dtype=pl.String
            )
        )
    )
    return rows.with_columns(cost=pl.col("device").cast(pl.Int128) * nano).join(months, on=["hour", "pool"])


def _month(hour: int, provider: str) -> str:
    return f"{datetime.fromtimestamp(hour / 1000, UTC).astimezone(ZoneInfo(ZONES.get(provider, 'UTC'))):%Y-%m}"


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    busy = pl.when(pl.col("busy").count() > 0).then(pl.col("busy").sum())
    return rows.group_by(KEYS).agg(pl.col("device").sum(), busy.alias("busy"), pl.col("cost").sum()).sort(KEYS)
