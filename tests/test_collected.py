"""From what collectors beside no node tell to published rows."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from accounting.inbox import open_inbox
from accounting.ingest import ingest
from collector.central.findings import Findings
from tests.collected import (
    HOUR,
    MINUTE,
    allocated,
    counted,
    device,
    group,
    held,
    instance,
    pod,
    put,
    stocked,
    watched,
)
from tests.segments import MIDNIGHT
from tests.test_ingest import NOW, made
from tests.test_pipeline import Ledger

PRICE = "accelerator,price_per_hour,currency\nH100-80GB,2,USD\n"
A, B = pod("a"), pod("b", team="blue")


def at(hours: float) -> int:
    return MIDNIGHT + round(hours * HOUR)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return made(tmp_path / "p")


def bring(ledger: Ledger, source: str, *found: Findings, name: str = "") -> None:
    put(ledger.folder / "inbox", source, *found, name=name)


def run(ledger: Ledger) -> None:
    tally = ingest(ledger.lake, open_inbox("inbox", ledger.folder), NOW)
    assert tally.refused == []
    ledger.bring("prices", PRICE)
    ledger.run()


def hours(ledger: Ledger, by: str = "state") -> dict[str, float]:
    """Device-hours of usage, by a column."""
    rows = ledger.project.query(f"SELECT {by} AS k, SUM(device_seconds) AS s FROM usage GROUP BY k").rows()
    return {key: float(seconds / 3600) for key, seconds in rows}


JOBS = [("a", 0, 1.0, 3.0), ("b", 1, 1.5, 4.25), ("a2", 0, 3.5, 6.0)]


def agent(devices: int = 3) -> Findings:
    """Every ten seconds, to the second when a job begins and ends."""
    found = Findings(activity=[], holds=[])
    for number in range(devices):
        one = device(number)
        mine = [(who, s, e) for who, n, s, e in JOBS if n == number]
        edges = sorted({0.0, 8.0, *(t for _, s, e in mine for t in (s, e))})
        for since, until in pairwise(edges):
            busy = 80 if any(s <= since and until <= e for _, s, e in mine) else 0
            found.activity.append(watched(one, at(since), at(until), 10_000, busy))
        found.holds += [held(one, pod(who), at(s), at(e)) for who, s, e in mine]
    return found


def exporter(devices: int = 3, off: int = 25_000) -> Findings:
    """Every minute, off by some seconds; a pod stays on the device until the next scrape, and is counted beside."""
    found = Findings(activity=[], holds=[], allocated=[], stocked=[stocked(devices, at(0), at(8))])
    for number in range(devices):
        one = device(number)
        found.activity.append(watched(one, at(0) + off, at(8) - MINUTE, busy=5))
        for who, n, s, e in JOBS:
            if n == number:
                found.holds.append(held(one, pod(who), at(s) + off, at(e) + off))
                found.allocated.append(allocated(pod(who), 1, at(s) - off, at(e) + off, node="n1"))
    return found


def scheduler(devices: int = 3) -> Findings:
    """By count, from a little before to a little after."""
    jobs = [allocated(pod(who), 1, at(s) - 4_000, at(e) + 9_000, submitted=at(s) - 4_000) for who, _, s, e in JOBS]
    return Findings(stocked=[stocked(devices, at(0), at(8))], allocated=jobs)


def bill(ledger: Ledger) -> list[tuple[object, ...]]:
    return ledger.project.query(
        "SELECT team, workload_id, state, SUM(device_seconds), SUM(cost) FROM charges"
        " GROUP BY team, workload_id, state ORDER BY team, workload_id, state"
    ).rows()


def test_three_sources_on_one_fleet_make_the_bill_of_the_best(tmp_path: Path) -> None:
    alone, together = made(tmp_path / "alone"), made(tmp_path / "together")
    for ledger in (alone, together):
        bring(ledger, "agent", agent())
    bring(together, "prometheus", exporter())
    bring(together, "scheduler", scheduler())
    for ledger in (alone, together):
        run(ledger)

    assert bill(together) == bill(alone)
    assert {row[1] for row in bill(alone)} == {None, "red/a", "red/b", "red/a2"}
    faults = dict(together.project.query("SELECT fault, SUM(workloads) FROM faults GROUP BY fault").rows())
    assert set(faults) == {"disagreeing_samples"}


def test_without_an_agent_the_next_best_counts_within_its_error(tmp_path: Path) -> None:
    ledger = made(tmp_path / "p")
    bring(ledger, "prometheus", exporter())
    bring(ledger, "scheduler", scheduler())
    run(ledger)

    for who, _, s, e in JOBS:
        seconds = ledger.project.query(f"SELECT SUM(device_seconds) FROM usage WHERE workload_id = 'red/{who}'").item()
        assert abs(float(seconds) - (e - s) * 3600) <= 60
    assert sum(hours(ledger).values()) == 24


def test_another_holder_is_a_dispute_and_the_best_source_counts(ledger: Ledger) -> None:
    one = device(0)
    mine = Findings(activity=[watched(one, at(0), at(4), busy=50)], holds=[held(one, A, at(0), at(4))])
    theirs = Findings(activity=[watched(one, at(0), at(4), busy=50)], holds=[held(one, B, at(1), at(2))])
    bring(ledger, "agent", mine)
    bring(ledger, "prometheus", theirs)
    run(ledger)

    assert hours(ledger, "workload_id") == {"red/a": 4}
    (fault,) = ledger.project.query("SELECT fault, workloads, device_seconds FROM faults").rows()
    assert fault == ("disagreeing_holders", 1, Decimal(3600))


def test_imported_jobs_go_before_counts_of_the_same_workload(ledger: Ledger) -> None:
    """What the count says beyond the job log, four seconds before and nine after, counts."""
    bring(ledger, "scheduler", scheduler())
    ledger.bring(
        "jobs",
        "workload_id,cluster,pool,accelerator,quantity,start,end,team\n"
        "red/a,east,train,H100-80GB,1,2025-01-31T01:00:00Z,2025-01-31T03:00:00Z,red\n",
    )
    run(ledger)

    seconds = dict(ledger.project.query("SELECT workload_id, SUM(device_seconds) FROM usage GROUP BY 1").rows())
    assert seconds["red/a"] == 4 + 7200 + 9
    assert seconds["red/b"] == 4 + 9900 + 9


def test_what_was_served_is_exact_by_hour_model_and_team(ledger: Ledger) -> None:
    served = [
        counted(A, "llama", at(0.5), at(1), requests=3, input_tokens=100, output_tokens=7),
        counted(A, "llama", at(1), at(1) + MINUTE, requests=1, input_tokens=11, output_tokens=2),
        counted(A, "mistral", at(1), at(1.5), requests=2, output_tokens=5, busy_ms=1500),
        counted(B, "llama", at(1), at(1.5), input_tokens=1_000_000_007),
    ]
    found = Findings(counted=served, stocked=[stocked(2, at(0), at(2))], allocated=[allocated(A, 1, at(0), at(2))])
    bring(ledger, "prometheus", found, found)
    run(ledger)

    rows = ledger.project.query(
        "SELECT FORMAT_TIMESTAMP('%H', hour), workload_id, team, model, engine, requests, input_tokens, output_tokens,"
        " busy_seconds FROM serving ORDER BY hour, workload_id, model"
    ).rows()
    assert rows == [
        ("00", "red/a", "red", "llama", "vllm", 3, 100, 7, None),
        ("01", "blue/b", None, "llama", "vllm", None, 1_000_000_007, None, None),
        ("01", "red/a", "red", "llama", "vllm", 1, 11, 2, None),
        ("01", "red/a", "red", "mistral", "vllm", 2, None, 5, Decimal("1.500")),
    ]


def test_what_was_served_is_read_again_in_other_spans_and_counts_once(ledger: Ledger) -> None:
    """A minute with a scrape every twenty seconds, which the edges of spans divide."""
    second = 1000
    whole = [counted(A, "llama", at(i / 60), at((i + 1) / 60), requests=10) for i in range(3)]
    cut = [
        counted(A, "llama", at(0), at(0) + 20 * second, requests=3),
        counted(A, "llama", at(0) + 20 * second, at(1 / 60), requests=7),
        counted(A, "llama", at(1 / 60) + 40 * second, at(2 / 60), requests=10),
    ]
    bring(ledger, "prometheus", Findings(counted=whole), name="one")
    bring(ledger, "prometheus", Findings(counted=cut), name="again")
    bring(ledger, "prometheus", Findings(stocked=[stocked(1, at(0), at(1))]))
    run(ledger)

    assert ledger.project.query("SELECT SUM(requests) FROM serving").item() == 30


def test_two_collectors_that_scrape_one_engine_count_once(ledger: Ledger) -> None:
    """The better one began five minutes later."""
    mine = [counted(A, "llama", at(i / 60), at((i + 1) / 60), requests=10) for i in range(5, 30)]
    theirs = [
        counted(A, "llama", at(i / 60) + 17_000, at((i + 1) / 60) + 17_000, requests=10, output_tokens=1)
        for i in range(30)
    ]
    bring(ledger, "prometheus", Findings(counted=mine, stocked=[stocked(1, at(0), at(1))]))
    bring(ledger, "cloud_monitoring", Findings(counted=theirs))
    run(ledger)

    found = ledger.project.query("SELECT SUM(requests), SUM(output_tokens) FROM serving").rows()
    assert found == [(25 * 10 + 4 * 10, 4)]


def pieces(found: Findings, cuts: list[int]) -> list[Findings]:
    """What was told, in parts by time: open while it goes on."""
    edges = [at(0), *sorted({at(0) + c * MINUTE for c in cuts}), at(9)]
    parts = []
    for since, until in pairwise(edges):
        part = Findings(activity=[], holds=[], allocated=[], stocked=[])
        for one in found.activity:
            rows = [row for row in one.rows if since <= row[0] < until]
            part.activity.append(structs.replace(one, rows=rows))
        part.holds = [
            held(h.device, h.workload, h.start_ms, min(until, h.until_ms), closed=h.until_ms <= until)
            for h in found.holds
            if h.start_ms < until and h.until_ms > since
        ]
        part.allocated = [
            allocated(
                a.workload, 1, a.start_ms, min(until, a.until_ms), node=a.group.place.node, submitted=a.submitted_ms,
                closed=a.until_ms <= until,
            )
            for a in found.allocated
            if a.start_ms is not None and a.start_ms < until and a.until_ms > since
        ]  # fmt: skip
        part.stocked = [
            stocked(s.quantity_ppm // 1_000_000, max(since, s.start_ms), min(until, s.until_ms), s.condition)
            for s in found.stocked
            if s.start_ms < until and s.until_ms > since
        ]
        parts.append(part)
    return parts


def rows_of(told: list[tuple[str, list[Findings]]]) -> dict[str, list[tuple[object, ...]]]:
    with TemporaryDirectory() as folder:
        ledger = made(Path(folder) / "p")
        for n, (source, found) in enumerate(told):
            bring(ledger, source, *found, name=f"{source}{n}")
        run(ledger)
        return {name: rows for name, rows in ledger.rows().items() if name != "prices"}


@given(st.lists(st.integers(1, 9 * 60), max_size=4), st.permutations(range(3)), st.booleans())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_order_and_division_gives_the_same_rows(cuts: list[int], order: list[int], twice: bool) -> None:
    whole = [("agent", [agent(2)]), ("prometheus", [exporter(2)]), ("scheduler", [scheduler(2)])]
    divided = [(source, pieces(found[0], cuts)) for source, found in (whole[i] for i in order)]

    assert rows_of(divided * 2 if twice else divided) == rows_of(whole)


def test_what_is_told_to_begin_later_once_more_is_no_second_holding(ledger: Ledger) -> None:
    """By a collector without memory, or asked for the past again."""
    one = device(0)
    bring(
        ledger,
        "prometheus",
        Findings(holds=[held(one, A, at(0), at(2))], allocated=[allocated(B, 2, at(0), at(2), node="n2")]),
        Findings(holds=[held(one, A, at(1), at(3))], allocated=[allocated(B, 2, at(1), at(3), node="n2")]),
    )
    run(ledger)

    assert hours(ledger, "workload_id") == {"red/a": 3, "blue/b": 6}


def test_an_allocation_whose_pool_and_accelerator_become_known_is_one(ledger: Ledger) -> None:
    """A new node's exporter comes minutes after its first pod; the other resource of the pod is told with each."""
    vague = allocated(A, 4, at(1), at(2), node="n1", closed=False)
    early = structs.replace(vague, group=group("n1", pool="", accelerator="nvidia.com/gpu"))
    late = allocated(A, 4, at(1), at(5), node="n1")
    other = structs.replace(late, group=group("n1", accelerator="L4"), quantity_ppm=1_000_000)
    stock = [stocked(8, at(0), at(5)), structs.replace(stocked(1, at(0), at(5)), group=other.group)]
    bring(ledger, "prometheus", Findings(allocated=[early], stocked=stock), Findings(allocated=[late, other]))
    run(ledger)

    assert hours(ledger, "workload_id") == {"red/a": 5 * 4, None: 5 * 9 - 5 * 4}
    assert hours(ledger, "accelerator") == {"H100-80GB": 40, "L4": 5}


