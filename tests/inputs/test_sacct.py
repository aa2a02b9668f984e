from __future__ import annotations

from pathlib import Path

import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

MAP = 'format = "sacct"\n'
HEAD = "JobID|Cluster|Partition|Account|User|Submit|Start|End|State|AllocTRES|ReqTRES|NodeList\n"


def line(job: str, tres: str, start: str = "2025-01-01T00:00:10", end: str = "2025-01-01T00:01:00", **more: str) -> str:
    state, asked, nodes = more.get("state", "COMPLETED"), more.get("asked", ""), more.get("nodes", "n1")
    return f"{job}|c|gpu|acc|u|2025-01-01T00:00:00|{start}|{end}|{state}|{tres}|{asked}|{nodes}\n"


def test_a_dump_with_a_header(desk: Desk) -> None:
    rows = (
        line("1", "cpu=4,gres/gpu=2,mem=1G", state="CANCELLED by 7")
        + line("1.batch", "cpu=4,gres/gpu=2")
        + line("1.0", "gres/gpu=2")
        + line("2_7", "gres/gpu:a100=4,gres/gpu=4,gres/gpumem=3", end="Unknown", state="RUNNING", nodes="n[1-2]")
        + line("3+1", "gres/gpu:a100=1,gres/gpu:h100=2,gres/gpu=3")
        + line("4", "cpu=1")
        + line("5", "", "Unknown", "Unknown", state="PENDING", asked="gres/gpu=8", nodes="None assigned")
        + line("6", "gres/gpu:a100_1g.5gb=7,gres/gpu=7")
        + "7|c|short\n"
    )
    outcome = desk.bring("jobs", HEAD + rows, MAP, "dump.txt")

    taken = (
        desk.taken("jobs")
        .sort("row", "accelerator")
        .select("row", "workload_id", "accelerator", "quantity_ppm", "node", "outcome")
    )
    assert taken.rows() == [
        (1, "1", "gpu", 2_000_000, "n1", "CANCELLED"),
        (4, "2_7", "a100", 4_000_000, None, "RUNNING"),
        (5, "3+1", "a100", 1_000_000, "n1", "COMPLETED"),
        (5, "3+1", "h100", 2_000_000, "n1", "COMPLETED"),
        (7, "5", "gpu", 8_000_000, None, "PENDING"),
        (8, "6", "a100_1g.5gb", 7_000_000, "n1", "COMPLETED"),
    ]
    assert outcome.notes["steps"] == 2
    assert outcome.notes["no_accelerator"] == 1
    assert outcome.notes["never_started"] == 1
    assert outcome.reasons == [("too few columns", 1)]
    assert desk.effective("jobs").height == 6


def test_requeued_attempts_are_attempts_of_one_job(desk: Desk) -> None:
    later = line("1", "gres/gpu=1", "2025-01-01T00:02:00", "2025-01-01T00:03:00")
    desk.bring("jobs", HEAD + line("1", "gres/gpu=1", state="REQUEUED") + later, MAP)
    assert desk.taken("jobs")["workload_id"].to_list() == ["1", "1"]


def test_a_mapping_overrides_the_defaults(desk: Desk) -> None:
    mapping = MAP + '[columns]\naccelerator = "\'mi300x\'"\npool = "lower(Account)"\nteam = "User"\n'
    desk.bring("jobs", HEAD + line("1", "gres/gpu=2"), mapping)
    assert desk.taken("jobs").select("accelerator", "pool", "team", "quantity_ppm").rows() == [
        ("mi300x", "acc", "u", 2_000_000)
    ]


def test_quantity_of_ones_own_takes_jobs_without_gres(desk: Desk) -> None:
    mapping = MAP + '[columns]\naccelerator = "\'tpu\'"\nquantity = "4"\n'
    outcome = desk.bring("jobs", HEAD + line("1", "cpu=2") + line("1.batch", "cpu=2"), mapping)
    assert (outcome.record.rows, outcome.notes) == (1, {"steps": 1})


def test_a_dump_without_alloctres(desk: Desk) -> None:
    with pytest.raises(InputError, match="has no AllocTRES column"):
        desk.bring("jobs", "JobID|Start|End\n1|2025-01-01|2025-01-02\n", MAP)


@pytest.mark.parametrize(("name", "lines", "gpu_jobs"), [("phillips", 4_285, 2), ("pozidriv", 11_704, 0)])
def test_shared_dumps(desk: Desk, shared_data: Path, name: str, lines: int, gpu_jobs: int) -> None:
    outcome = desk.bring("jobs", shared_data / "slurm_sacct_xdmod" / f"{name}.log", MAP)

    assert outcome.record.rows == gpu_jobs
    assert outcome.record.rows + outcome.notes["no_accelerator"] + outcome.record.rejected == lines
    if gpu_jobs:
        first = desk.taken("jobs").row(0, named=True)
        assert (first["workload_id"], first["account"], first["user"], first["quantity_ppm"]) == (
            "163485",
            "chaff",
            "noror",
            2_000_000,
        )
        assert (first["end_ms"] - first["start_ms"]) // 1000 == 10 * 86_400 + 13 * 3_600 + 27 * 60 + 6


@pytest.mark.parametrize(
    ("tres", "held"),
    [
        ("gres/gpu=4,gres/gpu:a100=2", [("a100", 2), ("gpu", 2)]),
        ("gres/gpu:a100=1,gres/gpu:h100=1,gres/gpu=5", [("a100", 1), ("gpu", 3), ("h100", 1)]),
        ("gres/gpu:a100=2,gres/gpu=2", [("a100", 2)]),
        ("gres/gpu:a100=2,gres/gpu=1", [("a100", 2)]),
        ("gres/gpu:a100=0,gres/gpu=3,gres/gpumem=9", [("a100", 0), ("gpu", 3)]),
    ],
)
def test_what_the_typed_counts_leave_is_kept(desk: Desk, tres: str, held: list[tuple[str, int]]) -> None:
    desk.bring("jobs", HEAD + line("1", tres) + line("2", "gres/gpu:a100=7"), MAP)
    found = desk.effective("jobs").filter(workload_id="1").sort("accelerator")
    assert found.select("accelerator", "quantity_ppm").rows() == [(a, n * 1_000_000) for a, n in held]
