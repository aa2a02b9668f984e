"""Measure: every accelerator-millisecond in one state, as exact weights in millionths of a millisecond."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from accounting.core.activity import MEASURES, Activity
from accounting.core.explanation import explained
from accounting.core.occupancy import Occupancy
from accounting.core.rounding import half_even
from accounting.core.spans import apart
from accounting.core.steps import PPM, cut, label
from accounting.core.ticks import Ticks

MAINTENANCE = "maintenance"
UNHEALTHY = "unhealthy"
UNOBSERVED = "unobserved"
STATES = (
    MAINTENANCE,
    UNHEALTHY,
    "allocated_unobserved",
    "allocated_idle",
    "allocated_active",
    "unallocated_reserved",
    "unallocated_queued",
    "unallocated_stranded",
    "unallocated_free",
    UNOBSERVED,
)
CODE = {state: code for code, state in enumerate(STATES)}
SLICED = 16
"""Added to the code of a state whose holder shared the device with more than fits."""
ROW = ("place", "tick", "ident", "state", "weight", "busy", "bound", "energy", "measured")
"""weight: ppm·ms held; busy, bound: ppm·ms of utilization (NULL: unobserved); energy: mJ (NULL: none read);
measured: the holder's own part of a device was."""


Spans = Mapping[str, pl.DataFrame]


def held_rows(
    holdings: pl.DataFrame, occupancy: Occupancy, ticks: Ticks, activity: Activity | None, out: Spans
) -> pl.DataFrame:
    """Rows of what was held: pieces of holdings, split into unusable, unobserved, idle and active time.

    `out`: by state, when a device could not be used: place, start, end, disjoint; the first one goes before.
    """
    usable, lost = cut(holdings, "place", ticks.table["key"]), []
    for state, spans in out.items():
        usable, unusable = apart(usable, "place", spans)
        weighed = _weighed(unusable, occupancy.shared)
        lost.append(_plain(weighed.with_columns(state=CODE[state] + pl.col("sliced")), "state"))
    return pl.concat([*lost, _explained(usable, occupancy, activity)])


def _explained(pieces: pl.DataFrame, occupancy: Occupancy, activity: Activity | None) -> pl.DataFrame:
    weighed = _weighed(pieces, occupancy.shared)
    if activity is None:
        return _unobserved(weighed)
    observed = explained(weighed, activity)
    seen = observed.filter(pl.col("subject").is_not_null())
    unseen = _unobserved(observed.filter(pl.col("subject").is_null()))
    return pl.concat([unseen, _observed(seen, _metered(seen, activity))]) if seen.height else unseen


