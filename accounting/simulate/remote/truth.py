"""The right answer for clusters that are known only through APIs: usage, tokens, quotas, what no sample tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from accounting.simulate.company import HOUR, PPM, PRICES, per_ms
from accounting.simulate.remote import queues
from accounting.simulate.remote.fleet import GKE, INTERVAL, PROVIDER, PURCHASE, Unit
from accounting.simulate.remote.pieces import NOBODY, Piece, pieces
from accounting.simulate.remote.story import Story

SECONDS = pl.Decimal(38, 9)
_Schema = dict[str, pl.DataType | type[pl.DataType]]
_TEXTS = ("cluster", "pool", "device_id", "accelerator", "workload_id", "team", "model", "state")
USAGE: _Schema = {
    **dict.fromkeys(_TEXTS, pl.String),
    "hour": pl.Datetime("us", "UTC"),
    **dict.fromkeys(("device_seconds", "busy_seconds", "cost"), SECONDS),
}
BLUR: _Schema = {
    **dict.fromkeys(("cluster", "team", "model", "state"), pl.String),
    **dict.fromkeys(("did", "held", "cost"), pl.Float64),
}
"""What one interval of sampling at every edge comes to: seconds of what was done and of what was held, and its cost.
"""
TOKENS: _Schema = {
    **dict.fromkeys(("cluster", "workload_id", "team", "model"), pl.String),
    **dict.fromkeys(("requests", "input_tokens", "output_tokens"), pl.Int64),
}

Edges = list[int]


class _Span(NamedTuple):
    """A part of a device in [start, end): `pod` NOBODY where none holds it; `busy` None where nothing was observed."""

    start: int
    end: int
    ppm: int
    pod: int
    state: str
    busy: int | None


class Answer(NamedTuple):
    """`remote`: usage by hour (USAGE); `blur` (BLUR), `tokens` (TOKENS) of every engine, `quotas` (`queues.QUOTAS`)."""

    remote: pl.DataFrame
    blur: pl.DataFrame
    tokens: pl.DataFrame
    quotas: pl.DataFrame


def nothing() -> Answer:
    """Where there are no such clusters."""
    return Answer(*(pl.DataFrame(schema=schema) for schema in (USAGE, BLUR, TOKENS, queues.QUOTAS)))


def truth(story: Story, repriced: int) -> Answer:
    """Everything that happened, integrated; at `repriced` (ms) the price list changes."""
    usage: list[tuple[object, ...]] = []
    blur: list[tuple[object, ...]] = []
    cuts = [*range(story.first, story.last, HOUR), repriced]
    for units in _devices(story):
        spans = _spans(story, units)
        usage += _hourly(story, story.units[units[0]], spans, cuts, repriced)
        blur += _edges(story, story.units[units[0]], spans)
    return Answer(
        pl.DataFrame(usage, schema=USAGE, orient="row").sort("cluster", "device_id", "hour", "state", nulls_last=True),
        _blur(blur),
        _tokens(story),
        queues.truth(story),
    )


def _devices(story: Story) -> list[list[int]]:
    """Units by device."""
    found = defaultdict[str, list[int]](list)
    for i, unit in enumerate(story.units):
        found[unit.device].append(i)
    return list(found.values())


def _spans(story: Story, units: list[int]) -> list[_Span]:
    """The device's time: of each part that is held, and of what is left."""
    device = story.units[units[0]]
    blind = [(a, b) for where, a, b in (*story.silent, *story.away) if where in {device.node, device.cluster}]
    mute = [(a, b) for where, a, b in story.away if where == device.cluster]
    cordoned = [(a, b) for where, a, b in story.cordoned if where == device.node]
    waits = [(p.submitted, p.start) for p in story.pods if _waits(story, p.units, device) and p.submitted < p.start]
    timelines = [(story.units[u].ppm, pieces(story, u)) for u in units]
    edges = {t for _, line in timelines for piece in line for t in piece[:2]}
    edges |= {t for span in (*blind, *cordoned, *waits) for t in span}
    found: list[_Span] = []
    at = [0] * len(timelines)
    for start, end in pairwise(sorted(edges)):
        seen = not _in(start, blind)
        free = PPM
        for k, (ppm, line) in enumerate(timelines):
            while line[at[k]].end <= start:
                at[k] += 1
            piece = line[at[k]]
            if _tells(device, piece, seen=seen):
                found.append(_held(piece, start, end, ppm, seen=seen))
                free -= ppm
        if free:
            state = _free(seen=seen, cordoned=_in(start, cordoned) and not _in(start, mute), asked=_in(start, waits))
            found.append(_Span(start, end, free, NOBODY, state, None))
    return found


