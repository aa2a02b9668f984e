"""The row of the price book that a charge was priced by, and why it is that one."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import polars as pl

from accounting.core.pricing import COMMITTED, Price, Sku, book
from accounting.explain.scene import Scene
from accounting.explain.trace import Grid, Section
from accounting.explain.words import instant, span
from accounting.unpriced import price_book, why

_FIELDS = ("purchase", "region", "provider")
SKU = ("accelerator", "provider", "region", "purchase")


def price(scene: Scene) -> Section:
    """The price in force, and every other one of the accelerator."""
    charge = scene.charge
    sku: Sku = (charge["accelerator"], charge["provider"], charge["region"], charge["purchase"])
    candidates = list(_candidates(scene, sku[0]))
    used = [(row, one) for row, one in candidates if one.id == charge["price_id"]]
    words = " ".join(part for part in sku if part)
    if not used:
        said = [f"no price fits {words}: {why({**charge, 'first_day': charge['day']}, price_book(scene.project))}"]
    elif used[0][1].kind == COMMITTED:
        said = [*_made(scene, used[0][1], sku)]
    else:
        row, one = used[0]
        place = f"row {row['row']} of {scene.file(row['import_seq'])} (import {row['import_seq']})"
        said = [
            f"{one.per_hour:f} {one.currency} per hour and {one.accelerator}, {span(one.start, one.end)}: {place}",
            f"it fits {words} best: {_fit(one, sku)}",
        ]
    grid = Grid(
        "prices",
        f"the price book's rows of {sku[0]}",
        ("price_id", "price_per_hour", "purchase", "region", "provider", "from", "to", "fits", "import", "row", "file"),
        [
            (
                *(one.id, one.per_hour, one.purchase, one.region, one.provider, instant(one.start), instant(one.end)),
                *(_verdict(scene, one, sku), *_origin(scene, row, one)),
            )
            for row, one in candidates
        ],
    )
    facts = {"price_id": charge["price_id"], "price_status": charge["price_status"], "sku": words}
    return Section(
        "price",
        "Price",
        said,
        facts,
        [grid],
        frozenset(row["import_seq"] for row, one in used if one.kind != COMMITTED),
    )


def _made(scene: Scene, one: Price, sku: Sku) -> Iterator[str]:
    """How commitments made the price."""
    yield f"{one.per_hour:f} {one.currency} per hour and {one.accelerator}, {span(one.start, one.end)}: by commitments"
    made = scene.inventory.committed
    rows = made.covered.filter(
        pl.all_horizontal(pl.col(name).eq_missing(pl.lit(value)) for name, value in zip(SKU, sku, strict=True)),
        (pl.col("start_ms") < one.end) & (pl.col("end_ms") > one.start),
    )
    sums = rows.group_by("commitment").agg(pl.col("covered_hours", "eligible_hours").sum()).sort("commitment")
    owned = {each.id: each for each in made.commitments}
    for name, covered, eligible in sums.iter_rows():
        promised = owned[name]
        price = Decimal(dict(promised.prices)[sku[0]]).scaleb(-9)
        share = f"{name} paid {covered:,.3f} of {eligible:,.3f} eligible hours at {price.normalize():f}"
        yield (
            share if promised.owner is None else f"{share}, which is credited to {promised.owner} and not in the price"
        )
    yield "the rest is at the price of the row that fits best without commitments"


def _candidates(scene: Scene, accelerator: str) -> Iterator[tuple[dict[str, Any], Price]]:
    rows = scene.partition.prices.filter(accelerator=accelerator).sort("import_seq", "row")
    for i, row in enumerate(rows.iter_rows(named=True)):
        yield row, book(rows[i])[0]


def _origin(scene: Scene, row: dict[str, Any], one: Price) -> tuple[int | None, int | None, str]:
    """Import, row and file; what commitments made is of none."""
    if one.kind == COMMITTED:
        return None, None, "commitments"
    return row["import_seq"], row["row"], scene.file(row["import_seq"])


def _fit(one: Price, sku: Sku) -> str:
    said = [f"{name} {value}" for name in _FIELDS if (value := getattr(one, name)) is not None]
    rank = one.rank(sku)
    fields = rank[1] if rank else 0
    return f"{fields} of 3 fields named ({', '.join(said)})" if said else "it names no purchase, region or provider"


def _verdict(scene: Scene, one: Price, sku: Sku) -> str:
    if one.id == scene.charge["price_id"]:
        return "used"
    if one.rank(sku) is None:
        return "another SKU"
    if one.end <= scene.start or one.start >= scene.end:
        return "another time"
    return "less well"
