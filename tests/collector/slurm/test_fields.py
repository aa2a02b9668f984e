"""Fields as Slurm writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.slurm.fields import hosts, job_id, number, states, tasks

NOT_SET = {"set": False, "infinite": False, "number": 0}


def test_host_lists() -> None:
    assert hosts("cn[001-003,007],login1") == ["cn001", "cn002", "cn003", "cn007", "login1"]
    assert hosts("r[1-2]n[08-09]") == ["r1n08", "r1n09", "r2n08", "r2n09"]
    assert hosts("") == []


@pytest.mark.parametrize(
    ("value", "found"),
    [(7, 7), ({"set": True, "infinite": False, "number": 7}, 7), (NOT_SET, None), (None, None)],
)
def test_numbers(value: object, found: int | None) -> None:
    assert number(value) == found
    assert number({"set": True, "infinite": True, "number": 0}) is None


def test_states() -> None:
    assert states(["COMPLETED", "COMPLETING"]) == ["COMPLETED", "COMPLETING"]
    assert states("mixed") == ["MIXED"]
    assert states("RUNNING,COMPLETING") == ["RUNNING", "COMPLETING"]


def test_ids() -> None:
    zero = {"set": True, "infinite": False, "number": 0}
    assert job_id("1240", (1234, {"set": True, "infinite": False, "number": 0}), (0, zero)) == "1234_0"
    assert job_id("1240", (0, NOT_SET), (0, zero)) == "1240"
    assert job_id("1301", (0, NOT_SET), (1300, 1)) == "1300+1"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("7", [7]),
        ("1-3,9", [1, 2, 3, 9]),
        ("1-10%4", [1, 2, 3, 4]),
        ("0-12:4", [0, 4, 8, 12]),
        ("0x706", [1, 2, 8, 9, 10]),
        ("1-2,...", [1, 2]),
    ],
)
def test_tasks(text: str, found: list[int]) -> None:
    assert tasks(text) == found


@given(st.sets(st.integers(0, 400), max_size=60))
def test_tasks_are_those_of_the_mask(some: set[int]) -> None:
    assert tasks(hex(sum(1 << task for task in some)) if some else "") == sorted(some)
