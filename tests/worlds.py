"""Small worlds, built by hand or drawn at random: what a cluster's inputs say, and its rows when accounted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl
from hypothesis import strategies as st

from accounting import inventory as stock
from accounting import plan
from accounting.core.account import account
from accounting.core.exchange import Rates, converted
from accounting.core.partition import AGENT, DEVICE_SPANS, Partition, Results
from accounting.policy import Policy
from accounting.tables import INPUTS, RESULTS

MINUTE = 60_000
HOUR = 3_600_000
DAY = 86_400_000
START = int(datetime(2025, 1, 31, tzinfo=UTC).timestamp()) * 1000
"""Midnight UTC of the first day; a month ends after it, in Kolkata at half past six in its evening."""

H100, A100 = "H100-80GB", "A100-40GB"
ONE = 1_000_000
BASE = Policy(name="base")
Row = dict[str, Any]


def at(hour: float, minute: float = 0, second: float = 0, ms: int = 0, day: int = 0) -> int:
    """An instant in ms, counted from the world's first midnight."""
    return START + day * DAY + round(hour * HOUR) + round(minute * MINUTE) + round(second * 1000) + ms


NO_RATES = Rates()


@dataclass(frozen=True)
class World:
    """Rows as imported (what is left out is NULL, the pool is `p`, the accelerator an H100, the quantity one).

    `health` and `watched` have rows of device_id, start_ms and end_ms. A sample may be a `part`, and has a `rank`.
    """

    jobs: Sequence[Row] = ()
    capacity: Sequence[Row] = ()
    prices: Sequence[Row] = ()
    teams: Sequence[Row] = ()
    samples: Sequence[Row] = ()
    health: Sequence[Row] = ()
    watched: Sequence[Row] = ()
    days: int = 1
    policies: tuple[Policy, ...] = (BASE,)
    zones: Mapping[str, str] = field(default_factory=dict)
    scheduled: bool = True
    rates: Rates = NO_RATES

    @property
    def end(self) -> int:
        return START + self.days * DAY

    @property
    def watermark(self) -> int:
        return self.end

    @property
    def event(self) -> int:
        """The first event, from which capacity without a start holds."""
        jobs = [t for r in self.full("jobs") for t in (r["submitted_ms"], r["start_ms"]) if t is not None]
        return min([*jobs, *(r["start_ms"] for r in self.samples)], default=START)

    def full(self, kind: str) -> list[Row]:
        """The rows of an input, every column filled in."""
        return [
            {**dict.fromkeys(INPUTS[kind].names), "import_seq": 1, "row": i, **_DEFAULTS[kind], **row}
            for i, row in enumerate(getattr(self, kind), 1)
        ]

    def frame(self, kind: str, shuffle: Random | None = None) -> pl.DataFrame:
        rows = self.full(kind)
        if shuffle is not None:
            shuffle.shuffle(rows)
        return pl.DataFrame(rows, schema={**INPUTS[kind].schema, **(_TOLD if kind == "samples" else {})})

    def inventory(self, shuffle: Random | None = None) -> stock.Inventory:
        frames = {kind: self.frame(kind, shuffle) for kind in _DEFAULTS}
        names = pl.DataFrame(
            {"accelerator": [H100, A100], "canonical": [H100, A100], "chips_ppm": pl.Series([ONE, ONE], dtype=pl.Int64)}
        )
        imported = pl.DataFrame(
            {"import_seq": [], "imported_ms": []}, schema=dict.fromkeys(("import_seq", "imported_ms"), pl.Int64)
        )
        return stock.Inventory(
            frames["jobs"],
            frames["capacity"],
            converted(frames["prices"], self.rates),
            frames["teams"],
            frames["samples"].lazy(),
            names,
            imported,
            rates=self.rates,
        )

    @cached_property
    def span(self) -> stock.Span:
        first = min([START, self.event, *(r["start_ms"] for r in self.full("capacity") if r["start_ms"] is not None)])
        return stock.Span("c", first, self.event, self.watermark, self.scheduled)

    def partition(self, first: int = 0, days: int | None = None, shuffle: Random | None = None) -> Partition:
        """The days from `first` on (numbers, not dates), with the halo that a run gives them."""
        start = START + first * DAY
        end = START + (first + (self.days if days is None else days)) * DAY
        halo = plan.halo_ms(self.policies)
        told = stock.partition(self.inventory(shuffle), self.span, start, end, self.policies, self.zones, halo)
        return replace(told, health=self.spans("health", shuffle), watched=self.spans("watched", shuffle))

    def spans(self, kind: str, shuffle: Random | None = None) -> pl.DataFrame:
        rows = list(getattr(self, kind))
        if shuffle is not None:
            shuffle.shuffle(rows)
        return pl.DataFrame(rows, schema=DEVICE_SPANS)

    def account(self, first: int = 0, days: int | None = None, shuffle: Random | None = None) -> Results:
        return account(self.partition(first, days, shuffle))

    def revised(self, **changes: object) -> World:
        return replace(self, **changes)  # type: ignore[arg-type]


