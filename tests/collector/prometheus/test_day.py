from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounting.simulate.apis.prometheus import Prometheus as StandIn
from collector.prometheus.config import Prometheus as Config
from collector.prometheus.source import PrometheusSource
from tests.collector.prometheus.telling import Told, read, spans
from tests.fakes.prometheus.day import END_MS, MINUTE, POWER_W, START_MS, at
from tests.fakes.prometheus.server import Prometheus

HOUR = 3_600_000


@pytest.fixture(scope="module")
def told(prometheus: Prometheus) -> Told:
    edges = range(START_MS, END_MS + 1, HOUR)
    return read(PrometheusSource(Config(url=prometheus.url)), spans(*edges))


def test_holders_hold_for_as_long_as_they_did(told: Told) -> None:
    assert {w: told.hours(f"ml/{w}") for w in ("train", "infer", "s1", "s2", "long", "wait")} == {
        "train": 6,
        "infer": 12,
        "s1": 24,
        "s2": 24,
        "long": 2,
        "wait": 0,
    }
    assert told.holds["GPU-a0", "ml/train", at(2)] == (at(8), True)
    assert told.holds["GPU-b0/gi7", "ml/infer", at(6)] == (at(18), True)
    assert told.holds["GPU-d0", "ml/long", at(10)] == (at(12), False)


def test_devices_are_observed_once_whoever_shares_them(told: Told) -> None:
    assert sorted(told.rows) == ["GPU-a0", "GPU-a1", "GPU-b0", "GPU-b0/gi3", "GPU-b0/gi7", "GPU-c0", "GPU-d0"]
    hours = {uuid: told.total(uuid, 1) / HOUR for uuid in told.rows}
    assert hours == dict.fromkeys(told.rows, 24) | {"GPU-d0": 12}


def test_they_were_busy_for_as_long_as_they_were(told: Told) -> None:
    busy = {uuid: told.total(uuid, 2) / HOUR for uuid in told.rows if uuid != "GPU-b0"}

    assert busy == pytest.approx(
        {"GPU-a0": 4.8, "GPU-a1": 0, "GPU-b0/gi3": 6, "GPU-b0/gi7": 6, "GPU-c0": 9.6, "GPU-d0": 2}
    )


def test_a_counter_goes_on_with_other_labels_and_is_lost_only_where_it_began_anew(told: Told) -> None:
    minutes = 24 * 60
    assert told.total("GPU-a0", 8) == POWER_W * 60_000 * minutes
    assert [row[0] for row in told.rows["GPU-a0"] if row[11] == 4] == [at(5)]
    assert told.total("GPU-b0", 8) == 200 * 60_000 * minutes


def test_an_error_is_told_when_it_came(told: Told) -> None:
    assert [(h.at_ms, h.event.kind, h.event.value, h.event.uuid) for h in told.happened] == [
        (at(5), "xid", 79, "GPU-a0")
    ]


def test_pods_hold_by_count_what_they_ask_for(told: Told) -> None:
    rows = {
        w: (group.place.node, group.accelerator, start, *told.allocated[group, w, submitted, start][:3])
        for group, w, submitted, start in told.allocated
        if start is not None
    }
    assert rows == {
        "ml/train": ("a", "NVIDIA A100-SXM4-80GB", at(2), at(8), True, 1_000_000),
        "ml/infer": ("b", "NVIDIA A100-SXM4-80GB MIG 1g.10gb", at(6), at(18), True, 1_000_000),
        "ml/s1": ("c", "NVIDIA A100-SXM4-80GB", at(-1), at(24), False, 500_000),
        "ml/s2": ("c", "NVIDIA A100-SXM4-80GB", at(-1), at(24), False, 500_000),
        "ml/long": ("d", "NVIDIA A100-SXM4-80GB", at(10), at(24), False, 1_000_000),
    }


def test_owners_are_those_of_owners(told: Told) -> None:
    owners = {w: value[4] for (_, w, _, start), value in told.allocated.items() if start is not None}

    assert owners == {
        "ml/train": "Job/train-job",
        "ml/infer": "Deployment/infer",
        "ml/s1": "",
        "ml/s2": "",
        "ml/long": "",
    }


def test_what_waits_is_told_as_waiting(told: Told) -> None:
    waiting = {(w, submitted): value[:3] for (_, w, submitted, start), value in told.allocated.items() if start is None}
    assert waiting == {
        ("ml/wait", at(20)): (at(24), False, 1_000_000),
        ("kueue:team-a", at(9)): (at(10), True, 4_000_000),
        ("kueue:team-a", at(10)): (at(11), True, 2_000_000),
    }


def test_who_borrowed_and_who_left_quota_unused(told: Told) -> None:
    quotas = {
        (queue, cohort, flavor, nominal, used): when
        for (_, queue, cohort, flavor, nominal, used), when in told.quoted.items()
    }

    assert quotas == {
        ("team-a", "research", "a100", 2_000_000, 1_000_000): [(START_MS, at(8)), (at(11), END_MS)],
        ("team-a", "research", "a100", 2_000_000, 3_000_000): [(at(8), at(11))],
        ("team-b", "research", "a100", 2_000_000, 1_000_000): [(START_MS, END_MS)],
    }


def test_capacity_is_there_and_in_the_condition_of_its_node(told: Told) -> None:
    stock = {
        (group.place.node, group.place.pool, group.accelerator, condition, ppm): intervals
        for (group, condition, ppm), intervals in told.stocked.items()
    }
    day, a100 = [(START_MS, END_MS)], "NVIDIA A100-SXM4-80GB"
    assert stock == {
        ("a", "gpus", a100, "ready", 2_000_000): day,
        ("b", "gpus", f"{a100} MIG 1g.10gb", "ready", 1_000_000): day,
        ("c", "gpus", a100, "ready", 1_000_000): day,
        ("d", "gpus", a100, "ready", 1_000_000): [(START_MS, at(12) + 5 * MINUTE)],
        ("d", "gpus", a100, "unhealthy", 1_000_000): [(at(12) + 5 * MINUTE, END_MS)],
        ("e", "tpus", "tpu-v5-lite-podslice", "ready", 4_000_000): day,
    }


def test_our_stand_in_tells_the_same(told: Told, stand_in: StandIn) -> None:
    assert read(PrometheusSource(Config(url=stand_in.url)), spans(START_MS, END_MS)) == told


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.sets(st.integers(START_MS + 1, END_MS - 1), max_size=5), minutes=st.booleans())
def test_it_does_not_matter_where_the_day_is_cut(stand_in: StandIn, told: Told, cuts: set[int], minutes: bool) -> None:
    edges = {cut // MINUTE * MINUTE for cut in cuts} if minutes else cuts
    source = PrometheusSource(Config(url=stand_in.url))

    assert read(source, spans(*sorted({START_MS, *edges, END_MS}))) == told


def test_a_span_that_is_read_again_with_the_same_memory_finds_the_same(stand_in: StandIn) -> None:
    source = PrometheusSource(Config(url=stand_in.url))
    before, again = spans(START_MS, at(7), at(13))
    source.read(before)
    memory = source.memory()
    first, after = Told([source.read(again)]), source.memory()
    other = PrometheusSource(Config(url=stand_in.url))
    other.remember(memory)

    assert Told([other.read(again)]) == first
    assert other.memory() == after
