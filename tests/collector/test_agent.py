"""What the agent tells of a node, against what the node did."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.agent import Agent
from collector.clock import Clock
from collector.health import wrong
from collector.source import Instant
from collector.wire import NOTES, UNKNOWN, Record, Workload
from tests.collector.scripted import START, Book, Job, Node, run

HOUR = 3_600_000


def spans(book: Book, device: int) -> list[Record]:
    return sorted((r for r in book.of_devices() if number(book, r.device) == device), key=lambda r: r.start_ms)


def number(book: Book, position: int) -> int:
    return book.names.devices[position].minor


def busy_of(book: Book, name: str) -> float:
    """Milliseconds of activity of a workload: its parts, and the device's records while it alone held it."""
    total = 0.0
    for (device, who), hold in book.held().items():
        if who != name:
            continue
        parts = [r for r in book.records if r.workload != UNKNOWN and number(book, r.device) == device]
        mine = [r for r in parts if book.names.workloads[r.workload].id == name]
        total += sum(r.busy_ms for r in mine)
        covered = [(r.start_ms, r.start_ms + r.length_ms) for r in mine]
        for record in spans(book, device):
            start = max(record.start_ms, hold.start_ms)
            end = min(record.start_ms + record.length_ms, hold.until_ms)
            if end > start and not any(a < end and b > start for a, b in covered):
                total += record.busy_ms * (end - start) / record.length_ms
    return total


def test_a_device_is_told_in_windows_without_a_gap() -> None:
    book = run(Node([]), 60_000)
    found = spans(book, 0)
    assert (found[0].start_ms, found[-1].start_ms + found[-1].length_ms) == (START, START + 60_000)
    assert all(a.start_ms + a.length_ms == b.start_ms for a, b in pairwise(found))
    assert {r.length_ms for r in found} == {10_000}
    assert {r.busy_ms for r in found} == {0}


def test_a_job_of_three_seconds_is_found_by_the_drivers_accounting() -> None:
    book = run(Node([Job(pid=7, device=0, start=21_300, end=24_300, level=1.0)]), 60_000)
    hold = book.held()[0, "job7"]
    assert (hold.start_ms, hold.until_ms, hold.closed) == (START + 21_300, START + 24_300, 1)
    assert busy_of(book, "job7") == pytest.approx(3000, rel=0.01)
    assert sum(r.busy_ms for r in book.of_devices()) == 3000


def test_without_accounting_a_job_that_lives_at_a_look_counts_to_the_next() -> None:
    node = Node([Job(pid=7, device=0, start=21_300, end=31_300, level=1.0)], accounting=False)
    book = run(node, 60_000)
    hold = book.held()[0, "job7"]
    assert (hold.start_ms, hold.until_ms, hold.closed) == (START + 21_300, START + 35_000, 1)
    assert busy_of(book, "job7") == pytest.approx(10_000, rel=0.01)


def test_who_share_a_device_get_their_parts() -> None:
    jobs = [
        Job(pid=1, device=0, start=3_000, end=50_000, level=0.6),
        Job(pid=2, device=0, start=12_400, end=15_400, level=0.3),
        Job(pid=3, device=0, start=20_000, end=90_000, level=0.1),
    ]
    book = run(Node(jobs), 100_000)
    for job in jobs:
        assert busy_of(book, job.name) == pytest.approx(job.level * (job.end - job.start), rel=0.01), job.name
    parts = [r for r in book.records if r.workload != UNKNOWN]
    assert sum(r.busy_ms for r in parts) <= sum(r.busy_ms for r in book.of_devices())


def test_a_lost_device_is_told_as_unhealthy_and_never_as_idle() -> None:
    node = Node([Job(pid=1, device=0, start=0, end=90_000, level=0.5)], count=2, lost=[(0, 20_000, 40_000)])
    book = run(node, 90_000)
    sick = [r for r in spans(book, 0) if r.health]
    assert sum(r.length_ms for r in sick) == 20_000
    assert all(r.busy_ms == UNKNOWN for r in sick)
    assert sum(r.length_ms for r in spans(book, 0)) == 90_000
    assert not any(r.health for r in spans(book, 1))
    assert book.held()[0, "job1"].until_ms == START + 90_000, "it holds the device all the same"


