from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

MAP = """
[columns]
workload_id = "id"
accelerator = "gpu"
quantity = "n"
start = "start"
end = "end"
"""
HEAD = "id,gpu,n,start,end\n"


def test_a_file_of_jobs(desk: Desk) -> None:
    outcome = desk.bring("jobs", HEAD + "a,h100,0.5,2025-01-01T00:00:00Z,2025-01-01T01:00:00+00:30\nb,,2,1,\n", MAP)

    assert (outcome.record.rows, outcome.record.rejected) == (1, 1)
    assert outcome.reasons == [("accelerator is missing", 1)]
    row = desk.taken("jobs").row(0, named=True)
    assert (row["row"], row["workload_id"], row["quantity_ppm"]) == (1, "a", 500_000)
    assert (row["cluster"], row["pool"], row["node"]) == ("default", "", None)
    assert row["end_ms"] - row["start_ms"] == 1_800_000
    assert desk.leftovers() == []


def test_the_same_bytes_and_mapping_change_nothing(desk: Desk) -> None:
    first = desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP)
    generation = desk.lake.generation()
    again = desk.bring("jobs", HEAD + "a,h100,1,1,2\n", "# same\n" + MAP)

    assert not first.unchanged
    assert again.unchanged
    assert again.record == first.record
    assert desk.lake.generation() == generation


def test_the_same_bytes_with_another_mapping_replace(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP)
    desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP.replace('"gpu"', "\"'a100'\""))

    assert desk.taken("jobs")["accelerator"].to_list() == ["a100"]


def test_a_source_has_one_live_version(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP, source="nightly")
    desk.bring("jobs", HEAD + "b,h100,1,1,2\n", MAP, source="nightly")
    desk.bring("jobs", HEAD + "c,h100,1,1,2\n", MAP)

    assert desk.taken("jobs")["workload_id"].to_list() == ["b", "c"]


def test_a_name_is_given_to_what_was_imported_without(desk: Desk) -> None:
    first, second = HEAD + "a,h100,1,1,2\n", HEAD + "b,h100,1,1,2\n"
    desk.bring("jobs", first, MAP)
    named = desk.bring("jobs", first, MAP, source="nightly")

    assert named.named
    assert named.record.source == "nightly"
    assert desk.taken("jobs")["workload_id"].to_list() == ["a"]
    desk.bring("jobs", second, MAP, source="nightly")
    assert desk.taken("jobs")["workload_id"].to_list() == ["b"]


def test_a_name_that_is_given_late_replaces_the_versions_before(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP, source="nightly")
    desk.bring("jobs", HEAD + "b,h100,1,1,2\n", MAP, source="hourly")
    desk.bring("jobs", HEAD + "b,h100,1,1,2\n", MAP, source="nightly")

    assert [(i.source, i.state) for i in desk.lake.imports()] == [("nightly", "replaced"), ("nightly", "live")]
    assert desk.taken("jobs")["workload_id"].to_list() == ["b"]


def test_an_import_again_without_its_name_keeps_it(desk: Desk) -> None:
    desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP, source="nightly")
    again = desk.bring("jobs", HEAD + "a,h100,1,1,2\n", MAP)

    assert (again.unchanged, again.named, again.record.source) == (True, False, "nightly")


def test_a_row_without_start_never_started(desk: Desk) -> None:
    outcome = desk.bring("jobs", HEAD + "a,h100,1,,\nb,h100,0,5,6\nc,h100,0.3333333,5,5\n", MAP)

    assert outcome.notes == {"never_started": 1, "zero_quantity": 1, "quantity_rounding_rows": 1}
    assert outcome.record.rows == 3