def test_a_pod_that_goes_to_a_node_without_names_is_counted_there(ledger: Ledger) -> None:
    """Of a set, so it keeps its name; its former device is watched on."""
    one = device(0)
    mine = Findings(
        activity=[watched(one, at(0), at(8), busy=0)], holds=[held(one, A, at(0), at(2)), held(one, B, at(3), at(8))]
    )
    counts = [
        allocated(A, 1, at(0), at(2) + 9_000, node="n1", submitted=at(0)),
        allocated(A, 1, at(3), at(7), node="n2", submitted=at(2.9)),
    ]
    bring(ledger, "agent", mine)
    bring(ledger, "prometheus", Findings(stocked=[stocked(1, at(0), at(8), node="n2")], allocated=counts))
    run(ledger)

    assert hours(ledger, "workload_id")["red/a"] == 2 + 4


def test_a_cluster_begins_with_what_was_seen_and_not_with_when_it_was_asked_for(ledger: Ledger) -> None:
    """A pod was created thirty days before the collector; capacity without a start holds from the first event."""
    asked = at(-24 * 30)
    pods = [allocated(A, 4, at(1), at(5), submitted=asked), allocated(B, 8, None, at(5), submitted=asked)]
    bring(ledger, "prometheus", Findings(stocked=[stocked(4, at(0), at(5))], allocated=pods))
    ledger.bring("capacity", "cluster,pool,accelerator,quantity\neast,other,H100-80GB,2\n")
    run(ledger)

    assert hours(ledger, "pool") == {"train": 20, "other": 8}
    assert ledger.project.query("SELECT COUNT(DISTINCT day) FROM usage").item() == 1


