"""The truth of a simulated company as files, in the words of the published tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import msgspec
import polars as pl

from accounting.errors import InputError
from accounting.simulate.bill import Invoice
from accounting.simulate.company import HOUR, PPM
from accounting.simulate.faults import Wrong, faults
from accounting.simulate.remote import truth as remote_truth
from accounting.simulate.sampler import SLOW
from accounting.simulate.timeline import BY_WORKLOAD, shares
from accounting.simulate.truth import KEYS, added, truth
from accounting.simulate.world import World, of_pool

SECONDS = pl.Decimal(38, 9)
FOLDER = "truth"
FRAMES = ("usage", "faults", "really", "served", "parts", "remote", "blur", "tokens", "quotas", "bills")


class Facts(msgspec.Struct, frozen=True):
    """How large the company is, and what a judge must allow.

    `blur` and `blur_unheld`: hours that records of their length can at most put on the wrong side of an edge: of what a
    device did, and of what was held.
    """

    devices: int
    blur: float
    blur_unheld: float


def usage(world: World, rows: pl.DataFrame) -> pl.DataFrame:
    """True rows by the names of the usage table; seconds and cost are exact decimals (cost NULL: no price)."""
    named = rows.join(world.places.select("place", "node", "device_id"), on="place", how="left").join(
        world.attempts.select("attempt", "workload_id", "model", "purpose"), on="attempt", how="left"
    )
    keys = ("workload_id", "model", "purpose", "team")
    merged = named.group_by(*(k for k in KEYS if k not in {"attempt", "team"}), "node", "device_id", *keys).agg(
        pl.col("device").sum(),
        pl.when(pl.col("busy").count() > 0).then(pl.col("busy").sum()).alias("busy"),
        pl.when(pl.col("cost").count() > 0).then(pl.col("cost").sum()).alias("cost"),
    )
    hour = pl.from_epoch("hour", "ms").cast(pl.Datetime("us", "UTC"))
    return merged.select(
        hour=hour,
        day=hour.dt.date(),
        month="month",
        cluster=of_pool("cluster"),
        pool=of_pool("name"),
        node="node",
        device_id="device_id",
        accelerator="accelerator",
        provider=of_pool("provider"),
        region=of_pool("region"),
        purchase="purchase",
        capacity_owner="owner",
        workload_id="workload_id",
        team="team",
        model="model",
        purpose="purpose",
        state="state",
        device_seconds=_exact("device", 1_000_000_000),
        busy_seconds=_exact("busy", 1_000_000_000),
        cost=_exact("cost", 1_000_000 * 1_000_000_000),
    ).sort(pl.exclude("device_seconds", "busy_seconds", "cost"), nulls_last=True)


def _exact(column: str, divisor: int) -> pl.Expr:
    return (pl.col(column).cast(pl.Decimal(38, 0)) / pl.lit(divisor).cast(pl.Decimal(38, 9))).cast(SECONDS)


def blur(world: World, runs: pl.DataFrame, interval: int) -> tuple[float, float]:
    """Every edge can put a part of one record on the wrong side: hours at most, of doing and of holding."""
    told = world.attempts.select(place=pl.col("attempt") + BY_WORKLOAD, size="size", part=shares())
    by_device = pl.col("size").is_null() | pl.col("part")
    known = runs.join(told, on="place", how="left").with_columns(
        ms=pl.when(by_device).then(interval).otherwise(pl.col("size") * max(interval, SLOW))
    )
    edges = 2 * (world.holdings.height + world.rogues.height) * interval
    return (float((known["runs"] * known["ms"]).sum()) + edges) / HOUR, edges / HOUR


@dataclass(frozen=True, slots=True)
class Answer:
    """`usage` by hour, `faults` (fault, count, hours), `really`: hours by the full taxonomy, `served`: model, hours.

    `parts`: team, model, hours: how busy those were whose parts of shared devices agents tell. Of clusters that are
    known only through APIs: `remote` is their usage, `blur`, `tokens` and `quotas` as in `remote.truth.Answer`.
    `bills`: month, total, unused and credits of each invoice of Google's.
    """

    facts: Facts
    usage: pl.DataFrame
    faults: pl.DataFrame
    really: pl.DataFrame
    served: pl.DataFrame
    parts: pl.DataFrame
    remote: pl.DataFrame
    blur: pl.DataFrame
    tokens: pl.DataFrame
    quotas: pl.DataFrame
    bills: pl.DataFrame


def save(
    world: World,
    bill: Invoice | None,
    interval: int,
    wrong: Wrong,
    spread_from: date,
    folder: Path,
    remote: remote_truth.Answer,
) -> None:
    """Writes the truth into `folder`/truth; `wrong` and `spread_from` are as in `faults.faults`.

    `remote` is that of the clusters that are known only through APIs.
    """
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    parts, shared = [], []
    for part in truth(world):
        shared.append(_shared(world, part.usage))
        parts.append(replace(part, usage=usage(world, part.usage)))
    rows = pl.concat([part.usage for part in parts], rechunk=True)
    rows.write_parquet(place / "usage.parquet")
    faults(world, rows, wrong, spread_from).write_parquet(place / "faults.parquet")
    _hours(part.really for part in parts).write_parquet(place / "really.parquet")
    _hours(part.served for part in parts).write_parquet(place / "served.parquet")
    _parts(pl.concat(shared)).write_parquet(place / "parts.parquet")
    _bills(bill).write_parquet(place / "bills.parquet")
    for name, frame in remote._asdict().items():
        frame.write_parquet(place / f"{name}.parquet")
    facts = Facts(world.places.height, *blur(world, added(part.runs for part in parts), interval))
    (place / "facts.json").write_bytes(msgspec.json.format(msgspec.json.encode(facts)))


def load(folder: Path) -> Answer:
    """What `save` wrote; InputError where there is no truth."""
    place = folder / FOLDER
    if not (place / "facts.json").exists():
        raise InputError(f"{place}: no truth of a simulated fleet here; `chipledger demo` and `simulate` write one")
    facts = msgspec.json.decode((place / "facts.json").read_bytes(), type=Facts)
    return Answer(facts, *(pl.read_parquet(place / f"{name}.parquet") for name in FRAMES))


def _hours(spent: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """ppm·ms summed, as hours."""
    whole = added(spent)
    return whole.select(whole.columns[0], hours=pl.col("spent").cast(float) / PPM / HOUR)


def _bills(bill: Invoice | None) -> pl.DataFrame:
    rows = [] if bill is None else [(bill.month, bill.total, bill.unused, bill.credits)]
    names = ("total", "unused", "credits")
    frame = pl.DataFrame(rows, schema=["month", *names], orient="row")
    return frame.cast({"month": pl.String, **dict.fromkeys(names, SECONDS)})


def _shared(world: World, hourly: pl.DataFrame) -> pl.DataFrame:
    sharing = world.attempts.filter(shares()).select("attempt", "model")
    return hourly.join(sharing, on="attempt").group_by("team", "model").agg(pl.col("busy").sum())


def _parts(shared: pl.DataFrame) -> pl.DataFrame:
    spent = shared.group_by("team", "model").agg(pl.col("busy").sum())
    return spent.select("team", "model", hours=pl.col("busy").cast(float) / PPM / HOUR).sort("team", "model")