def test_the_window_clips(desk: Desk) -> None:
    window = '[time]\nwindow_start = "1970-01-01T00:01:40Z"\nwindow_end = "1970-01-01T00:03:20Z"\n'
    rows = "a,x,1,,150\nb,x,1,150,\nc,x,1,50,250\nd,x,1,50,100\ne,x,1,200,210\nf,x,1,,\ng,x,1,60,50\n"
    outcome = desk.bring("jobs", HEAD + rows, window + MAP)

    spans = desk.taken("jobs").select(pl.col("start_ms") // 1000, pl.col("end_ms") // 1000).rows()
    assert spans == [(100, 150), (150, 200), (100, 200), (100, 200)]
    assert outcome.notes == {"outside_window": 2}
    assert outcome.reasons == [("end is before start", 1)]


def test_bad_rows_go_to_quarantine_with_reasons(desk: Desk) -> None:
    rows = [
        "a,x,1,yesterday,2",
        "b,x,1,3,2",
        "c,x,-1,1,2",
        "d,x,NaN,1,2",
        "e,x,,1,2",
        "f,x,1,1",
        "g,x,1,1,2,3",
        'h,x,"1,1,2',
    ]
    good = "z,x,1,1,1\n"
    outcome = desk.bring("jobs", HEAD + "\n".join(rows[:7]) + "\n" + good, MAP)

    assert outcome.record.rows == 1
    assert desk.taken("jobs")["row"].to_list() == [8]
    assert desk.rejected() == [
        (1, "start", "start: 'yesterday' is not a time"),
        (2, "end", "end is before start"),
        (3, "quantity", "quantity: '-1' is negative"),
        (4, "quantity", "quantity: 'NaN' is not a number"),
        (5, "quantity", "quantity is missing"),
        (6, "end", "too few columns: 4 where there should be 5"),
        (7, None, "too many columns: 6 where there should be 5"),
    ]
    with pytest.raises(InputError, match="row 1: a quote is opened and never closed"):
        desk.bring("jobs", HEAD + rows[7] + "\n" + good * 3, MAP)


def test_strict_imports_nothing(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"1 rows are bad .start is not a time: 1.: nothing was imported"):
        desk.bring("jobs", HEAD + "a,x,1,?,2\nb,x,1,1,2\n", MAP, strict=True)
    assert desk.lake.imports() == []
    assert desk.leftovers() == []


def test_of_a_key_that_stands_twice_the_largest_end_stays(desk: Desk) -> None:
    rows = "a,x,1,1,5\na,x,2,1,\na,x,3,1,9\nb,x,1,1,5\nb,x,2,1,5\n,x,1,1,5\n,x,1,1,5\n"
    outcome = desk.bring("jobs", HEAD + rows, MAP)

    assert desk.taken("jobs").select("row", "workload_id").rows() == [(2, "a"), (5, "b"), (6, None), (7, None)]
    assert outcome.reasons == [("duplicate key in the file", 3)]
    assert [row for row, _, reason in desk.rejected() if reason == "duplicate key in the file"] == [1, 3, 4]


def test_where_leaves_rows_out(desk: Desk) -> None:
    outcome = desk.bring("jobs", HEAD + "a,x,1,1,2\nb,y,1,bad,2\nc,,1,1,2\n", "where = \"gpu IN ('x', 'z')\"\n" + MAP)

    assert desk.taken("jobs")["workload_id"].to_list() == ["a"]
    assert outcome.notes == {"filtered": 2}
    assert outcome.reasons == []


def test_duration_stands_in_for_a_missing_end(desk: Desk) -> None:
    mapping = MAP.replace('end = "end"', 'end = "end"\nduration = "took"')
    head = HEAD.replace("end\n", "end,took\n")
    desk.bring("jobs", head + "a,x,1,10,,1-00:00:01\nb,x,1,10,20,5\nc,x,1,10,,2.5\nd,x,1,10,,\ne,x,1,10,,-1\n", mapping)

    ends = desk.taken("jobs")["end_ms"].to_list()
    assert ends == [86_411_000, 20_000, 12_500, None]
    assert desk.rejected() == [(5, "end", "end is before start")]


def test_compressed_files(desk: Desk) -> None:
    outcome = desk.bring("jobs", gzip.compress((HEAD + "a,x,1,1,2\n" * 9).encode()), MAP, "file.csv.gz")
    assert outcome.record.rows == 1
    assert outcome.reasons == [("duplicate key in the file", 8)]


def test_shared_openb(desk: Desk, shared_data: Path) -> None:
    mapping = """
    [time]
    origin = "2023-01-01T00:00:00Z"
    [columns]
    workload_id = "name"
    accelerator = "'gpu'"
    quantity = "num_gpu * gpu_milli / 1000.0"
    start = "scheduled_time"
    end = "deletion_time"
    """
    outcome = desk.bring("jobs", shared_data / "alibaba_openb_2023" / "openb_pod_list_default.csv", mapping)

    assert (outcome.record.rows, outcome.record.rejected) == (8_152, 0)
    assert outcome.notes == {"never_started": 897, "zero_quantity": 1_088}
    held = (pl.col("end_ms") - pl.col("start_ms")) * pl.col("quantity_ppm") // 1_000_000
    assert desk.taken("jobs").select(held.sum()).item() == 185_294_426_970
