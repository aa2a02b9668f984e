"""Which cluster-days a run has to do: those whose inputs, as far as they touch the day, are not what was published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from accounting.core.carbon import Grid, standing
from accounting.core.observed import LONGEST_HOLD
from accounting.core.pricing import LIST
from accounting.core.steps import DAY, HOUR, daily
from accounting.inventory import Inventory, Span, capacity_of
from accounting.policy import Policy
from accounting.stores.lake import Live

NUMBERS = 5
"""Grows when the same inputs give other numbers, so that every day is done again."""

EMPTY = "empty"
"""Fingerprint of a day that has lost all its inputs."""

CHUNK_ROWS = 750_000
"""Usage rows that one partition should not exceed, as estimated: what bounds memory."""

SAMPLES_PER_ROW = 4
"""Samples that take about as much memory as a usage row."""


_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Day:
    """A cluster-day to do; `base` is the seq of the publication it replaces (0: none), `weight` its estimated rows."""

    span: Span
    day: date
    fingerprint: str
    base: int
    weight: int

    @property
    def start(self) -> int:
        return epoch_ms(self.day)


def epoch_ms(day: date) -> int:
    """Midnight UTC of a day, in ms."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def halo_ms(policies: Iterable[Policy]) -> int:
    """How far beyond a day its samples must be known: whole days, at least one."""
    held = max(LONGEST_HOLD if p.hold_ms is None else p.hold_ms for p in policies)
    longest = held + max(p.idle_after_ms for p in policies)
    return max(1, -(-longest // DAY)) * DAY


def days(
    inventory: Inventory,
    spans: list[Span],
    live: list[Live],
    policies: tuple[Policy, ...],
    settings: Mapping[str, str],
    first: date | None,
    last: date | None,
) -> tuple[list[Day], int]:
    """The cluster-days to do between `first` and `last` (inclusive), in order; and how many are up to date.

    `settings` is what else the numbers depend on (zones, aliases). Days that lost all their inputs are done too, to
    publish that they are empty.
    """
    published = {(x.cluster, x.day): x for x in live}
    wanted = [
        (span, day, fingerprint, weight)
        for span in spans
        for day, fingerprint, weight in _fingerprints(inventory, span, policies, settings)
    ]
    gone = published.keys() - {(span.cluster, day) for span, day, _, _ in wanted}
    wanted += [(Span(cluster, 0, 0, 0, False), day, EMPTY, 0) for cluster, day in sorted(gone)]
    asked = [w for w in wanted if not (first and w[1] < first) and not (last and w[1] > last)]
    current = {key: (x.seq, x.fingerprint) for key, x in published.items()}
    done = [Day(span, day, fp, current.get((span.cluster, day), (0, ""))[0], weight) for span, day, fp, weight in asked]
    dirty = [d for d in done if current.get((d.span.cluster, d.day), (0, ""))[1] != d.fingerprint]
    return dirty, len(asked) - len(dirty)


def chunks(todo: list[Day]) -> list[list[Day]]:
    """Runs of consecutive days of one cluster, each small enough for memory."""
    result: list[list[Day]] = []
    for day in todo:
        head = result[-1] if result else None
        follows = head and head[-1].span == day.span and (day.day - head[-1].day).days == 1
        if head and follows and sum(d.weight for d in head) + day.weight <= CHUNK_ROWS:
            head.append(day)
        else:
            result.append([day])
    return result


def _fingerprints(
    inventory: Inventory, span: Span, policies: tuple[Policy, ...], settings: Mapping[str, str]
) -> list[tuple[date, str, int]]:
    start, end = span.start, -(-span.watermark // DAY) * DAY
    if end <= start:
        return []
    table = pl.DataFrame({"day": pl.Series(range(start // DAY, end // DAY), dtype=pl.Int64)})
    for name, sums in _parts(inventory, span, policies, start, end).items():
        table = table.join(sums.select("day", pl.col("value").alias(name)), on="day", how="left", maintain_order="left")
    always = repr((NUMBERS, pl.__version__, span.scheduled, _shape(inventory, span), sorted(settings.items())))
    hours = table.get_column("weight") if "weight" in table.columns else None
    names = [c for c in table.columns if c not in ("day", "weight")]
    return [
        (
            datetime.fromtimestamp(day * DAY / 1000, UTC).date(),
            hashlib.sha256(f"{always}|{values}{_emitting(inventory.grid, day)}".encode()).hexdigest()[:32],
            int(hours[i] or 0) if hours is not None else 0,
        )
        for i, (day, values) in enumerate(zip(table["day"], table.select(names).iter_rows(), strict=True))
    ]


def _shape(inventory: Inventory, span: Span) -> int:
    """What of the capacity matters on every day: which pools and devices it speaks of at all."""
    keys = (
        inventory.capacity.filter(pl.col("cluster") == span.cluster).select("pool", "accelerator", "device_id").unique()
    )
    return int(keys.hash_rows().cast(pl.UInt64).sum()) if keys.height else 0


def _parts(
    inventory: Inventory, span: Span, policies: tuple[Policy, ...], start: int, end: int
) -> dict[str, pl.DataFrame]:
    mine = pl.col("cluster") == span.cluster
    jobs = inventory.jobs.filter(mine)
    held = jobs.with_columns(start="start_ms", end=pl.coalesce("end_ms", pl.lit(span.watermark)))
    waited = jobs.with_columns(start="submitted_ms", end=pl.coalesce("start_ms", "end_ms", pl.lit(span.watermark)))
    begun = jobs.with_columns(start=pl.coalesce("start_ms", "submitted_ms", "end_ms")).with_columns(
        end=pl.col("start") + 1
    )
    extents = {
        "jobs": _clipped(held, start, end, ("outcome", "end_ms", "import_seq", "row")),
        "waits": _clipped(waited, start, end, ("outcome", "end_ms", "import_seq", "row")),
        "begun": _clipped(begun, start, end, ("import_seq", "row")),
        "capacity": _clipped(
            capacity_of(inventory, span).rename({"start_ms": "start", "end_ms": "end"}),
            start,
            end,
            ("import_seq", "row"),
        ),
        "prices": _clipped(
            _open(_priced(inventory, mine).with_columns(since="start_ms")), start, end, ("import_seq", "row", "end_ms")
        ),
        "teams": _clipped(_open(inventory.teams), start, end, ("import_seq", "row", "end_ms")),
        "policies": _clipped(_policy_rows(policies), start, end, ()),
        "gaps": _clipped(
            inventory.gaps.filter(mine).with_columns(start="at_ms", end=pl.col("at_ms") + 1), start, end, ()
        ),
        "disputes": _clipped(
            inventory.disputes.filter(mine).with_columns(start="at_ms", end=pl.col("at_ms") + 1), start, end, ()
        ),
        **{
            name: _clipped(_told(frame.filter(mine)), start, end, ("end_ms",))
            for name, frame in (
                ("unnamed", inventory.unnamed),
                ("maintenance", inventory.maintenance),
                ("failed", inventory.failed),
            )
        },
    }
    parts = {name: _summed(frame) for name, frame in extents.items()}
    counts = _sample_counts(inventory.observed.filter(mine))
    quoted = _quota_counts(inventory.quoted.filter(mine))
    # as one part, so that a day without quotas keeps the fingerprint from before there were any
    reported = pl.concat([_served(inventory.served.filter(mine)), _sampled(quoted, 0)])
    parts["reported"] = reported.group_by("day").agg(pl.col("value").sum())
    parts["samples"] = _sampled(counts, halo_ms(policies) // DAY)
    parts["weight"] = _weights(extents["jobs"], extents["capacity"], counts, quoted)
    return parts


def _weights(jobs: pl.DataFrame, capacity: pl.DataFrame, *counts: pl.DataFrame) -> pl.DataFrame:
    """Estimated rows per day: the hours of every holding and capacity row, and what counted ones weigh in memory."""
    hours = (pl.col("end") - pl.col("start")) // HOUR + 1
    rows = [f.select("day", one=hours) for f in (jobs, capacity)]
    held = [told.select("day", one=pl.col("n").cast(pl.Int64) // SAMPLES_PER_ROW) for told in counts]
    return pl.concat([*rows, *held]).group_by("day").agg(value=pl.col("one").sum())


def _emitting(grid: Grid, day: int) -> str:
    """The factors that hold on a day; '': none, as before there were any."""
    found = standing(grid, date.fromordinal(day + _EPOCH))
    return repr(found) if found else ""


def _told(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(start="start_ms", end="end_ms")


def _served(rows: pl.LazyFrame) -> pl.DataFrame:
    """A hash per day of how much came to it by each import."""
    counts = rows.group_by("import_seq", day=(pl.col("end_ms") - 1) // DAY).agg(n=pl.len())
    found = counts.collect(engine="streaming")
    return (
        found.select("day", one=found.hash_rows().reinterpret(signed=True))
        .group_by("day")
        .agg(value=pl.col("one").sum())
    )


def _quota_counts(rows: pl.LazyFrame) -> pl.DataFrame:
    """How many rows on quotas each import brought that begin on `day` and end on `last`, and of what."""
    first, last = pl.col("start_ms") // DAY, (pl.col("until_ms") - 1) // DAY
    counts = rows.group_by("import_seq", "accelerator", day=first, last=last).agg(
        pl.col("nominal_ppm", "used_ppm").sum(), n=pl.len()
    )
    return counts.collect(engine="streaming")


def _priced(inventory: Inventory, mine: pl.Expr) -> pl.DataFrame:
    """The prices of accelerators that the cluster has; a day of list prices keeps its fingerprint from before kinds."""
    used = [f.filter(mine).select("accelerator") for f in (inventory.jobs, inventory.capacity)]
    book = pl.concat([inventory.prices, inventory.committed.prices], how="diagonal")
    rows = book.join(pl.concat(used).unique(), on="accelerator", how="semi")
    agreed = pl.when(pl.col("kind") != LIST).then(pl.format("{} {}", "accelerator", "kind"))
    return rows.with_columns(accelerator=agreed.otherwise("accelerator")).drop("kind")


def _open(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(start=pl.col("start_ms").fill_null(0), end=pl.col("end_ms").fill_null(1 << 42))


def _policy_rows(policies: tuple[Policy, ...]) -> pl.DataFrame:
    starts = [p.start_ms or 0 for p in policies]
    return pl.DataFrame({"digest": [p.digest for p in policies], "start": starts, "end": [*starts[1:], 1 << 42]})


def _clipped(rows: pl.DataFrame, start: int, end: int, unseen: tuple[str, ...]) -> pl.DataFrame:
    """Per day the part of each row that lies in it, and a hash of all the row says but the `unseen` columns."""
    inside = rows.filter(pl.col("start").is_not_null()).with_columns(
        start=pl.max_horizontal("start", pl.lit(start)), end=pl.min_horizontal("end", pl.lit(end))
    )
    said = inside.drop("start", "end", *(c for c in (*unseen, "start_ms") if c in inside.columns))
    hashed = inside.select("start", "end", said=said.hash_rows()).filter(pl.col("end") > pl.col("start"))
    return daily(hashed) if hashed.height else hashed.with_columns(day=pl.lit(0, pl.Int64))


def _summed(parts: pl.DataFrame) -> pl.DataFrame:
    """A hash per day that no order of rows changes."""
    rows = parts.select("day", one=parts.select("start", "end", "said").hash_rows().reinterpret(signed=True))
    return rows.group_by("day").agg(value=pl.col("one").sum())


def _sample_counts(samples: pl.LazyFrame) -> pl.DataFrame:
    """How many samples each import brought that begin on `day` and end on `last`."""
    first = pl.col("start_ms") // DAY
    last = pl.max_horizontal((pl.col("end_ms") - 1) // DAY, first)
    return samples.group_by("import_seq", day=first, last=last).agg(n=pl.len()).collect(engine="streaming")


def _sampled(counts: pl.DataFrame, halo: int) -> pl.DataFrame:
    """Per day a hash of the samples that came to it and to its neighbors."""
    touched = counts.select(
        day=pl.int_ranges("day", pl.col("last") + 1), one=counts.hash_rows().reinterpret(signed=True)
    )
    own = touched.explode("day").group_by("day").agg(pl.col("one").sum())
    near = own.with_columns(shift=pl.lit(list(range(-halo, halo + 1)), pl.List(pl.Int64))).explode("shift")
    hashed = near.with_columns(
        day=pl.col("day") + pl.col("shift"), one=near.select("one", "shift").hash_rows().reinterpret(signed=True)
    )
    return hashed.group_by("day").agg(value=pl.col("one").sum())