def test_a_silent_device_is_a_gap() -> None:
    book = run(Node([], silent=[(0, 20_000, 40_000)]), 60_000)
    told = spans(book, 0)
    gaps = [(a.start_ms + a.length_ms - START, b.start_ms - START) for a, b in pairwise(told)
            if a.start_ms + a.length_ms < b.start_ms]  # fmt: skip
    assert gaps == [(19_000, 38_000)], "a reading stands for two periods at most"


def test_while_the_driver_hangs_allocations_are_still_told() -> None:
    node = Node([], hung=[(20_000, 60_000)], given=[(0, "team/pod", 1_000_000)])
    book = run(node, 50_000)
    assert book.held()[0, "team/pod"].until_ms > START + 40_000
    assert max(r.start_ms + r.length_ms for r in book.records) <= START + 20_000
    assert [NOTES[n.kind] for n in book.notes].count("stalled") == 1


def test_an_allocation_holds_without_a_process_and_against_strangers() -> None:
    node = Node([Job(pid=9, device=0, start=10_000, end=40_000, level=1.0)], given=[(0, "team/pod", 1_000_000)])
    book = run(node, 60_000)
    assert set(book.held()) == {(0, "team/pod")}
    assert busy_of(book, "team/pod") == pytest.approx(30_000, rel=0.01)
    assert [book.names.texts[n.text] for n in book.notes if NOTES[n.kind] == "unallocated_use"] == ["job9"]


def test_replicas_of_a_device_that_do_nothing_have_parts_of_zero() -> None:
    given = [(0, "a", 500_000), (0, "b", 500_000)]
    node = Node([Job(pid=1, device=0, start=0, end=60_000, level=0.8, workload="a")], given=given)
    book = run(node, 60_000)
    assert busy_of(book, "a") == pytest.approx(48_000, rel=0.03)
    assert busy_of(book, "b") == 0
    assert any(r.workload != UNKNOWN and book.names.workloads[r.workload].id == "b" for r in book.records)


def test_a_process_that_comes_to_a_device_late_holds_it_from_then_on() -> None:
    # It began long ago, on the processor alone.
    node = Node([Job(pid=7, device=0, start=31_000, end=100_000, level=1.0)])
    node.began = {7: START + 1_000}
    assert run(node, 60_000).held()[0, "job7"].start_ms == START + 30_000


def test_an_agent_goes_on_where_the_one_before_had_told() -> None:
    job = Job(pid=7, device=0, start=0, end=10**9, level=1.0)
    node, book = Node([job]), Book()
    first = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    while node.at < 95_000:
        first.step()
        node.at += 1000
    assert first.told_ms == START + 90_000, "told with every window"
    # The next one cannot name it as the first did.
    node.jobs, node.at = [Job(pid=7, device=0, start=0, end=10**9, level=1.0, workload="pod:x")], 120_000
    after = Book()
    second = Agent(node, node, after, Clock(node.boot, node.wall), 1000, 10_000, first.told_ms)
    for _ in range(30):
        second.step()
        node.at += 1000
    second.close()
    assert after.held()[0, "pod:x"].start_ms == START + 90_000


def test_whom_the_kubelet_and_the_kernel_name_apart_is_no_stranger() -> None:
    node = Node([Job(pid=9, device=0, start=10_000, end=40_000, level=1.0, workload="pod:u-1")])
    node.given, node.kind = [(0, "team/pod", 1_000_000)], "kubernetes"
    assert [n for n in run(node, 60_000).notes if NOTES[n.kind] == "unallocated_use"] == []


def test_an_agent_that_is_stopped_between_two_looks_leaves_nothing_without_its_holder() -> None:
    book = run(Node([Job(pid=7, device=0, start=0, end=100_000, level=1.0)]), 38_000)
    assert book.held()[0, "job7"].until_ms == max(r.start_ms + r.length_ms for r in book.of_devices()) == START + 38_000


@pytest.mark.parametrize("step", [120_000, -120_000, 5 * HOUR, -5 * HOUR])
def test_a_clock_that_is_stepped_never_has_an_instant_twice(step: int) -> None:
    node = Node([])
    book = Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(400):
        node.at = second * 1000
        node.stepped = step if second >= 100 else 0
        agent.step()
    agent.close()
    told = spans(book, 0)
    assert all(a.start_ms + a.length_ms <= b.start_ms for a, b in pairwise(told))
    assert [n.value for n in book.notes if NOTES[n.kind] == "clock_step"] == [step]
    observed = sum(r.length_ms for r in told)
    assert observed >= 275_000 if step == -120_000 else observed >= 390_000


