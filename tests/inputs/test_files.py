from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import polars as pl
import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

MAP = """
[columns]
accelerator = "gpu"
quantity = "n"
start = "start"
duration = "5"
"""
HEAD = "gpu,n,start\n"
ROWS = "h100,1,1\n" * 3


def zstd(rows: int) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv.zst"
        duckdb.sql(f"COPY (SELECT 'h100', i, 1 FROM range({rows}) t (i)) TO '{path}' (HEADER false, COMPRESSION zstd)")
        return path.read_bytes()


ZSTD = zstd(50_000)


def test_json_lines(desk: Desk) -> None:
    lines = (
        '{"gpu": "h100", "n": 1, "start": 10}\n'
        "\n"
        '{"gpu": "it\'s", "n": 0.5, "start": "2025-01-01", "more": {"x": [1]}}\n'
        "[1]\n"
        '{"gpu": oops}\n'
        '{"gpu": null, "n": 1, "start": 1}\n'
    )
    outcome = desk.bring("jobs", lines, 'format = "json lines"\n' + MAP, "file.jsonl")

    assert desk.taken("jobs").select("row", "accelerator", "quantity_ppm").rows() == [
        (1, "h100", 1_000_000),
        (3, "it's", 500_000),
    ]
    assert outcome.reasons == [("accelerator is missing", 1), ("not JSON", 1), ("not an object", 1)]
    assert [row for row, *_ in desk.rejected()] == [4, 5, 6]


def test_parquet_keeps_its_types(desk: Desk) -> None:
    frame = pl.DataFrame(
        {"gpu": ["h100", "", "?"], "n": [0.5, 1.0, 1.0], "start": pl.Series(["2025-01-01"] * 3).str.to_date()}
    )
    frame = frame.with_columns(pl.col("start").cast(pl.Datetime("us", "UTC")))
    frame.write_parquet(desk.folder / "file.parquet")
    outcome = desk.bring("jobs", desk.folder / "file.parquet", 'format = "parquet"\nnulls = ["?"]\n' + MAP)

    assert outcome.reasons == [("accelerator is missing", 2)]
    assert desk.taken("jobs").select("quantity_ppm", "start_ms", "end_ms").rows() == [
        (500_000, 1_735_689_600_000, 1_735_689_605_000)
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252", "utf-8-sig"])
def test_encodings(desk: Desk, encoding: str) -> None:
    desk.bring("jobs", (HEAD + "größe,1,1\n").encode(encoding), f'encoding = "{encoding}"\n' + MAP)
    assert desk.taken("jobs")["accelerator"].to_list() == ["größe"]


def test_rows_that_are_not_utf8_are_rejected(desk: Desk) -> None:
    outcome = desk.bring("jobs", HEAD.encode() + b"a,1,1\n\xff\xfe,1,1\nb,1,1\n", MAP)

    assert outcome.reasons == [("not UTF-8", 1)]
    assert desk.taken("jobs").select("row", "accelerator").rows() == [(1, "a"), (3, "b")]


def test_other_separators_names_and_nulls(desk: Desk) -> None:
    mapping = 'separator = ";"\nnames = ["gpu", "n", "start"]\nnulls = ["NULL", "-"]\n' + MAP
    outcome = desk.bring("jobs", "h100;1;1\nNULL;1;1\nh100;-;1\n", mapping)

    assert outcome.record.rows == 1
    assert outcome.reasons == [("accelerator is missing", 1), ("quantity is missing", 1)]


def test_quoted_values_and_headers(desk: Desk) -> None:
    text = '"the gpu","n",start\r\n"a ""b"", c",1,1\r\n"two\r\nlines",1,1\r\n"",1,1\r\n'
    desk.bring("jobs", text, MAP.replace('"gpu"', "'\"the gpu\"'"))
    assert desk.taken("jobs")["accelerator"].to_list() == ['a "b", c', "two\r\nlines"]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "f.csv", "the file is empty"),
        (HEAD.encode(), "f.csv", "the file has no rows"),
        ((HEAD + ROWS + "h100,1").encode(), "f.csv", "row 4: the file ends in the middle of the row"),
        (gzip.compress((HEAD + ROWS * 9_999).encode())[:-9], "f.csv.gz", "cannot be read to its end .*GZIP"),
        (ZSTD[:-1], "f.csv.zst", "no whole zstd file"),
        (b"gpu,n,n\nh100,1,1\n", "f.csv", "header has 'n' twice .columns 2 and 3."),
        (b"gpu,,start\nh100,1,1\n", "f.csv", "column 2 has no name"),
        (b"gpu,m,start\nh100,1,1\n", "f.csv", r"\[columns\]: quantity: f.csv has no column 'n'.*gpu, m, start"),
    ],
)
def test_a_file_that_is_bad_as_a_whole(desk: Desk, content: bytes, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        desk.bring("jobs", content, MAP, name)

    assert "\n" not in str(error.value)
    assert desk.lake.imports() == []
    assert desk.leftovers() == []


def test_whole_zstd_files(desk: Desk) -> None:
    desk.bring("jobs", ZSTD + ZSTD, 'header = false\nnames = ["gpu", "n", "start"]\n' + MAP, "f.csv.zst")
    assert desk.taken("jobs").height == 2 * 50_000


def test_cut_parquet_and_json(desk: Desk) -> None:
    pl.DataFrame({"gpu": ["a"]}).write_parquet(desk.folder / "whole")
    with pytest.raises(InputError, match="no readable Parquet file"):
        desk.bring("jobs", (desk.folder / "whole").read_bytes()[:-5], 'format = "parquet"\n' + MAP, "f.parquet")
    with pytest.raises(InputError, match="row 2: the file ends in the middle of the line"):
        desk.bring("jobs", '{"gpu": "a", "n": 1, "start": 1}\n{"gpu": "a', 'format = "jsonl"\n' + MAP, "f.jsonl")


def test_no_such_file(desk: Desk) -> None:
    with pytest.raises(InputError, match="No such file"):
        desk.bring("jobs", desk.folder / "nowhere.csv", MAP)


def test_many_rows_keep_their_numbers_beside_bad_lines(desk: Desk) -> None:
    lines = [f"g{n},1,1" if n % 1_000 else f"g{n},1" for n in range(1, 300_001)]
    outcome = desk.bring("jobs", HEAD + "\n".join(lines) + "\n", MAP)

    assert outcome.record.rejected == 300
    assert desk.taken("jobs").select((pl.col("accelerator") == "g" + pl.col("row").cast(pl.String)).all()).item()
    assert [row for row, *_ in desk.rejected()] == list(range(1_000, 300_001, 1_000))


@pytest.mark.parametrize("cut", [1, 4, 12])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_cut_inside_a_quoted_value_is_refused(desk: Desk, cut: int, suffix: str) -> None:
    row = '"team, the {}",h100,1,1,2\n'
    text = (HEAD + "".join(row.format(n) for n in range(3_000)) + row.format(0)[:cut]).encode()
    with pytest.raises(InputError, match="row 3001: a quote is opened and never closed: the file was cut"):
        desk.bring("jobs", gzip.compress(text) if suffix else text, MAP, f"file.csv{suffix}")
