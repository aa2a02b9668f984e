"""Which samples explain a holding: at every instant its part of the device, else the device, else the workload."""

from __future__ import annotations

import polars as pl

from accounting.core.activity import Activity
from accounting.core.spans import apart
from accounting.core.steps import edges, label, sweep


def explained(pieces: pl.DataFrame, activity: Activity) -> pl.DataFrame:
    """Weighed pieces of holdings, cut where another subject explains them; their weights are divided by time.

    Adds `subject` (NULL: nothing tells), `by_device` (it tells of a device, or of a part of one), `measured` (of a
    part), `meter` (whose energy the holder shares), and `among`: the quantity of all who share what the subject did,
    NULL where it is one holder's alone.
    """
    whole = pieces.with_columns(_since=pl.col("start"), _length=pl.col("end") - pl.col("start"))
    devices = activity.shared.rename({"device_id": "observed", "subject": "_device"})
    workloads = activity.workloads.rename({"subject": "_workload"})
    named = whole.join(devices, on="observed", how="left").join(workloads, on="workload_id", how="left")
    if not activity.parts.height:
        return _divided(_otherwise(named, activity))
    parts = activity.parts.rename({"device_id": "observed", "subject": "_part"})
    both = named.join(parts, on=["observed", "workload_id"], how="left")
    rest, measured = apart(both, "_part", activity.spans(both["_part"].drop_nulls()).rename({"subject": "_part"}))
    others = _among_the_rest(_otherwise(rest.drop("_part"), activity), activity)
    own = _among_its_rows(measured).with_columns(
        subject=pl.col("_part"), meter=pl.col("_device"), by_device=pl.lit(True), measured=pl.lit(True)
    )
    return _divided(pl.concat([others, own.select(others.columns)]))


def _otherwise(pieces: pl.DataFrame, activity: Activity) -> pl.DataFrame:
    """At every instant the device explains a piece if it tells, else the workload."""
    both = pl.col("_device").is_not_null() & pl.col("_workload").is_not_null()
    seen = pieces.filter(both)
    silent, told = apart(seen, "_device", activity.spans(seen["_device"]).rename({"subject": "_device"}))
    by_device = pl.concat(
        [
            pieces.filter(~both).with_columns(by_device=pl.col("_device").is_not_null()),
            silent.with_columns(by_device=pl.lit(False)),
            told.with_columns(by_device=pl.lit(True)),
        ]
    )
    subject = pl.when("by_device").then("_device").otherwise("_workload")
    return by_device.with_columns(subject=subject, meter=subject, measured=pl.lit(False), among=pl.col("held"))


def _among_the_rest(pieces: pl.DataFrame, activity: Activity) -> pl.DataFrame:
    """What is left of a device beside its measured parts is shared by those who have no part."""
    of_rest = pl.col("by_device") & pl.col("held").is_not_null() & pl.col("subject").is_in(activity.parted)
    return pl.concat(
        [pieces.filter(~of_rest.fill_null(False)), _shared(pieces.filter(of_rest), "place").select(pieces.columns)]
    )


def _among_its_rows(pieces: pl.DataFrame) -> pl.DataFrame:
    """A workload that holds a device in several rows, such as slices, has one part for all of them."""
    return _shared(pieces, "_part")


def _shared(pieces: pl.DataFrame, key: str) -> pl.DataFrame:
    """`among`: the quantity of all pieces of the key at that instant, NULL where there is but one."""
    counted = pieces.with_columns(one=pl.lit(1, pl.Int64))
    total = sweep(edges(counted, key, among="quantity", holders="one")).rename({"key": key})
    several = total.filter(pl.col("holders") > 1).select(key, "start", "end", "among")
    return label(pieces.drop("among", strict=False), key, several, "among")


def _divided(pieces: pl.DataFrame) -> pl.DataFrame:
    """Cumulatively, so that the pieces of one weigh as much as it did."""
    wide, since = pl.col("weight").cast(pl.Int128), pl.col("_since")

    def until(edge: str) -> pl.Expr:
        return wide * (pl.col(edge) - since) // pl.col("_length")

    weight = (until("end") - until("start")).cast(pl.Int64)
    return pieces.with_columns(weight=weight).drop("_since", "_length", "_device", "_workload", strict=False)
