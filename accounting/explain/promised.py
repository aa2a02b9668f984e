"""A line that a commitment made: what was promised, what of it was used on that day, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from accounting import pipeline
from accounting.core.adjustment import money
from accounting.core.commitments import Commitment
from accounting.core.committed import UNUSED, Committed, label
from accounting.core.steps import DAY, PPM
from accounting.explain.scene import Charge
from accounting.explain.trace import Grid, Section
from accounting.explain.words import span
from accounting.plan import epoch_ms
from accounting.project import Project

_HOURS = ("accelerator", "purchase", "region", "commitment", "covered_hours", "eligible_hours")


def is_promised(charge: Charge) -> bool:
    """Whether a commitment made the line."""
    return (charge["borne_by_rule"] or "").partition(":")[0] in ("commitment", "reservation")


def promised(project: Project, charge: Charge) -> tuple[Section, bool]:
    """The commitment behind the line; whether it comes to the same amount by the inputs as they are now."""
    made = pipeline.pending(project.config)[0].committed
    amount = _amount(made, charge)
    mine = [one for one in made.commitments if label(one) == charge["borne_by_rule"]]
    said = [line for one in mine for line in _said(one, charge)] or ["chipledger.toml has no such commitment any more"]
    facts = {"commitment": charge["borne_by_rule"], "computed_cost": money(amount)}
    grids = [_covered(made, one, charge) for one in mine]
    return Section("commitment", "Commitment", said, facts, grids), money(amount) == charge["cost"]


def _amount(made: Committed, charge: Charge) -> int:
    keys = {name: charge[name] for name in ("day", "month", "charge_kind")}
    rows = made.lines.filter(label=charge["borne_by_rule"], **keys)
    same = pl.col("accelerator").eq_missing(pl.lit(charge["accelerator"], pl.String))
    return int(rows.filter(same)["nano"].sum())


def _said(one: Commitment, charge: Charge) -> Iterator[str]:
    currency = charge["currency"]
    what = f"{money(one.amount).normalize():f} {currency} an hour" if one.kind == "spend" else _accelerators(one)
    yield f"{one.id}, {one.kind}: {what}, {span(one.start, one.end)}"
    prices = ", ".join(f"{name} {money(price).normalize():f}" for name, price in one.prices)
    yield f"an hour that it covers costs {prices} {currency}"
    who = one.owner or "the platform"
    if charge["charge_kind"] == UNUSED:
        yield f"nobody used {charge['cost']:f} of it that day: {who} bears that"
    else:
        yield f"what it covered costs {-charge['cost']:f} less by it, which is {who}'s: others pay their price"


def _accelerators(one: Commitment) -> str:
    return f"{one.amount / PPM:,g} {one.prices[0][0]}"


def _covered(made: Committed, one: Commitment, charge: Charge) -> Grid:
    """Hours of the day that this one and others cover of the same accelerators."""
    start = epoch_ms(charge["day"])
    names = [name for name, _ in one.prices]
    inside = (pl.col("start_ms") < start + DAY) & (pl.col("end_ms") > start) & pl.col("accelerator").is_in(names)
    hours = pl.col("covered_hours", "eligible_hours").sum().round(3)
    rows = made.covered.filter(inside).group_by(_HOURS[:4]).agg(hours).sort(_HOURS[:4], nulls_last=True)
    return Grid("covered", "what commitments covered that day", _HOURS, rows.select(_HOURS).rows())