_PLACE = {"cluster": "c", "pool": "p", "accelerator": H100, "quantity_ppm": ONE}
_DEFAULTS: dict[str, Row] = {
    "jobs": _PLACE,
    "capacity": _PLACE,
    "prices": {"accelerator": H100, "currency": "USD", "covers": "machine", "kind": "list"},
    "teams": {"priority": 0},
    "samples": {"cluster": "c", "part": False, "rank": 9},
}
KINDS = tuple(_DEFAULTS)
"""The inputs that a world has rows of: all but bills."""

_TOLD = {"part": pl.Boolean, "rank": pl.Int64}
"""What agents tell of a sample, beside the columns of an import."""


def price(per_hour: str, **said: object) -> Row:
    return {"price_per_hour": Decimal(per_hour), **said}


def minutes(device: str, first: int, busy: Sequence[int], **said: object) -> list[Row]:
    """One sample a minute of a device from `first` on; `busy` in percent."""
    return [
        {"device_id": device, "start_ms": t, "end_ms": t + MINUTE, "busy_ppm": b * 10_000, **said}
        for t, b in zip(range(first, first + len(busy) * MINUTE, MINUTE), busy, strict=True)
    ]


def together(results: Sequence[Results]) -> Results:
    """The rows of several partitions as if they were one, each table in its own sort order."""
    return Results(*(pl.concat([getattr(r, t.name) for r in results]) for t in RESULTS))


def ms(column: str) -> pl.Expr:
    """Seconds with three decimals as whole milliseconds."""
    return (pl.col(column) * 1000).cast(pl.Int64)


def nano(column: str) -> pl.Expr:
    return (pl.col(column) * 1_000_000_000).cast(pl.Int64)


# -- worlds at random ------------------------------------------------------------------------------------------------

