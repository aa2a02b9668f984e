"""What is wrong with the agent now, and what it counts of itself."""

from __future__ import annotations

from collections.abc import Iterator

from collector.agent import Agent
from collector.metrics import Metric
from collector.ship import Shipping
from collector.spool.counts import Status

STALLED_S = 30
"""A driver that has not answered for this long hangs."""


def wrong(agent: Agent, shipping: Shipping | None, trouble: str, now_ns: int) -> str:
    """One line; '' where all is well. `trouble` is what the source says of itself."""
    if agent.clock_is_unset:
        return "the system's clock is not set: nothing is recorded until it is"
    since = agent.counters.stalled_since
    if since is not None and now_ns - since.boot_ns > STALLED_S * 1_000_000_000:
        return "the driver does not answer: readings are missing, allocations are still told"
    if trouble:
        return trouble
    if shipping is not None and not shipping.running:
        return f"segments are not sent any more: {shipping.last_error or 'the thread that did has ended'}"
    if shipping is not None and shipping.last_error:
        return f"segments wait in the spool, the inbox takes none: {shipping.last_error}"
    return ""


def families(agent: Agent, spool: Status, shipping: Shipping | None, now_ns: int) -> Iterator[Metric]:
    """The agent's own metrics."""
    counters = agent.counters
    yield _counter("ticks", "Readings of all devices.", counters.ticks)
    yield _counter("late_ticks", "Periods in which the driver did not answer in time.", counters.stalls)
    yield _counter("batches", "Batches written to the spool.", counters.batches)
    yield _counter("records", "Records written to the spool.", counters.records)
    yield _counter("failed_appends", "Batches that the spool did not take at once.", counters.failed_appends)
    yield _counter("failed_steps", "Periods that an error of the agent cut short.", counters.failed_steps)
    yield _counter("unnamed_processes", "Processes on a device that nobody could name.", counters.nameless)
    yield _counter("unallocated_uses", "Workloads on a device that was allocated to others.", counters.strangers)
    yield _counter("clock_steps", "Steps of the system's clock.", counters.clock_steps)
    sessions = 0 if agent.latest is None else agent.latest.epoch
    yield _gauge("driver_sessions", "Times that the driver was opened.", sessions)
    stalled = counters.stalled_since
    yield _gauge("stalled_seconds", "For how long the driver has not answered.",
                 0 if stalled is None else (now_ns - stalled.boot_ns) / 1e9)  # fmt: skip
    yield _gauge("spool_bytes", "Bytes of the spool on disk.", spool.used_bytes)
    yield _gauge("spool_segments", "Sealed segments that wait.", spool.sealed)
    yield _gauge("spool_coarsest_level", "How far the oldest windows were joined to save room.", spool.coarsest_level)
    for name in ("failed_writes", "damaged_files", "coarsened", "dropped", "refused"):
        yield _counter(f"spool_{name}", _SPOOL[name], getattr(spool.counts, name))
    if shipping is not None:
        yield _counter("shipped_segments", "Segments that the inbox has taken.", shipping.stored + shipping.repeated)
        yield _counter("ship_failures", "Tries that the inbox did not take.", shipping.failures)
        if shipping.last_success_age_s is not None:
            yield _gauge("last_shipped_seconds", "Since a segment was last taken.", shipping.last_success_age_s)


_SPOOL = {
    "failed_writes": "Writes whose fate is unknown.",
    "damaged_files": "Files that were damaged and put aside.",
    "coarsened": "Segments whose windows were joined to save room.",
    "dropped": "Segments that were dropped as there was no room at all.",
    "refused": "Batches that were not written as there was no room.",
}


def _counter(name: str, says: str, value: float) -> Metric:
    return Metric(f"chipledger_agent_{name}_total", "counter", says, [({}, value)])


def _gauge(name: str, says: str, value: float) -> Metric:
    return Metric(f"chipledger_agent_{name}", "gauge", says, [({}, value)])