def _tells(device: Unit, piece: Piece, *, seen: bool) -> bool:
    """Whether its API tells that a part is held: Cloud Monitoring does by what a chip did, and not without it."""
    return piece.pod != NOBODY and (seen or device.cluster != GKE)


def _held(piece: Piece, start: int, end: int, ppm: int, *, seen: bool) -> _Span:
    state = ("allocated_active" if piece.level else "allocated_idle") if seen else "allocated_unobserved"
    busy = piece.level * (end - start) * ppm // PPM if seen else None
    return _Span(start, end, ppm, piece.pod, state, busy)


def _free(*, seen: bool, cordoned: bool, asked: bool) -> str:
    """By the order in which reasons count."""
    if cordoned:
        return "maintenance"
    if not seen:
        return "unobserved"
    return "unallocated_queued" if asked else "unallocated_free"


def _waits(story: Story, wanted: tuple[int, ...], device: Unit) -> bool:
    return (story.units[wanted[0]].cluster, story.units[wanted[0]].pool) == (device.cluster, device.pool)


def _in(at: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= at < end for start, end in spans)


def _hourly(story: Story, device: Unit, spans: list[_Span], cuts: Edges, repriced: int) -> Iterator[tuple[object, ...]]:
    sums = defaultdict[tuple[int, int, str], list[int]](lambda: [0, 0, 0])
    watched = set[tuple[int, int, str]]()
    for span in spans:
        inner = [c for c in cuts if span.start < c < span.end]
        for start, end in pairwise([span.start, *inner, span.end]):
            key = (start // HOUR * HOUR, span.pod, span.state)
            into = sums[key]
            spent = (end - start) * span.ppm
            into[0] += spent
            if span.busy is not None:
                watched.add(key)
                into[1] += span.busy * (end - start) // (span.end - span.start)
            into[2] += spent * _nano(device.accelerator, late=start >= repriced)
    for key, (spent, busy, cost) in sums.items():
        hour, pod, state = key
        who = story.pods[pod] if pod != NOBODY else None
        yield (
            *(device.cluster, device.pool, device.device, device.accelerator),
            *((who.workload_id, who.team, who.model) if who else (None, None, None)),
            *(state, datetime.fromtimestamp(hour / 1000, UTC)),
            *(_decimal(spent, 9), _decimal(busy, 9) if key in watched else None, _decimal(cost, 15)),
        )


def _decimal(amount: int, places: int) -> Decimal:
    return Decimal(amount).scaleb(-places).quantize(Decimal("1e-9"))


def _nano(accelerator: str, *, late: bool) -> int:
    """Nano-units of a millisecond."""
    for named, provider, purchase, price, later in PRICES:
        if (named, provider) == (accelerator, PROVIDER) and purchase in {None, PURCHASE}:
            return per_ms(later if late and later else price)
    raise LookupError(accelerator)


def _edges(story: Story, device: Unit, spans: list[_Span]) -> Iterator[tuple[object, ...]]:
    """A row for each edge between states, and for each between holders."""
    for pod in {span.pod for span in spans}:
        who = story.pods[pod] if pod != NOBODY else None
        key = (device.cluster, who.team if who else None, who.model if who else None)
        mine = [span for span in spans if span.pod == pod]
        for i, span in enumerate(mine):
            before = mine[i - 1] if i else None
            touches = before is not None and before.end == span.start
            seconds = 2 * INTERVAL / 1000 * span.ppm / PPM
            cost = seconds * 1000 * _nano(device.accelerator, late=False) / 1e9
            did = 0.0 if touches and before and before.state == span.state else seconds
            yield (*key, span.state, did, 0.0 if touches else seconds, 0.0 if touches else cost)


def _blur(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=BLUR, orient="row")
    keys = ["cluster", "team", "model", "state"]
    return frame.group_by(keys).agg(pl.col("did", "held", "cost").sum()).sort(keys, nulls_last=True)


def _tokens(story: Story) -> pl.DataFrame:
    rows = [
        (e.pod.cluster, e.pod.workload_id, e.pod.team, e.pod.model, e.at.size, int(e.prompt.sum()),
         int(e.generation.sum()))
        for e in story.engines
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=TOKENS, orient="row")