@pytest.mark.parametrize("until", [6, 8])
def test_who_holds_named_devices_waited_until_then_and_no_longer(ledger: Ledger, until: int) -> None:
    """The count goes on a few seconds longer than what tells the device."""
    devices = [device(0), device(1)]
    found = Findings(
        activity=[watched(devices[0], at(0), at(until), busy=0), watched(devices[1], at(0), at(8), busy=0)],
        holds=[held(devices[0], A, at(3), at(6))],
        allocated=[allocated(A, 1, at(3), at(6) + 4_000, node="n1", submitted=at(1))],
        stocked=[stocked(2, at(0), at(8))],
    )
    bring(ledger, "prometheus", found)
    run(ledger)

    assert hours(ledger) == {"unallocated_queued": 4, "allocated_idle": 3, "unallocated_free": 9}


def test_a_stretch_that_is_collected_again_counts_once(ledger: Ledger) -> None:
    """The second time nothing is known of the time before, so that the holding begins with the stretch."""
    one = instance(0)
    whole = Findings(activity=[watched(one, at(0), at(8))], holds=[held(one, A, at(1), at(7), closed=False)])
    again = Findings(activity=[watched(one, at(2), at(5))], holds=[held(one, A, at(2), at(5), closed=False)])
    bring(ledger, "prometheus", whole, again)
    run(ledger)

    assert hours(ledger, "workload_id")["red/a"] == 6 / 4


def test_a_count_that_goes_on_without_its_device_counts_in_full(ledger: Ledger) -> None:
    one = device(0)
    found = Findings(
        activity=[watched(one, at(0), at(6), busy=0)],
        holds=[held(one, A, at(3), at(6), closed=False)],
        allocated=[allocated(A, 1, at(3), at(8), node="n1")],
        stocked=[stocked(1, at(0), at(8))],
    )
    bring(ledger, "prometheus", found)
    run(ledger)

    assert hours(ledger) == {"unallocated_free": 3, "allocated_idle": 3, "allocated_unobserved": 2}