ODD = (
    10 * HOUR + 17 * MINUTE + 23_456,
    18 * HOUR + 30 * MINUTE,
    12 * HOUR,
    0,
    1,
    HOUR - 1,
    23 * HOUR + 59 * MINUTE + 30_000,
)
POOLS = (("p", H100), ("p", A100), ("q", H100))
DEVICES = ("d1", "d2", "d3", "d4")
PARTS: tuple[Row, ...] = tuple(
    {"device_id": d, "workload_id": w, "part": True} for d in ("d1", "d2") for w in ("a", "b")
)
WHOLE = (ONE, 2 * ONE, 3 * ONE)
FRACTIONS = (ONE // 2, ONE // 4, 333_333, 1_500_000)
TEAMS = ("red", "blue", None)


@st.composite
def worlds(draw: st.DrawFn, *, whole: bool = False, most_days: int = 2) -> World:
    """A world of one to three pools and few rows; with `whole`, of whole accelerators only."""
    days = draw(st.integers(1, most_days))
    marks = draw(st.lists(_instants(days), min_size=3, max_size=7, unique=True))
    pools = draw(st.lists(st.sampled_from(POOLS), min_size=1, max_size=3, unique=True))
    quantities = WHOLE if whole else WHOLE + FRACTIONS
    capacity = draw(st.lists(_capacity(pools, marks, quantities), max_size=4))
    named = draw(st.lists(st.sampled_from(DEVICES), max_size=3, unique=True))
    capacity += [row for device in named for row in draw(_device(device, pools, marks))]
    return World(
        jobs=draw(st.lists(_job(pools, marks, quantities), max_size=7)),
        capacity=capacity,
        prices=draw(_prices(marks)),
        teams=draw(_rules(marks)),
        samples=draw(_samples(days)),
        health=draw(st.one_of(st.just([]), st.lists(_device_span(marks), max_size=3))),
        watched=draw(st.one_of(st.just([]), st.lists(_device_span(marks), max_size=4))),
        days=days,
        policies=draw(_policies(marks)),
        zones=draw(st.sampled_from([{}, {"gcp": "Asia/Kolkata"}])),
        scheduled=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def agents(draw: st.DrawFn, *, most_days: int = 2) -> World:
    """A world of shared devices of which agents and others tell: parts, ranks, health, and when somebody watched."""
    base = draw(worlds(most_days=most_days))
    marks = draw(st.lists(_instants(base.days), min_size=3, max_size=6, unique=True))
    capacity = [{"device_id": d, "start_ms": START, **draw(_lots())} for d in ("d1", "d2")]
    quantities = st.sampled_from((ONE // 2, ONE // 4, 333_333, ONE))
    jobs = [
        {
            **j,
            "device_id": draw(st.sampled_from(["d1", "d1", "d2"])),
            "quantity_ppm": draw(quantities),
            "pool": "p",
            "import_seq": draw(st.sampled_from([AGENT, 1, 1])),
        }
        for j in draw(st.lists(_job([("p", H100)], marks, WHOLE), min_size=1, max_size=5))
    ]
    spans = st.lists(_device_span(marks), max_size=3)
    told = draw(st.lists(_told(marks), min_size=1, max_size=9))
    return base.revised(
        jobs=jobs,
        capacity=capacity,
        samples=told,
        health=draw(spans),
        watched=draw(spans),
        scheduled=draw(st.booleans()),
    )


@st.composite
def _told(draw: st.DrawFn, marks: list[int]) -> Row:
    """A sample of a device or a part of it: of several sources, with ends or without."""
    who = draw(st.sampled_from([{"device_id": "d1"}, {"device_id": "d2"}, *PARTS, {"workload_id": "a"}]))
    start, end = sorted(draw(st.lists(st.sampled_from(marks), min_size=2, max_size=2, unique=True)))
    busy = draw(st.sampled_from([0, 0, 100_000, 300_000, ONE // 2, ONE]))
    rank = draw(st.sampled_from([0, 1, 9]))
    return {**who, "start_ms": start, "end_ms": draw(st.sampled_from([end, end, None])), "busy_ppm": busy, "rank": rank}


def _instants(days: int) -> st.SearchStrategy[int]:
    odd = st.builds(lambda day, t: START + day * DAY + t, st.integers(0, days - 1), st.sampled_from(ODD))
    hours = st.builds(lambda n: START + n * HOUR, st.integers(0, days * 24))
    return st.one_of(odd, hours, st.integers(START, START + days * DAY))


@st.composite
def _spans(draw: st.DrawFn, marks: list[int], *, open_start: bool = True) -> tuple[int | None, int | None]:
    a, b = draw(st.lists(st.sampled_from(marks), min_size=2, max_size=2, unique=True))
    start: int | None = min(a, b)
    end: int | None = max(a, b)
    how = draw(
        st.sampled_from(["both", "both", "from", "to" if open_start else "both", "neither" if open_start else "from"])
    )
    return (None if how in {"to", "neither"} else start), (None if how in {"from", "neither"} else end)


@st.composite
def _capacity(draw: st.DrawFn, pools: list[tuple[str, str]], marks: list[int], quantities: tuple[int, ...]) -> Row:
    pool, accelerator = draw(st.sampled_from(pools))
    start, end = draw(_spans(marks))
    bought = draw(_lots())
    quantity = draw(st.sampled_from(quantities))
    return {
        "pool": pool,
        "accelerator": accelerator,
        "quantity_ppm": quantity,
        "start_ms": start,
        "end_ms": end,
        **bought,
    }


@st.composite
def _device(draw: st.DrawFn, device: str, pools: list[tuple[str, str]], marks: list[int]) -> list[Row]:
    """One device over time: its rows do not overlap, and may move it between pools, nodes and lots."""
    cuts = sorted(draw(st.lists(st.sampled_from(marks), min_size=1, max_size=3, unique=True)))
    bounds: list[int | None] = [draw(st.sampled_from([None, cuts[0]])), *cuts[1:]]
    if len(bounds) == 1:
        bounds.append(None)
    rows = []
    for start, end in pairwise(bounds):
        pool, accelerator = draw(st.sampled_from(pools))
        node = draw(st.sampled_from([None, "n1", "n2"]))
        lot = draw(_lots())
        place = {"pool": pool, "accelerator": accelerator, "device_id": device, "node": node}
        rows.append({**place, "start_ms": start, "end_ms": end, **lot})
    return rows


def _lots() -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries(
        {
            "provider": st.sampled_from([None, "gcp"]),
            "region": st.sampled_from([None, None, "eu"]),
            "purchase": st.sampled_from([None, "spot", "on_demand", "reservation"]),
            "owner_team": st.sampled_from([None, None, "own"]),
        }
    )


@st.composite
def _job(draw: st.DrawFn, pools: list[tuple[str, str]], marks: list[int], quantities: tuple[int, ...]) -> Row:
    pool, accelerator = draw(st.sampled_from(POOLS if draw(st.integers(0, 9)) == 0 else pools))
    start, end = draw(_spans(marks, open_start=False))
    assert start is not None
    if draw(st.integers(0, 9)) == 0:
        start = None
    submitted = draw(st.sampled_from([None, *(m for m in marks if start is None or m <= start)]))
    device = draw(st.sampled_from([None, None, *DEVICES]))
    return {
        "pool": pool,
        "accelerator": accelerator,
        "quantity_ppm": draw(st.sampled_from(quantities if device is None else (ONE, *quantities))),
        "workload_id": draw(st.sampled_from(["a", "b", "c", "d", None])),
        "team": draw(st.sampled_from(TEAMS)),
        "account": draw(st.sampled_from(["ml", "web", None])),
        "node": draw(st.sampled_from([None, None, "n1"])),
        "device_id": device,
        "start_ms": start,
        "end_ms": end,
        "submitted_ms": submitted,
    }


@st.composite
def _prices(draw: st.DrawFn, marks: list[int]) -> list[Row]:
    rows: list[Row] = []
    for said in draw(st.lists(st.sampled_from(_MATCHES), max_size=4, unique_by=repr)):
        amounts = draw(st.lists(st.sampled_from(["3.6", "2.123456789", "0.07", "11"]), min_size=1, max_size=2))
        edge = draw(st.sampled_from(marks))
        bounds = [None, edge, None] if len(amounts) == 2 else [draw(st.sampled_from([None, edge])), None]
        rows += [
            price(amount, start_ms=a, end_ms=b, **said)
            for amount, a, b in zip(amounts, bounds, bounds[1:], strict=False)
        ]
    return rows


_MATCHES: tuple[Row, ...] = (
    {},
    {"purchase": "spot"},
    {"purchase": "on_demand"},
    {"provider": "gcp"},
    {"provider": "gcp", "kind": "negotiated"},
    {"purchase": "spot", "kind": "negotiated"},
    {"provider": "gcp", "purchase": "spot"},
    {"region": "eu"},
    {"accelerator": A100},
)


@st.composite
def _rules(draw: st.DrawFn, marks: list[int]) -> list[Row]:
    rows = []
    for selector in draw(
        st.lists(st.sampled_from(["account=ml", "account=m*", "pool=p", "account=ml pool=p"]), unique=True, max_size=3)
    ):
        start, end = draw(_spans(marks))
        team = draw(st.sampled_from(["red", "green"]))
        rows.append({"selector": selector, "team": team, "start_ms": start, "end_ms": end, "cost_center": team[0]})
    return rows


@st.composite
def _samples(draw: st.DrawFn, days: int) -> list[Row]:
    """Runs of samples with gaps, overlaps and repetitions; some open, some over hours and midnights."""
    rows: list[Row] = []
    for _ in range(draw(st.integers(0, 4))):
        who = draw(
            st.sampled_from([*({"device_id": d} for d in DEVICES), {"workload_id": "a"}, {"workload_id": "b"}, *PARTS])
        )
        t = draw(_instants(days)) - draw(st.sampled_from([0, 0, 90_000, 30_000]))
        step = draw(st.sampled_from([30_000, MINUTE, 17_123, 10 * MINUTE, 5 * HOUR]))
        shape = draw(st.sampled_from(["closed", "closed", "open", "overlapping", "gaps"]))
        for busy in draw(st.lists(st.sampled_from([0, 0, 0, 100_000, 500_000, ONE]), min_size=1, max_size=9)):
            length = {"overlapping": step * 2, "gaps": step // 2}.get(shape, step)
            rows.append({**who, "start_ms": t, "end_ms": None if shape == "open" else t + length, "busy_ppm": busy})
            t += step
    repeated = draw(st.lists(st.sampled_from(rows), max_size=2)) if rows else []
    return [*rows, *repeated]


@st.composite
def _device_span(draw: st.DrawFn, marks: list[int]) -> Row:
    start, end = sorted(draw(st.lists(st.sampled_from(marks), min_size=2, max_size=2, unique=True)))
    return {"device_id": draw(st.sampled_from(DEVICES)), "start_ms": start, "end_ms": end}


@st.composite
def _policies(draw: st.DrawFn, marks: list[int]) -> tuple[Policy, ...]:
    starts = [None, *draw(st.sampled_from([[], [], sorted(marks)[:1], sorted(marks)[:2]]))]
    return tuple(
        Policy(
            name=f"policy {start}",
            start_ms=start,
            idle_after_ms=draw(st.sampled_from([60_000, 60_000, 0, 600_000])),
            hold_ms=draw(st.sampled_from([None, None, 45_000])),
            active_above_ppm=draw(st.sampled_from([0, 0, 100_000])),
            idle=draw(st.sampled_from(["holder", "usage", "allocation", "evenly", "owner", "platform"])),
            unallocated=draw(st.sampled_from(["owner", "usage", "allocation", "evenly", "platform"])),
        )
        for start in starts
    )
