"""What the core takes and gives: one cluster, some whole UTC days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from accounting.core.carbon import Grid
from accounting.policy import Policy

RANKS = {"agent": 0, "prometheus": 1, "cloud_monitoring": 2, "scheduler": 3}
"""How much a collector is trusted: of several that tell of one thing at one instant the least rank counts."""

FILE = 9
"""The rank of what was imported."""

AGENT = 0
"""`import_seq` of a job that a node agent told of: a holding that the kernel, the kubelet or Slurm knows of.

That of a job that another collector told of is its rank, negative.
"""

DEVICE_SPANS = {"device_id": pl.String, "start_ms": pl.Int64, "end_ms": pl.Int64}

GAPS = {"at_ms": pl.Int64, "batches": pl.Int64}

UNNAMED = {
    **dict.fromkeys(("pool", "accelerator"), pl.String),
    **dict.fromkeys(("start_ms", "end_ms", "told", "maintenance", "unhealthy"), pl.Int64),
}
"""Accelerators that somebody counts and nobody names, in millionths: `told` (someone was there to tell who holds them),
in maintenance, and unhealthy.
"""

SERVED = {
    **dict.fromkeys(("workload_id", "model", "engine"), pl.String),
    **dict.fromkeys(("start_ms", "end_ms", "requests", "input_tokens", "output_tokens", "busy_ms"), pl.Int64),
}

QUOTAS = {
    **dict.fromkeys(("queue", "cohort", "flavor", "accelerator"), pl.String),
    **dict.fromkeys(("start_ms", "end_ms", "nominal_ppm", "used_ppm"), pl.Int64),
}
"""Disjoint for each queue, flavor and accelerator; `cohort` is NULL where the queue is in none."""

DISPUTES = {"at_ms": pl.Int64, "device_id": pl.String, "ms": pl.Int64}


def no_spans() -> pl.DataFrame:
    """Device spans where nobody tells of any."""
    return pl.DataFrame(schema=DEVICE_SPANS)


@dataclass(frozen=True, slots=True)
class Partition:
    """The inputs of one cluster for `[start, end)` in epoch milliseconds, whole UTC days.

    Frames have the columns of the input tables (times in ms, quantities in millionths), effective (replaced rows are
    gone) and with canonical accelerator names. `jobs` are those that hold or wait in the window; `capacity` is all of
    the cluster's, with starts and ends filled; `prices` and `teams` are all; `samples` reach a halo of
    `max(idle_after, hold)`, at least a day, beyond the window. `watermark` ends open rows. `scheduled` says whether
    any source tells who holds this cluster's accelerators. A sample whose `part` is True tells of one workload's own
    part of a device (both are named), as a share of the whole device. Of samples of one subject that tell of one
    instant, those of the least `rank` count; 0 is a node's agent.

    `health` are the spans (DEVICE_SPANS, in ms, may overlap) in which a device could not be used, `watched` those in
    which somebody was there to tell whether it was held: there, free time is known to be free also where nothing is
    `scheduled`. `gaps` (GAPS) are batches of agents that have not come, at the instant (ms) from which they tell.
    `maintenance` are the spans in which somebody took a device out of service. `unnamed` (UNNAMED) is what is known of
    capacity without devices, `served` (SERVED) what serving engines counted in the window, `disputes` (DISPUTES) when
    collectors differed about who held a device, `quotas` (QUOTAS) what queues could use and used in the window.
    `currency` is that of the ledger, which prices are in where there is a rate; None: the one that all prices are in.
    `grid` says what energy emits, by region and day.
    """

    cluster: str
    start: int
    end: int
    watermark: int
    jobs: pl.DataFrame
    capacity: pl.DataFrame
    prices: pl.DataFrame
    teams: pl.DataFrame
    samples: pl.DataFrame
    policies: tuple[Policy, ...]
    zones: Mapping[str, str]
    scheduled: bool = True
    health: pl.DataFrame = field(default_factory=no_spans)
    watched: pl.DataFrame = field(default_factory=no_spans)
    gaps: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=GAPS))
    maintenance: pl.DataFrame = field(default_factory=no_spans)
    unnamed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNNAMED))
    served: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SERVED))
    disputes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DISPUTES))
    quotas: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUOTAS))
    currency: str | None = None
    grid: Grid = ()


@dataclass(frozen=True, slots=True)
class Results:
    """Rows of the published tables (without `publication`), in sort order."""

    usage: pl.DataFrame
    charges: pl.DataFrame
    capacity: pl.DataFrame
    workloads: pl.DataFrame
    prices: pl.DataFrame
    faults: pl.DataFrame
    serving: pl.DataFrame
    quotas: pl.DataFrame
