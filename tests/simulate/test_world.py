"""What must hold in the company itself, before anybody accounts it."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal

import polars as pl
from polars.testing import assert_frame_equal

from accounting.simulate.company import AGENTS, HOUR, POOLS, PPM
from accounting.simulate.spans import SPANS, sweep
from accounting.simulate.truth import POOLED, added, levels, truth
from accounting.simulate.world import LEAST_DEVICES, STRAY, World, build
from tests.simulate.conftest import PLAN


def integrated(world: World, at_once: int = 10**6) -> pl.DataFrame:
    """All true usage."""
    return pl.concat([part.usage for part in truth(world, at_once)])


def test_equal_seeds_make_equal_companies(world: World) -> None:
    again = build(PLAN.window, PLAN.devices)
    other = build(replace(PLAN.window, seed=8), PLAN.devices)

    for field in fields(world):
        if field.name not in ("window", "promises"):
            assert_frame_equal(getattr(world, field.name), getattr(again, field.name))
    assert not world.holdings.equals(other.holdings)


def test_there_are_as_many_devices_as_asked_for(world: World) -> None:
    assert world.places.height >= PLAN.devices
    assert build(PLAN.window, LEAST_DEVICES).places["pool"].n_unique() == len(POOLS)


def test_nobody_holds_more_than_there_is(world: World) -> None:
    held = sweep(held=world.holdings.with_columns(amount=pl.col("ppm")))
    most = [max(sum(ppm for _, ppm in offer) for offer in pool.slots) for pool in POOLS]
    both = held.join(world.places.select("place", "pool"), on="place").select("pool", "held")

    assert [row for row in both.rows() if int(row[1]) > most[int(row[0])]] == []


def test_nobody_holds_what_is_down(world: World) -> None:
    """But where agents tell all: there a device breaks under its holder."""
    drained = world.places.filter(~pl.col("pool").is_in(AGENTS)).select("place")
    down = world.downs.join(drained, on="place", how="semi")
    both = sweep(held=world.holdings.select(*SPANS), down=down.select(*SPANS))

    assert both.filter((pl.col("held") > 0) & (pl.col("down") > 0)).height == 0


def test_phases_fill_an_attempt(world: World) -> None:
    spans = world.phases.group_by("attempt").agg(
        pl.col("start").min(), pl.col("end").max(), spent=(pl.col("end") - pl.col("start")).sum()
    )
    ran = world.attempts.filter(pl.col("start").is_not_null() & (pl.col("end") > pl.col("start")))
    both = ran.select("attempt", "start", "end").join(spans, on="attempt", how="left", suffix="_told")

    assert both.filter(pl.col("spent").is_null()).height == 0
    assert both.filter(pl.col("spent") != pl.col("end") - pl.col("start")).height == 0


def test_true_time_is_the_capacity(world: World) -> None:
    """Online by the inventory, and what was held beyond it; to 60 ms, for shares that do not divide."""
    rows = integrated(world)
    accounted = sum(int(amount) for amount in rows["device"])
    online = int((world.online["end"] - world.online["start"]).sum()) * PPM
    over = levels(world).filter((pl.col("place") >= POOLED) & (pl.col("held") > pl.col("there")))
    beyond = int(((over["held"] - over["there"]) * (over["end"] - over["start"])).sum())
    stray = world.holdings.join(world.attempts.filter(pl.col("accelerator") == STRAY), on="attempt", how="semi")
    strays = int(((stray["end"] - stray["start"]) * stray["ppm"]).sum())

    assert abs(accounted - online - beyond - strays) < 60 * PPM
    assert beyond > 0
    assert strays > 0


def test_the_truth_is_the_same_however_much_is_integrated_at_once(world: World) -> None:
    """One day at a time, with runs of idleness across midnight; shares that do not divide may lose a millisecond."""
    keys = [name for name in integrated(world).columns if name not in {"device", "busy", "cost"}]
    rows = [integrated(world, at_once).sort(keys, nulls_last=True) for at_once in (1, 10**9)]

    assert_frame_equal(rows[0].select(keys), rows[1].select(keys))
    for name in ("device", "busy"):
        assert (rows[0][name] - rows[1][name]).abs().max() <= PPM  # type: ignore[operator]


def test_nobody_is_busier_than_a_device(world: World) -> None:
    rows = integrated(world).filter(pl.col("place").is_not_null())
    busy = rows.group_by("place", "hour").agg(pl.col("busy").sum(), pl.col("device").sum())

    assert busy.filter(pl.col("busy") > pl.col("device") + PPM).height == 0


def test_a_millisecond_costs_whole_nano_units() -> None:
    from accounting.simulate.company import PRICES

    prices = [Decimal(price) for row in PRICES for price in row[3:] if price is not None]

    assert [price for price in prices if price * 1_000_000_000 % HOUR] == []


def test_the_models_behind_a_server_share_its_work(world: World) -> None:
    served = added(part.served for part in truth(world))
    total = sum(spent for _, spent in served.iter_rows())

    assert total > 0
    for model, part in (("ctr-v7", 0.55), ("creative-embed", 0.30), ("fraud-v2", 0.15)):
        (spent,) = served.filter(pl.col("model") == model)["spent"]
        assert abs(spent / total - part) < 1e-6


def test_the_only_node_of_a_pool_is_there_from_the_first_day(world: World) -> None:
    """Nothing tells what a pool costs that no inventory knows of yet."""
    few = build(PLAN.window, LEAST_DEVICES)
    for one, late in ((few, False), (world, True)):
        mine = one.online.join(one.places, on="place").filter(pl.col("node").str.starts_with("hpc-"))
        assert (mine.filter(pl.col("start") > PLAN.window.start).height > 0) is late