@pytest.mark.parametrize("step", [5 * HOUR, -5 * HOUR, 20_000 * HOUR])
def test_nobody_holds_a_device_in_time_that_a_clock_made_up(step: int) -> None:
    job = Job(pid=1, device=0, start=5_000, end=10**9, level=1.0)
    node, book = Node([job]), Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(400):
        node.at = second * 1000
        node.stepped = step if second >= 103 else 0
        node.jobs = [job, Job(pid=2, device=0, start=0, end=10**9, level=0.0)] if second >= 200 else [job]
        agent.step()
    agent.close()
    held = [h for batch in book.batches for h in batch.holdings if book.names.workloads[h.workload].id == "job1"]
    longest = {h.start_ms: max(o.until_ms for o in held if o.start_ms == h.start_ms) for h in held}
    assert sum(until - start for start, until in longest.items()) == pytest.approx(394_000, abs=1000)
    assert held[-1].until_ms == START + 399_000 + step
    # Its start is by the old clock; the agent saw it first after the clock was set.
    late = [h for batch in book.batches for h in batch.holdings if book.names.workloads[h.workload].id == "job2"]
    assert max(h.until_ms for h in late) - min(h.start_ms for h in late) <= 300_000


def test_a_clock_that_was_not_set_yet_tells_nothing() -> None:
    node, book = Node([Job(pid=1, device=0, start=0, end=10**9, level=1.0)]), Book()
    node.stepped = -START
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(120):
        node.at = second * 1000
        node.stepped = 0 if second >= 60 else -START
        agent.step()
        assert wrong(agent, None, "", node.boot()).startswith("the system's clock") == (second < 60)
    agent.close()
    assert min(r.start_ms for r in book.records) == START + 60_000
    assert min(h.start_ms for batch in book.batches for h in batch.holdings) >= START + 60_000


@settings(max_examples=60, deadline=None)
@given(
    jobs=st.lists(
        st.builds(
            Job,
            pid=st.integers(1, 10_000),
            device=st.integers(0, 1),
            start=st.integers(0, 100_000),
            end=st.integers(100_001, 120_000),
            level=st.sampled_from([0.0, 0.1, 0.3]),
        ),
        max_size=3,
        unique_by=lambda j: j.pid,
    ),
    short=st.lists(st.tuples(st.integers(0, 110_000), st.integers(1, 4_000)), max_size=3),
    silent=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 60_000), st.integers(60_001, 120_000)), max_size=2),
)
def test_activity_is_conserved(
    jobs: list[Job], short: list[tuple[int, int]], silent: list[tuple[int, int, int]]
) -> None:
    extra = [Job(20_000 + i, 0, start, start + length, 0.05) for i, (start, length) in enumerate(short)]
    node = Node([*jobs, *extra], count=2, silent=silent)
    book = run(node, 120_000)
    for device in range(2):
        told = spans(book, device)
        assert all(a.start_ms + a.length_ms <= b.start_ms for a, b in pairwise(told))
        assert all(0 <= r.busy_ms <= r.length_ms for r in told)
        if not any(d == device for d, _, _ in silent):
            assert sum(r.length_ms for r in told) == 120_000
            assert sum(r.busy_ms for r in told) == pytest.approx(node.busy(device, 0, 120_000), abs=1)
        parts = [r for r in book.records if r.workload != UNKNOWN and number(book, r.device) == device]
        for who in {r.workload for r in parts}:
            mine = sorted((r for r in parts if r.workload == who), key=lambda r: r.start_ms)
            assert all(a.start_ms + a.length_ms <= b.start_ms for a, b in pairwise(mine))
        assert sum(r.busy_ms for r in parts) <= sum(r.busy_ms for r in told) + len(parts)


def test_energy_is_told_in_full_also_of_a_gap() -> None:
    book = run(Node([], silent=[(0, 20_000, 40_000)]), 60_000)
    assert sum(r.energy_mj for r in spans(book, 0)) == 100 * 60_000


