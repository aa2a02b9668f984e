"""Counts of accelerators, and what of a queue waits for them."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slurm.gres import Tres, of_entries, of_node, of_text, parts_of_node
from collector.slurm.jobs import MOST_TASKS, Queued, lines, running, waiting


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("billing=8,cpu=8,gres/gpu:a100=4,gres/gpu=4,mem=64G,node=1", {"a100": 4}),
        ("gres/gpu=4,gres/gpu:a100=2", {"a100": 2, "gpu": 2}),
        ("gres/gpu:a100=2,gres/gpu:h100=1,gres/gpu=3", {"a100": 2, "h100": 1}),
        ("gres/gpu=8", {"gpu": 8}),
        ("gres/gpu:a100=2,gres/gpu=1", {"a100": 2}),
        ("gres/gpu:a100_1g.5gb=7,gres/gpu=7,gres/gpumem=9,gres/gpuutil=3", {"a100_1g.5gb": 7}),
        ("gres/gpu:a100=0,cpu=1", {}),
        ("gres/shard=4,cpu=8", {}),
        ("", {}),
    ],
)
def test_counts_of_a_job(text: str, held: dict[str, int]) -> None:
    entries = [Tres("gres", *pair) for pair in _pairs(text)]
    assert of_text(text) == held
    assert of_entries([*entries, Tres("cpu", "", 8), Tres("energy", None, None)]) == held


def _pairs(text: str) -> list[tuple[str, int]]:
    words = [word.removeprefix("gres/").split("=") for word in text.split(",") if word.startswith("gres/")]
    return [(name, int(count)) for name, count in words]


@given(st.dictionaries(st.sampled_from(["a100", "h100", "1g.10gb"]), st.integers(1, 64)), st.integers(0, 9))
def test_types_are_never_added_to_what_counts_them_all(typed: dict[str, int], rest: int) -> None:
    words = [f"gres/gpu:{kind}={count}" for kind, count in typed.items()]
    total = sum(typed.values()) + rest
    assert sum(of_text(",".join([*words, f"gres/gpu={total}"])).values()) == total


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("gpu:a100:8(S:0-1)", {"a100": 8}),
        ("gpu:8", {"gpu": 8}),
        ("gpu:fake1:1(S:0),gpu:fake2:1(S:0)", {"fake1": 1, "fake2": 1}),
        ("gpu:a100:2(S:0,1),gpu:1g.10gb:7(S:0),gpu:1g.10gb:7(S:1)", {"a100": 2, "1g.10gb": 14}),
        ("nic:2,shard:a100:16(S:0),mps:400", {}),
        ("(null)", {}),
        (None, {}),
    ],
)
def test_counts_of_a_node(text: str | None, there: dict[str, int]) -> None:
    assert of_node(text) == there


def test_parts_of_devices() -> None:
    assert parts_of_node("gpu:a100:2,shard:a100:16(S:0),mps:400") == {"shard", "mps"}


def queued(**more: object) -> Queued:
    said = {"job_id": 7, "job_state": ["PENDING"], "submit_time": 1000, "state_reason": "Resources"}
    return msgspec.convert(said | {"tres_req_str": "gres/gpu=2", "start_time": 5000} | more, Queued)


@pytest.mark.parametrize("reason", ["Resources", "Priority", "QOSMaxGRESPerUser", "None", "Nodes_required_for_job"])
def test_waiting_for_devices(reason: str) -> None:
    (job,) = waiting(queued(state_reason=reason))
    assert (job.id, job.submitted_ms, job.start_ms, job.held) == ("7", 1_000_000, None, {"gpu": 2})


@pytest.mark.parametrize(
    "reason",
    ["Dependency", "DependencyNeverSatisfied", "JobHeldUser", "JobHeldAdmin", "BeginTime", "JobArrayTaskLimit"],
)
def test_waiting_for_something_else(reason: str) -> None:
    assert waiting(queued(state_reason=reason)) == []


def test_tasks_of_an_array_wait_each() -> None:
    found = waiting(queued(array_job_id=7, array_task_id=None, array_task_string="3,5-6"))
    assert [(job.id, job.number) for job in found] == [("7_3", ""), ("7_5", ""), ("7_6", "")]
    many = waiting(queued(array_job_id=7, array_task_string="0-99999"))
    assert len(many) == MOST_TASKS


@pytest.mark.parametrize(
    ("states", "runs"),
    [
        (["RUNNING"], True),
        ("RUNNING", True),
        (["SUSPENDED"], True),
        (["RUNNING", "SIGNALING"], True),
        (["RUNNING", "CONFIGURING"], True),
        (["COMPLETED", "COMPLETING"], False),
        (["RUNNING", "COMPLETING"], False),
        ("COMPLETING", False),
        (["PENDING", "REQUEUED"], False),
        (["COMPLETED"], False),
    ],
)
def test_running(states: object, runs: bool) -> None:
    assert bool(running(queued(job_state=states, tres_alloc_str="gres/gpu=1"))) == runs
    assert not waiting(queued(job_state=["RUNNING"]))


def test_lines_of_steps_are_none() -> None:
    head = "al|ml|gpu|2025-01-01T00:00:00|2025-01-01T00:00:10|2025-01-01T00:01:00|CANCELLED by 7|cn001|gres/gpu=2||1"
    (job,) = lines(f"12|12|{head}\n12.batch|12.batch|{head}\n12.0|12.0|{head}\n")
    assert (job.id, job.state, job.start_ms, job.end_ms) == ("12", "CANCELLED", 1_735_689_610_000, 1_735_689_660_000)
    with pytest.raises(ValueError, match="3 fields"):
        lines("a|b|c\n")
