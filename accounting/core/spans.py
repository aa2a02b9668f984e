"""Spans of devices, such as when one could not be used, and what lies inside of them."""

from __future__ import annotations

import polars as pl

from accounting.core.steps import label, merge


def spans_by(key: str, spans: pl.DataFrame, codes: pl.DataFrame) -> pl.DataFrame:
    """`spans` (device_id, start_ms, end_ms; may overlap) under the codes of the devices: `key, start, end`, disjoint.

    `codes` (device_id, `key`) may have a device several times. A device without a code is left out.
    """
    coded = spans.join(codes.select("device_id", key), on="device_id").rename({"start_ms": "start", "end_ms": "end"})
    lasting = coded.filter(pl.col("end") > pl.col("start"))
    if not lasting.height:
        return pl.DataFrame(schema=dict.fromkeys((key, "start", "end"), pl.Int64))
    return merge(lasting, key).rename({"key": key})


def apart(rows: pl.DataFrame, key: str, spans: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows (`key, start, end`, …) cut at the edges of their key's disjoint `spans`: those outside, those inside."""
    if not spans.height or not rows.height:
        return rows, rows.clear()
    concerned = rows[key].is_in(spans[key].unique().to_list()).fill_null(False)
    pieces = label(rows.filter(concerned), key, spans.with_columns(_inside=pl.lit(True)), "_inside")
    inside = pl.col("_inside").is_not_null()
    outside = pieces.filter(~inside).drop("_inside")
    return pl.concat([rows.filter(~concerned), outside]), pieces.filter(inside).drop("_inside")