def test_what_was_held_before_the_first_agent_came_is_not_its_to_tell() -> None:
    node = Node([Job(pid=1, device=0, start=0, end=60_000, level=0.5)])
    assert run(node, 30_000).held()[0, "job1"].start_ms == START
    late = Node([Job(pid=1, device=0, start=0, end=60_000, level=0.5)])
    book = Book()
    agent = Agent(late, late, book, Clock(late.boot, late.wall), 1000, 10_000, START + 7_000)
    for second in range(10, 40):
        late.at = second * 1000
        agent.step()
    agent.close()
    assert book.held()[0, "job1"].start_ms == START + 7_000


def test_an_allocation_whose_start_nobody_tells_began_after_the_last_look() -> None:
    node = Node([], given=[])
    book = Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(40):
        node.at = second * 1000
        node.given = [(0, "team/pod", 1_000_000)] if second >= 12 else []
        agent.step()
    agent.close()
    assert book.held()[0, "team/pod"].start_ms == START + 10_000


def test_a_short_part_lies_where_its_job_was() -> None:
    jobs = [
        Job(pid=1, device=0, start=0, end=60_000, level=0.5),
        Job(pid=2, device=0, start=21_300, end=24_300, level=0.4),
    ]
    book = run(Node(jobs), 60_000)
    parts = [r for r in book.records if r.workload != UNKNOWN and book.names.workloads[r.workload].id == "job2"]
    assert [(r.start_ms - START, r.length_ms, r.busy_ms) for r in parts] == [(21_300, 3_000, 1_200)]


def test_jobs_one_after_the_other_are_not_parts() -> None:
    jobs = [Job(pid=n, device=0, start=n * 11_000, end=n * 11_000 + 9_000, level=0.5) for n in range(1, 5)]
    book = run(Node(jobs), 60_000)
    assert not [r for r in book.records if r.workload != UNKNOWN]


def test_parts_of_one_window_are_one() -> None:
    jobs = [Job(pid=n, device=0, start=0, end=90_000, level=0.3) for n in (1, 2)]
    book = run(Node(jobs), 60_000)
    mine = [r for r in book.records if r.workload == 0]
    assert [r.length_ms for r in mine] == [10_000] * 6


def test_a_pid_that_is_anothers_by_now_pays_for_nothing() -> None:
    class Reused(Node):
        def workload(self, pid: int, at: Instant) -> Workload | None:
            return Workload(id="another", kind="user")

        def started_ms(self, pid: int, at: Instant) -> int | None:
            return at.wall_ms

    node = Reused([Job(pid=7, device=0, start=21_300, end=24_300, level=1.0)])
    book = run(node, 60_000)
    assert book.held() == {}
    assert "unattributed" in [NOTES[n.kind] for n in book.notes]


def test_open_holdings_are_told_with_every_window() -> None:
    node = Node([Job(pid=1, device=0, start=0, end=900_000, level=0.5)])
    book = Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(60):
        node.at = second * 1000
        agent.step()
    told = [row.until_ms - START for batch in book.batches for row in batch.holdings]
    assert told == [0, 10_000, 20_000, 30_000, 40_000, 50_000]


def test_what_was_held_at_the_last_look_counts_to_the_last_reading() -> None:
    node = Node([Job(pid=1, device=0, start=0, end=900_000, level=0.5)])
    book = run(node, 33_000)
    assert book.held()[0, "job1"].until_ms == START + 33_000
    assert sum(r.length_ms for r in spans(book, 0)) == 33_000


def test_a_step_of_the_clock_is_a_gap_and_no_time_that_was_not() -> None:
    node = Node([])
    book = Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(60):
        node.at, node.stepped = second * 1000, 1_900 if second >= 30 else 0
        agent.step()
    agent.close()
    assert sum(r.length_ms for r in spans(book, 0)) == 59_000


def test_a_clock_set_back_by_hours_holds_up_no_batch() -> None:
    node = Node([])
    book = Book()
    agent = Agent(node, node, book, Clock(node.boot, node.wall), 1000, 10_000)
    for second in range(100):
        node.at, node.stepped = second * 1000, -5 * HOUR if second >= 30 else 0
        agent.step()
    assert len(book.batches) >= 9
