from __future__ import annotations

from collections.abc import Callable

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inputs.conftest import Desk

MAP = '[columns]\nworkload_id = "id"\nnode = "node"\naccelerator = "gpu"\nquantity = "n"\nstart = "s"\nend = "e"\n'
HEAD = "id,node,gpu,n,s,e\n"
CAPACITY = '[columns]\ndevice_id = "d"\nnode = "node"\naccelerator = "gpu"\nquantity = "n"\nstart = "s"\nend = "e"\n'
CAPACITY_HEAD = "d,node,gpu,n,s,e\n"


def test_a_later_import_of_a_key_replaces_it(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,n1,x,1,1,\nb,,x,1,1,2\n,,x,1,1,2\n", MAP, "monday.csv")
    desk.bring("jobs", HEAD + "a,n1,x,1,1,9\nb,n1,x,1,1,2\n,,x,1,1,2\n", MAP, "tuesday.csv")

    rows = desk.effective("jobs").select("import_seq", "workload_id", "node", "end_ms").rows()
    assert rows == [
        (1, "b", None, 2_000),
        (1, None, None, 2_000),
        (2, "a", "n1", 9_000),
        (2, "b", "n1", 2_000),
        (2, None, None, 2_000),
    ]


def test_an_undone_import_brings_the_former_rows_back(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,,x,1,1,\n", MAP, "monday.csv")
    second = desk.bring("jobs", HEAD + "a,,x,1,1,9\n", MAP, "tuesday.csv")
    desk.lake.undo_import(second.record.seq)
    assert desk.effective("jobs")["end_ms"].to_list() == [None]


def test_a_job_that_started_no_longer_waits(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,,x,1,,\nb,,x,1,,\n,,x,1,,\n", MAP, "monday.csv")
    desk.bring("jobs", HEAD + "a,n1,x,1,5,\n", MAP, "tuesday.csv")
    desk.bring("jobs", HEAD + "a,,x,1,,\n", MAP, "requeued.csv")

    rows = desk.effective("jobs").select("import_seq", "workload_id", "start_ms").rows()
    assert rows == [(1, "b", None), (1, None, None), (2, "a", 5_000), (3, "a", None)]


def test_a_later_start_cuts_a_device(desk: Desk) -> None:
    rows = "d1,n1,x,1,,\nd1,n1,y,1,10,\nd1,n1,x,1,20,30\n,n2,x,4,,\n,n2,x,2,50,\n,,x,7,,\n,,x,7,,\n"
    desk.bring("capacity", CAPACITY_HEAD + rows, CAPACITY)

    spans = desk.effective("capacity").select("row", "start_ms", "end_ms").rows()
    assert spans == [
        (1, None, 10_000),
        (2, 10_000, 20_000),
        (3, 20_000, 30_000),
        (4, None, 50_000),
        (5, 50_000, None),
        (6, None, None),
        (7, None, None),
    ]


def test_a_later_import_of_a_device_replaces_it(desk: Desk) -> None:
    desk.bring("capacity", CAPACITY_HEAD + "d1,n1,x,1,1,\nd2,n1,x,1,1,\n", CAPACITY, "a.csv")
    desk.bring("capacity", CAPACITY_HEAD + "d1,n1,x,1,1,5\nd2,n2,x,1,1,\n", CAPACITY, "b.csv")
    assert desk.effective("capacity").select("import_seq", "device_id", "end_ms").rows() == [
        (2, "d1", 5_000),
        (2, "d2", None),
    ]


JOBS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", ""]), st.sampled_from(["n1", ""]), st.integers(0, 3), st.integers(3, 9)),
    min_size=2,
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JOBS, st.data())
def test_a_file_in_two_parts_gives_the_same_rows(
    fresh_desk: Callable[[], Desk], jobs: list[tuple[str, str, int, int]], data: st.DataObject
) -> None:
    """Of one key the largest end stays in one file, the later import in two: exports in order of time agree."""
    ordered = sorted(jobs, key=lambda job: job[3])
    lines = [f"{job},{node},x,1,{start},{end}\n" for job, node, start, end in ordered]
    cut = data.draw(st.integers(1, len(lines) - 1))
    whole, parts = fresh_desk(), fresh_desk()
    whole.bring("jobs", HEAD + "".join(lines), MAP)
    parts.bring("jobs", HEAD + "".join(lines[:cut]), MAP, "1.csv")
    if lines[cut:] != lines[:cut]:
        parts.bring("jobs", HEAD + "".join(lines[cut:]), MAP, "2.csv")
        assert facts(whole) == facts(parts)


def facts(desk: Desk) -> list[tuple[object, ...]]:
    columns = ["workload_id", "node", "start_ms", "end_ms", "quantity_ppm"]
    return desk.effective("jobs").select(pl.col(columns)).sort(columns).rows()
