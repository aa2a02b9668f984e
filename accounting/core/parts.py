"""Devices of which single workloads' parts were measured: what the others did is what is left."""

from __future__ import annotations

import polars as pl

from accounting.core.steps import edges, key_of, label, ms_of, packed, sweep


def left_over(runs: pl.DataFrame, devices: pl.DataFrame, parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Intervals of devices less what their parts tell at each instant, and their subjects (device_id, subject).

    `runs`: key, length, level, joules, idle, … of all subjects, disjoint; `devices` and `parts` name the subjects, the
    parts last. Only devices that tell and have parts are in the result, as new subjects. Whether they were idle stays,
    and so does their energy.
    """
    pairs = parts.join(devices.rename({"subject": "device"}), on="device_id")
    first = parts.select(pl.col("subject").max()).item() + 1
    told = pairs.select("device_id", "device").unique().sort("device_id")
    rests = told.with_columns(rest=pl.int_range(first, first + pl.len(), dtype=pl.Int64))
    timed = runs.with_columns(subject=key_of("key"), start=ms_of("key"))
    whole = timed.with_columns(end=pl.col("start") + pl.col("length"), _since="start", _length="length")
    used = edges(whole.join(pairs.select("subject", "device"), on="subject"), "device", taken="level")
    taken = sweep(used).rename({"key": "subject"})
    own = whole.join(rests.select("rest", subject="device"), on="subject")
    pieces = label(own, "subject", taken, "taken")
    joules, since = pl.col("joules").cast(pl.Int128), pl.col("_since")

    def until(edge: str) -> pl.Expr:
        return joules * (pl.col(edge) - since) // pl.col("_length")

    left = pieces.with_columns(
        key=packed("rest", "start"),
        length=pl.col("end") - pl.col("start"),
        level=(pl.col("level") - pl.col("taken").fill_null(0)).clip(0),
        joules=(until("end") - until("start")).cast(pl.Int64),
    )
    return left.select(runs.columns), rests.select("device_id", subject="rest")
