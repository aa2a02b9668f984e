"""Closed months: the digest that a close keeps of its charges, and what has changed since as corrections."""

from __future__ import annotations

import hashlib

import polars as pl

from accounting.tables import ADJUSTMENTS

CORRECTION = "correction"
AMOUNTS = ("device_seconds", "cost", "used_cost", "list_cost")
SORT = ("day", "cluster", "team", "charge_kind", "charge_id")
_COLUMNS = [name for name in ADJUSTMENTS.names if name != "publication"]


def digest(rows: pl.DataFrame) -> str:
    """SHA-256 (hex) of rows of `LEDGER` in sort order, by what they say: the same from any store and any file."""
    cells = [pl.col(name).cast(pl.String).fill_null("\0") for name in _COLUMNS]
    lines = rows.sort(SORT, nulls_last=True).select(pl.concat_str(cells, separator="\x1f")).to_series()
    found = hashlib.sha256()
    for line in lines:
        found.update(f"{line}\n".encode())
    return found.hexdigest()


def corrections(booked: pl.DataFrame, known: pl.DataFrame, month: str) -> pl.DataFrame:
    """What charges of closed months come to now, less what was booked: rows of `ADJUSTMENTS` without `publication`.

    `booked` are rows of `LEDGER`, corrections among them, and `known` those charges as they are known now, both of the
    same days. A row of the result adds to the amounts of the charge that it `corrects`, in the open `month`; together
    with what was booked it makes what is known. One that nothing has changed for has none.
    """
    key = pl.coalesce("corrects", "charge_id").alias("corrects")
    before = booked.group_by(key).agg(*_sums("booked"), pl.struct(_COLUMNS).sort_by("month").first().alias("then"))
    now = known.group_by(key).agg(*_sums("known"), pl.struct(_COLUMNS).first().alias("now"))
    both = before.join(now, on="corrects", how="full", coalesce=True)
    delta = both.with_columns(_delta(name) for name in AMOUNTS)
    changed = delta.filter(pl.any_horizontal(pl.col(f"known_{c}").ne_missing(pl.col(f"booked_{c}")) for c in AMOUNTS))
    said = changed.select("corrects", *AMOUNTS, pl.coalesce("now", "then").alias("row"))
    rows = said.drop("corrects", *AMOUNTS).unnest("row").drop("corrects", *AMOUNTS)
    return _lines(pl.concat([rows, said.drop("row")], how="horizontal"), month)


def _sums(prefix: str) -> list[pl.Expr]:
    """Sums that are NULL where no row has an amount; a cost is unknown where one of the rows has none."""
    return [pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(f"{prefix}_{name}") for name in AMOUNTS]


def _delta(name: str) -> pl.Expr:
    known, booked = pl.col(f"known_{name}"), pl.col(f"booked_{name}")
    both_unknown = known.is_null() & booked.is_null()
    return pl.when(~both_unknown).then(known.fill_null(0) - booked.fill_null(0)).alias(name)


def _lines(rows: pl.DataFrame, month: str) -> pl.DataFrame:
    ids = [hashlib.sha256(f"{CORRECTION}\x1f{one}\x1f{month}".encode()).hexdigest()[:32] for one in rows["corrects"]]
    return (
        rows.with_columns(
            charge_id=pl.Series(ids, dtype=pl.String), month=pl.lit(month), charge_kind=pl.lit(CORRECTION)
        )
        .select(_COLUMNS)
        .cast({c.name: c.dtype for c in ADJUSTMENTS.columns if c.name in AMOUNTS})
        .sort(SORT, nulls_last=True)
    )
