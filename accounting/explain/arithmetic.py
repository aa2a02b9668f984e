"""Price times time, what rounding added, and a team's share of it: the steps add up to the charge, to the nano-unit."""

from __future__ import annotations

import polars as pl

from accounting.core.bear import SPREADS
from accounting.core.charges import KEYS
from accounting.core.rounding import MS_PER_HOUR
from accounting.core.shares import nearest
from accounting.explain.scene import Scene
from accounting.explain.trace import Grid, Section, Value
from accounting.explain.words import amount, counted, instant, seconds, total


def arithmetic(scene: Scene) -> Section:
    """The steps from the price to the charge's cost."""
    found, charge = scene.found, scene.charge
    ms, cost = int(found.rows["ms"].sum()), total(found.rows["cost"])
    mine_ms, mine = int(found.parts["ms"].sum()), total(found.parts["cost"])
    price = None if charge["unit_price"] is None else int(charge["unit_price"].scaleb(9))
    facts: dict[str, Value] = {"device_seconds": seconds(ms), "price_per_hour": charge["unit_price"]}
    said = [f"{counted(found.rows.height, 'row')} of device time: {seconds(ms):,} s = {_hours(ms)} h"]
    if price is None or cost is None:
        said.append("without a price the cost is unknown, never 0")
    else:
        product = nearest(price * ms, MS_PER_HOUR)
        facts |= {"price_times_time": amount(product), "rounding": amount(cost - product), "rows_cost": amount(cost)}
        split = f"rounding of {_places(scene)}, each on its own so that its rows add up"
        said.append(
            f"{charge['unit_price']:f} × {seconds(ms):,} s ÷ 3600 = {amount(product):f}; {split}:"
            f" {amount(cost - product):+f}; = {amount(cost):f} {charge['currency']}"
        )
    if _spread(scene):
        facts |= {"share_seconds": seconds(mine_ms), "share_cost": amount(mine)}
        said.append(f"{charge['team']}'s share of it: {seconds(mine_ms):,} s{_of(mine)}; see who bears it")
    said += _other_bases(scene)
    facts |= {"traced_cost": amount(mine), "published_cost": _published(scene)}
    return Section("arithmetic", "Price × time", said, facts, _grids(scene))


def agrees(scene: Scene) -> bool:
    """Whether the parts come to what is published."""
    parts, charge = scene.found.parts, scene.charge
    return (amount(total(parts["cost"])), seconds(int(parts["ms"].sum()))) == (charge["cost"], charge["device_seconds"])


def _published(scene: Scene) -> Value:
    cost: Value = scene.charge["cost"]
    return cost


def _hours(ms: int) -> str:
    return f"{nearest(ms * 1000, MS_PER_HOUR) / 1000:,.3f}"


def _of(nano: int | None) -> str:
    return "" if nano is None else f", {amount(nano):f}"


def _spread(scene: Scene) -> bool:
    return (scene.charge["borne_by_rule"] or "").split(":")[-1] in SPREADS


def _places(scene: Scene) -> str:
    """How many roundings there are: a place's hour at one price is one."""
    return counted(scene.found.rows.select("place", "hour").n_unique(), "place-hour")


def _other_bases(scene: Scene) -> list[str]:
    charge, busy = scene.charge, total(scene.found.parts["busy_ms"])
    said = []
    if charge["used_cost"] is not None:
        said.append(
            f"used basis: cost × {seconds(busy)} busy s ÷ {charge['device_seconds']} s = {charge['used_cost']:f}"
        )
    if charge["list_cost"] is not None:
        said.append(f"at the on-demand price of the same SKU: {charge['list_cost']:f}")
    return said


def _grids(scene: Scene) -> list[Grid]:
    rows = scene.found.rows.sort("start", "place", *KEYS, nulls_last=True)
    cost = pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum())
    whole = (seconds(int(rows["ms"].sum())), amount(total(rows["cost"])))
    hours = rows.group_by("hour").agg(pl.col("place").n_unique(), pl.col("ms").sum(), cost).sort("hour")
    return [
        Grid(
            "hours",
            "by hour (UTC)",
            ("hour", "places", "device_seconds", "cost"),
            [(instant(h), n, seconds(ms), amount(c)) for h, n, ms, c in hours.iter_rows()],
            ("in all", None, *whole),
        ),
        Grid(
            "rows",
            "by place",
            ("from", "to", "node", "device_id", "device_seconds", "busy_seconds", "cost"),
            [
                (instant(a), instant(b), node, device, seconds(ms), seconds(busy), amount(c))
                for a, b, node, device, ms, busy, c in rows.select(
                    "start", "end", "node", "device_id", "ms", "busy_ms", "cost"
                ).iter_rows()
            ],
            ("in all", None, None, None, whole[0], seconds(total(rows["busy_ms"])), whole[1]),
        ),
    ]
