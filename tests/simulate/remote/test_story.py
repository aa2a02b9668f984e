"""What must hold in the clusters that only APIs tell of, before anybody collects it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from accounting.simulate.apis.prometheus import Stored
from accounting.simulate.company import DAY, HOUR, PPM
from accounting.simulate.demand import Window
from accounting.simulate.remote import exporters, google
from accounting.simulate.remote.engines import DRAINED
from accounting.simulate.remote.fleet import ASSIST, DAYS, GKE
from accounting.simulate.remote.pieces import pieces
from accounting.simulate.remote.sampled import Sampled, instants
from accounting.simulate.remote.story import Story, story
from accounting.simulate.remote.truth import truth

MIDNIGHT = 1_773_532_800_000  # 2026-03-15T00:00:00Z


def window(days: int, seed: int = 7) -> Window:
    return Window(seed, MIDNIGHT - days * DAY, MIDNIGHT)


@pytest.fixture(scope="module", params=[3, 9])
def told(request: pytest.FixtureRequest) -> Story:
    return story(window(request.param), google=True)


def test_equal_seeds_make_equal_stories_and_google_moves_nothing_else() -> None:
    one, again, other = (story(window(8, seed), google=True) for seed in (7, 7, 8))
    without = story(window(8), google=False)

    assert (one.pods, one.silent, one.late) == (again.pods, again.silent, again.late)
    assert one.pods != other.pods
    assert without.pods == [pod for pod in one.pods if pod.cluster == ASSIST]
    assert [e.at.tolist() for e in without.engines] == [e.at.tolist() for e in one.engines]


def test_it_is_as_long_as_the_window_but_a_week_at_most() -> None:
    assert [(s.last - s.first) // DAY for s in (story(window(n), google=False) for n in (3, 40))] == [3, DAYS]


def test_pods_hold_what_nobody_else_holds_and_fill_their_time(told: Story) -> None:
    for unit in range(len(told.units)):
        line = pieces(told, unit)
        assert (line[0].start, line[-1].end) == (told.first, told.last)
        assert all(a.end == b.start for a, b in pairwise(line))
    for pod in told.pods:
        assert told.first <= pod.submitted <= pod.start < pod.end <= told.last
        assert (pod.phases[0][0], pod.phases[-1][1]) == (pod.start, pod.end)
        assert all(a[1] == b[0] for a, b in pairwise(pod.phases))
        assert min(end - start for start, end, _ in pod.phases) >= 60_000


def test_a_drained_node_is_held_by_nobody(told: Story) -> None:
    ((node, start, end),) = told.cordoned
    there = {i for i, unit in enumerate(told.units) if unit.node == node}

    assert [p.name for p in told.pods if there & set(p.units) and p.start < end and p.end > start] == []


def test_true_time_is_the_capacity(told: Story) -> None:
    answer = truth(told, told.first + DAY)
    devices = {unit.device for unit in told.units}
    spent = answer.remote.group_by("device_id").agg(pl.col("device_seconds").sum())

    assert set(spent["device_id"]) == devices
    assert {float(s) for s in spent["device_seconds"]} == {(told.last - told.first) / 1000}


def test_busy_time_is_what_the_pods_did(told: Story) -> None:
    """Less what nobody saw, and each part of a device by its size."""
    answer = truth(told, told.first + DAY)
    unseen = [*told.silent, *told.away]
    did = 0.0
    for pod in told.pods:
        for unit in (told.units[u] for u in pod.units):
            late = pod.late.get(told.units.index(unit), 0)
            blind = [(a, b) for where, a, b in unseen if where in {unit.node, unit.cluster}]
            for start, end, level in pod.phases:
                seen = max(0, end - max(start, late))
                seen -= sum(max(0, min(end, b) - max(start, late, a)) for a, b in blind)
                did += seen * level / PPM * unit.ppm / PPM
    assert float(answer.remote["busy_seconds"].sum() or 0) == pytest.approx(did / 1000, abs=1)


def test_the_week_has_every_state_there_is(told: Story) -> None:
    found = truth(told, told.first + DAY).remote.group_by("cluster").agg(pl.col("state").unique())
    states = {cluster: set(several) for cluster, several in found.iter_rows()}

    assert states[ASSIST] == {"allocated_active", "allocated_idle", "allocated_unobserved", "unallocated_free",
                              "unallocated_queued", "maintenance", "unobserved"}  # fmt: skip
    assert states[GKE] == {"allocated_active", "allocated_idle", "unallocated_free", "unobserved"}


def test_nobody_asks_an_engine_before_it_ends(told: Story) -> None:
    restarted = [engine for engine in told.engines if len(engine.starts) > 1]

    assert len(restarted) == 1
    for engine in told.engines:
        ends = (*engine.starts[1:], engine.pod.end)
        assert all(not ((engine.at > end - DRAINED) & (engine.at <= end)).any() for end in ends)
        assert (np.diff(engine.at) > 0).all()


def counted(one: Stored) -> float:
    """What a counter counted, by whoever knows that it begins anew at 0."""
    values = [value for _, value in one.points]
    return values[0] + sum(b - a if b >= a else b for a, b in pairwise(values))


def test_counters_count_what_was_served_across_the_restart(told: Story) -> None:
    tokens = truth(told, told.first).tokens
    series = [one for one in exporters.series(told, None) if one.labels["__name__"].startswith("vllm:")]
    names = {"input_tokens": "prompt", "output_tokens": "generation", "requests": "request"}

    for workload, *true in tokens.select("workload_id", *names).iter_rows():
        mine = [one for one in series if workload == f"{one.labels['namespace']}/{one.labels['pod']}"]
        for amount, name in zip(true, names.values(), strict=True):
            found = sum(counted(one) for one in mine if one.labels["__name__"].startswith(f"vllm:{name}"))
            assert found == amount > 1000


def test_a_queue_borrows_what_the_other_of_its_cohort_leaves_and_their_quotas_are_all_there_is(told: Story) -> None:
    llm, helpdesk = truth(told, told.first).quotas.iter_rows(named=True)
    away = sum(end - start for _, start, end in told.away)
    held = dict.fromkeys(("llm", "helpdesk"), 0)
    for pod in (pod for pod in told.pods if pod.cluster == ASSIST):
        dark = sum(max(0, min(pod.end, end) - max(pod.start, start)) for _, start, end in told.away)
        held[pod.namespace] += len(pod.units) * (pod.end - pod.start - dark)

    assert (llm["queue"], helpdesk["queue"]) == ("llm-serving", "helpdesk-serving")
    assert (llm["quota"] + helpdesk["quota"]) * HOUR == pytest.approx(8 * (told.last - told.first - away))
    assert [q["used"] * HOUR for q in (llm, helpdesk)] == pytest.approx([held["llm"], held["helpdesk"]])
    assert 10 < llm["borrowed"] < helpdesk["quota"] - helpdesk["used"]
    assert helpdesk["borrowed"] == 0


def test_samples_of_a_queue_are_its_quota_and_what_its_pods_hold(told: Story) -> None:
    found = {
        (one.labels["__name__"], one.labels["cluster_queue"]): one.points
        for one in exporters.series(told, None)
        if one.labels["__name__"].startswith("kueue_")
    }
    for row in truth(told, told.first).quotas.iter_rows(named=True):
        quota = found["kueue_cluster_queue_nominal_quota", row["queue"]]
        used = found["kueue_cluster_queue_resource_usage", row["queue"]]
        over = sum(max(0, use - own) for (_, use), (_, own) in zip(used, quota, strict=True))
        sums = [sum(value for _, value in quota), sum(value for _, value in used), over]
        assert [s / 60 for s in sums] == pytest.approx(
            [row[c] for c in ("quota", "used", "borrowed")], abs=row["allowed"]
        )
        assert 0 < row["allowed"] < row["quota"] / 200


def test_samples_tell_the_mean_since_the_sample_before(told: Story) -> None:
    """So they add up to what was done, but for what the ends of the time cut off."""
    unit = next(i for i, one in enumerate(told.units) if one.cluster == GKE)
    at = instants(told, "anything")
    sampled = Sampled(told, unit, at)
    did = sum(p.level * (p.end - p.start) for p in pieces(told, unit)) / PPM

    assert float(sampled.busy.sum()) * 60_000 == pytest.approx(did, abs=60_000)
    assert set(sampled.pod) == {p.pod for p in pieces(told, unit)}


def test_late_points_are_of_one_host_and_some_come_twice(told: Story) -> None:
    shown = told.last + HOUR
    late, twice = set(), 0
    for one in google.series(told, shown):
        points = list(one.points(told.first, told.last))
        twice += len(points) - len({point.end_ms for point in points})
        if any(point.shown_ms == shown for point in points):
            late.add(one.labels["accelerator_id"].rpartition("-")[0])

    assert len(late) == 1
    assert twice > 100