def _metered(pieces: pl.DataFrame, activity: Activity) -> pl.DataFrame:
    """What the pieces' subjects did; the energy of a part that tells none is the device's over the same time."""
    done = activity.over(pieces)
    if not pieces["measured"].any():
        return done
    meter = activity.over(pieces, "meter").select(_all=pl.col("energy_idle") + pl.col("energy_active"))
    both = pl.concat([done, meter, pieces.select("measured")], how="horizontal")
    silent = pl.col("measured") & (pl.col("metered") == 0)
    split = {m: pl.col("_all") * pl.col(m) // (pl.col("idle") + pl.col("active")) for m in MEASURES[:2]}
    return both.select(
        *MEASURES[:4],
        *(pl.when(silent).then(split[m]).otherwise(f"energy_{m}").alias(f"energy_{m}") for m in MEASURES[:2]),
        "metered",
    )


def free_rows(free: pl.DataFrame, places: pl.DataFrame, ticks: Ticks, activity: Activity | None) -> pl.DataFrame:
    """Rows of what nobody held; a device that was busy all the same is `allocated_active` without a workload."""
    pieces = cut(free, "place", ticks.table["key"]).with_columns(
        weight=pl.col("quantity") * (pl.col("end") - pl.col("start")),
        ident=pl.lit(None, pl.Int64),
        state=pl.col("state").replace_strict(CODE, return_dtype=pl.Int64),
    )
    if activity is None:
        return _plain(pieces, "state")
    devices = places.select("place", "device_id").join(activity.devices, on="device_id").select("place", "subject")
    watched = pieces.join(devices, on="place", how="left").with_columns(subject=pl.when("alone").then("subject"))
    seen = watched.filter(pl.col("subject").is_not_null())
    done = activity.at_once(seen)
    used = seen.with_columns(done).with_columns(
        used=(pl.col("weight").cast(pl.Int128) * pl.col("active") // (pl.col("end") - pl.col("start"))).cast(pl.Int64),
    )
    return pl.concat(
        [
            _plain(watched.filter(pl.col("subject").is_null()), "state"),
            _plain(used.with_columns(weight=pl.col("weight") - pl.col("used"), energy="energy_idle"), "state"),
            _row(
                used,
                pl.lit(CODE["allocated_active"], pl.Int64),
                "used",
                "busy_active",
                pl.lit(0, pl.Int64),
                "energy_active",
            ),
        ]
    ).filter(pl.col("weight") > 0)


def _weighed(pieces: pl.DataFrame, shared: pl.DataFrame) -> pl.DataFrame:
    """`weight` of each piece; on shared devices also `held`, and time scaled down where shares exceed the whole."""
    plain = pl.col("quantity") * (pl.col("end") - pl.col("start"))
    if not shared.height:
        return pieces.with_columns(weight=plain, held=pl.lit(None, pl.Int64), sliced=pl.lit(0, pl.Int64))
    spans = shared.with_columns(both=pl.struct("held", "taken"))
    mixed = pieces["place"].is_in(shared["place"].unique().to_list())
    cutted = label(pieces.filter(mixed), "place", spans, "both").unnest("both")
    scaled = _scaled(cutted.sort("place", "start", "ident", nulls_last=True))
    unmixed = pieces.filter(~mixed).with_columns(weight=plain, held=pl.lit(None, pl.Int64), sliced=pl.lit(0, pl.Int64))
    return pl.concat([unmixed, scaled], how="diagonal")


def _scaled(pieces: pl.DataFrame) -> pl.DataFrame:
    """Each holder gets share ÷ Σ shares, the shares of a segment adding up to the whole segment."""
    length = pl.col("end") - pl.col("start")
    until = pl.col("quantity").cum_sum().over("place", "start")
    wide = (length * pl.col("taken")).cast(pl.Int128)
    share = half_even(wide * until, pl.col("held").cast(pl.Int128)) - half_even(
        wide * (until - pl.col("quantity")), pl.col("held").cast(pl.Int128)
    )
    fits = pl.col("held").is_null() | (pl.col("held") <= pl.col("taken"))
    weight = pl.when(fits).then(pl.col("quantity") * length).otherwise(share.cast(pl.Int64))
    return pieces.with_columns(weight=weight, sliced=pl.when(fits).then(0).otherwise(SLICED).cast(pl.Int64)).drop(
        "taken"
    )


def _unobserved(pieces: pl.DataFrame) -> pl.DataFrame:
    return _plain(pieces.with_columns(state=CODE["allocated_unobserved"] + pl.col("sliced")), "state")


def _plain(pieces: pl.DataFrame, state: str) -> pl.DataFrame:
    none = pl.lit(None, pl.Int64)
    energy = pl.col("energy") if "energy" in pieces.columns else none
    return pieces.select(
        "place",
        "tick",
        "ident",
        pl.col(state).alias("state"),
        "weight",
        none.alias("busy"),
        none.alias("bound"),
        energy.alias("energy"),
        pl.lit(False).alias("measured"),
    )


def _observed(pieces: pl.DataFrame, done: pl.DataFrame) -> pl.DataFrame:
    """Three rows a piece: its weight split by the time its samples were idle, active, or missing."""
    length = (pl.col("end") - pl.col("start")).cast(pl.Int128)
    wide = pl.col("weight").cast(pl.Int128)
    split = pieces.with_columns(done).with_columns(
        idle_weight=(wide * pl.col("idle") // length).cast(pl.Int64),
        seen_weight=(wide * (pl.col("idle") + pl.col("active")) // length).cast(pl.Int64),
        **{f"my_{m}": _mine(m, "among") for m in MEASURES[2:4]},
        **{f"my_{m}": _energy(m) for m in MEASURES[4:6]},
    )
    split = split.with_columns(
        active_weight=pl.col("seen_weight") - pl.col("idle_weight"),
        weight=pl.col("weight") - pl.col("seen_weight"),
        **{f"bound_{m}": _bound(m) for m in ("idle", "active")},
    )
    return pl.concat(
        [
            _unobserved(split),
            _row(
                split,
                CODE["allocated_idle"] + pl.col("sliced"),
                "idle_weight",
                "my_busy_idle",
                pl.col("bound_idle"),
                "my_energy_idle",
            ),
            _row(
                split,
                CODE["allocated_active"] + pl.col("sliced"),
                "active_weight",
                "my_busy_active",
                pl.col("bound_active"),
                "my_energy_active",
            ),
        ]
    ).filter(pl.col("weight") > 0)


def _mine(measure: str, among: str) -> pl.Expr:
    """On a device the holders share what it did; samples of a workload are means over its accelerators."""
    alone = pl.col("by_device") & pl.col(among).is_null()
    numerator = pl.when(alone).then(1).otherwise("quantity").cast(pl.Int128)
    denominator = pl.when("by_device").then(pl.coalesce(among, pl.lit(1))).otherwise(PPM).cast(pl.Int128)
    return (pl.col(measure).cast(pl.Int128) * numerator // denominator).cast(pl.Int64)


def _energy(measure: str) -> pl.Expr:
    """A device's energy is shared like its time; a workload's, or that of a part which tells it, is its own."""
    own = pl.col("measured") & (pl.col("metered") > 0)
    return pl.when(own).then(_mine(measure, "among")).when("by_device").then(_mine(measure, "held")).otherwise(measure)


def _bound(state: str) -> pl.Expr:
    """A shared device's activity may have been all mine or none of it; a measured part is what it is."""
    mine, all_of_it = pl.col(f"my_busy_{state}"), pl.col(f"busy_{state}")
    shared = pl.col("by_device") & pl.col("among").is_not_null() & ~pl.col("measured")
    return pl.when(shared).then(pl.max_horizontal(mine, all_of_it - mine)).otherwise(0)


def _row(pieces: pl.DataFrame, state: pl.Expr, weight: str, busy: str, bound: pl.Expr, energy: str) -> pl.DataFrame:
    return pieces.select(
        "place",
        "tick",
        "ident",
        state.alias("state"),
        pl.col(weight).alias("weight"),
        pl.col(busy).alias("busy"),
        bound.cast(pl.Int64).alias("bound"),
        pl.col(energy).alias("energy"),
        pl.col("measured") if "measured" in pieces.columns else pl.lit(False).alias("measured"),
    )
