"""One partition from inputs to published rows: measure, price, bear. Straight lines, in order."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from accounting.core import faults, published
from accounting.core.activity import Activity, observe
from accounting.core.charges import charges_table
from accounting.core.free import stated, typical
from accounting.core.holdings import held, identified, waiting
from accounting.core.measure import MAINTENANCE, UNHEALTHY, free_rows, held_rows
from accounting.core.occupancy import Occupancy, occupy
from accounting.core.partition import Partition, Results
from accounting.core.places import placed, places, pool_codes, survey, with_place
from accounting.core.pricing import book, check_currency
from accounting.core.quotas import quotas_table
from accounting.core.rows import account_rows
from accounting.core.serving import serving_table
from accounting.core.setting import Setting
from accounting.core.spans import spans_by
from accounting.core.ticks import lay
from accounting.core.unused import unused
from accounting.core.usage import usage_table

RESERVED = "reservation"
"""The purchase whose free time is set aside."""


@dataclass(frozen=True, slots=True)
class Accounted:
    """A partition's priced rows (`accounting.core.rows`) and what they were made of.

    `owned` are the holdings as `accounting.core.holdings.held` has them, `located` the same by place and holder.
    """

    rows: pl.DataFrame
    setting: Setting
    owned: pl.DataFrame
    located: pl.DataFrame
    occupancy: Occupancy
    activity: Activity | None


def account(p: Partition) -> Results:
    """The published rows of a partition; the same for any order and division of its inputs.

    Raises `InputError` where two prices or two team rules contradict each other.
    """
    done = priced(p)
    rows, setting = done.rows, done.setting
    charges, orphaned = charges_table(rows, setting)
    return Results(
        usage_table(rows, setting),
        charges,
        published.capacity_table(setting, done.occupancy),
        published.workloads_table(p),
        published.prices_table(setting, rows),
        faults.faults_table(setting, done.occupancy, done.located, rows, done.activity, orphaned),
        serving_table(p, done.owned),
        quotas_table(p),
    )


def priced(p: Partition) -> Accounted:
    """Every accelerator-millisecond of a partition with its holder, state and cost; raises as `account` does."""
    prices = book(p.prices)
    check_currency(prices, p.currency)
    site = survey(p)
    owned = held(p)
    holdings, identities = identified(pool_codes(owned, site.pools))
    located = placed(holdings, site)
    where = places(located, site)
    located = with_place(located, where)
    occupancy = occupy(located, site, where)
    ticks = lay(p, site, where, occupancy.bought, prices)
    activity = observe(p.samples, p.policies, pl.concat([p.maintenance, p.health]))
    out = {MAINTENANCE: spans_by("place", p.maintenance, where), UNHEALTHY: spans_by("place", p.health, where)}

    spare = unused(occupancy.free.join(where.select("place", "pool"), on="place"), p, site, where, out)
    free = stated(spare.known, pool_codes(waiting(p), site.pools), typical(located))
    nobodys = pl.concat([free, *(rows.select(free.columns) for rows in spare.rest)])
    weights = pl.concat(
        [held_rows(located, occupancy, ticks, activity, out), free_rows(nobodys, where, ticks, activity)]
    )
    reserved = site.lots.filter(pl.col("purchase") == RESERVED)["lot"].to_list()
    rows = account_rows(weights, ticks, reserved)

    return Accounted(rows, Setting(p, site, where, identities, ticks), owned, located, occupancy, activity)
