"""Bad files through `import`: one line, exit status 2, nothing imported."""

from __future__ import annotations

import gzip
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import CAPACITY, JOBS, PRICES, Shell, mapping, refused

ROW = "{},ml-a,,ann,,east,train,H100-80GB,{},{},{}\n"
BAD_ROWS = {
    "unparsable time": ROW.format("x", 1, "yesterday", "2025-01-01T10:00:00Z"),
    "end before start": ROW.format("x", 1, "2025-01-01T10:00:00Z", "2025-01-01T09:00:00Z"),
    "negative quantity": ROW.format("x", -1, "2025-01-01T10:00:00Z", "2025-01-01T11:00:00Z"),
    "too few columns": "x,1\n",
}


def given(shell: Shell, name: str, data: bytes, told: str) -> tuple[str, ...]:
    (shell.folder / name).write_bytes(data)
    (shell.folder / "new.toml").write_text(told)
    return ("import", "jobs", name, "--mapping", "new.toml")


def test_a_missing_column(empty: Shell) -> None:
    line = refused(empty, *given(empty, "new.csv", JOBS.encode(), mapping(JOBS).replace('"quantity"', '"gpus"')))
    assert "gpus" in line


def test_a_column_that_no_mapping_gives(empty: Shell) -> None:
    line = refused(empty, *given(empty, "new.csv", JOBS.encode(), mapping(JOBS).replace("quantity =", "# quantity =")))
    assert "jobs need 'quantity'" in line


@pytest.mark.parametrize(
    "text", ["quantity +", "no_function(quantity)", "quantity * missing", "CAST(quantity AS nothing)"]
)
def test_a_bad_expression(empty: Shell, text: str) -> None:
    line = refused(empty, *given(empty, "new.csv", JOBS.encode(), mapping(JOBS).replace('"quantity"', f'"{text}"')))
    assert "quantity" in line


@pytest.mark.parametrize("bad", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_bad_row_goes_to_quarantine_and_strict_takes_nothing(empty: Shell, bad: str) -> None:
    args = given(empty, "new.csv", (JOBS + bad).encode(), mapping(JOBS))
    assert "1 rows are bad" in refused(empty, *args, "--strict")

    done = empty(*args)

    assert done.returncode == 0, done.stderr
    assert "5 jobs imported as import 1, 1 rejected" in done.stdout
    assert "rejected 1: " in done.stdout


def test_a_compressed_file_that_was_cut(empty: Shell) -> None:
    whole = gzip.compress((JOBS + BAD_ROWS["negative quantity"] * 2000).encode())
    assert "cut" in refused(empty, *given(empty, "new.csv.gz", whole[: len(whole) // 2], mapping(JOBS)))


def test_a_csv_file_that_was_cut_in_a_line(empty: Shell) -> None:
    assert "cut" in refused(empty, *given(empty, "new.csv", JOBS.encode()[:-40], mapping(JOBS)))


def test_a_parquet_file_that_was_cut(empty: Shell, tmp_path: Path) -> None:
    pl.read_csv(JOBS.encode()).write_parquet(tmp_path / "whole.parquet")
    data = (tmp_path / "whole.parquet").read_bytes()
    assert "cut" in refused(
        empty, *given(empty, "new.parquet", data[: len(data) // 2], 'format = "parquet"\n' + mapping(JOBS))
    )


def test_a_parquet_file_damaged_inside(empty: Shell, tmp_path: Path) -> None:
    pl.concat([pl.read_csv(JOBS.encode())] * 500).write_parquet(tmp_path / "whole.parquet", compression="zstd")
    data = bytearray((tmp_path / "whole.parquet").read_bytes())
    data[8:200] = bytes(192)
    refused(empty, *given(empty, "new.parquet", bytes(data), 'format = "parquet"\n' + mapping(JOBS)))


def test_a_file_that_is_not_utf_8(empty: Shell) -> None:
    args = given(empty, "new.csv", JOBS.replace("ann", "änn").encode("latin-1"), mapping(JOBS))
    assert "1 rows are bad (not UTF-8: 1)" in refused(empty, *args, "--strict")

    done = empty(*args)

    assert "4 jobs imported as import 1, 1 rejected" in done.stdout
    assert "rejected 1: not UTF-8" in done.stdout


def test_a_mapping_that_is_not_utf_8_or_not_toml(empty: Shell) -> None:
    args = given(empty, "new.csv", JOBS.encode(), "[columns")
    assert "not TOML" in refused(empty, *args)
    (empty.folder / "new.toml").write_bytes(b'[columns]\nuser = "\xe4"\n')
    assert "not TOML" in refused(empty, *args)


@pytest.mark.parametrize("data", [b"", b"\n", JOBS.partition("\n")[0].encode() + b"\n"])
def test_an_empty_file(empty: Shell, data: bytes) -> None:
    refused(empty, *given(empty, "new.csv", data, mapping(JOBS)))


def test_files_that_are_not_there(empty: Shell) -> None:
    args = given(empty, "new.csv", JOBS.encode(), mapping(JOBS))
    assert "none.csv" in refused(empty, "import", "jobs", "none.csv", *args[3:])
    assert "none.toml" in refused(empty, *args[:3], "--mapping", "none.toml")
    assert "policies" in refused(empty, "import", "jobs", "policies", *args[3:])


def test_a_kind_that_is_none(empty: Shell) -> None:
    assert "'job' is not one of" in refused(empty, "import", "job", "new.csv", "--mapping", "new.toml")


def test_prices_that_overlap(empty: Shell) -> None:
    book = (
        "accelerator,price_per_hour,start,end\nH100-80GB,2,2025-01-01,2025-02-01\nH100-80GB,3,2025-01-15,2025-03-01\n"
    )
    line = refused(empty, *empty.put("prices", book))
    assert "row 1 of prices.csv" in line
    assert "row 2 of prices.csv" in line


def test_a_price_that_overlaps_what_is_there(shell: Shell) -> None:
    line = refused(shell, *shell.put("prices", PRICES.replace(",2", ",3"), "other"))
    assert "prices.csv" in line
    assert "other.csv" in line


def test_a_negative_price_and_a_currency_that_is_none(empty: Shell) -> None:
    book = "accelerator,price_per_hour,currency\nH100-80GB,-2,USD\nA100-80GB,1,dollars\n"
    assert "2 rows are bad" in refused(empty, *empty.put("prices", book), "--strict")


def test_two_teams_that_claim_one_selector(empty: Shell) -> None:
    line = refused(empty, *empty.put("teams", "selector,team\naccount=ml-*,nlp\naccount=ml-*,vision\n"))
    assert "account=ml-*" in line
    assert "nlp" in line
    assert "vision" in line


def test_a_selector_with_an_unknown_fact(empty: Shell) -> None:
    assert "1 rows are bad" in refused(empty, *empty.put("teams", "selector,team\ncolor=red,nlp\n"), "--strict")


def test_a_row_of_a_million_accelerators_goes_through(empty: Shell) -> None:
    head = "workload_id,accelerator,quantity,start,end\n"
    span = "2025-01-01T00:00:00Z,2025-01-01T03:00:00Z"
    for kind, text in {
        "jobs": f"{head}j,H100-80GB,1000000,{span}\nk,H100-80GB,999999.999999,{span}\n",
        "capacity": f"accelerator,quantity,start,end\nH100-80GB,1000000,{span}\n",
        "prices": "accelerator,price_per_hour\nH100-80GB,98.765432109\n",
        "samples": f"workload_id,start,end,busy\nj,{span},33.3333\n",
    }.items():
        assert ", 0 rejected" in empty(*empty.put(kind, text)).stdout

    for command in ("run", "check"):
        done = empty(command)
        assert done.returncode == 0, done.stderr
        assert "residual: 0 accelerator-seconds, 0 cost" in done.stdout


@pytest.mark.parametrize("quantity", ["0.333333", "0.000003", "0.000005", "12345.678901", "1000000"])
def test_quantities_times_chips_round_half_even_here_and_in_the_checks(empty: Shell, quantity: str) -> None:
    span = "2025-01-01T00:00:00Z,2025-01-01T03:00:00Z"
    name, chips = ("v4-7", Decimal("3.5")) if quantity != "1000000" else ("v4-2", Decimal(1))
    expected = int((Decimal(quantity) * chips * 1_000_000).to_integral_value(ROUND_HALF_EVEN))
    for kind in ("jobs", "capacity"):
        assert empty(*empty.put(kind, f"accelerator,quantity,start,end\n{name},{quantity},{span}\n")).returncode == 0

    done = empty("run")
    assert done.returncode == 3, done.stderr
    found = empty(
        "query", "SELECT CAST(MAX(quantity) * 1000000 AS INT64) AS n FROM workloads", "--format", "csv"
    ).stdout
    assert found.split() == ["n", str(expected)]


@pytest.mark.parametrize(
    ("name", "text", "told", "words"),
    [
        ("j.csv", JOBS.encode(), '[time]\nunit = "h"\n', ["[time]: unit: 'h' is no unit", "s, ms, us, ns"]),
        ("j.csv", JOBS.encode("utf-16"), "", ["j.csv: looks like UTF-16", 'encoding = "utf-16"']),
        ("j.csv", JOBS.encode("utf-16-le"), "", ["j.csv: looks like UTF-16"]),
        ("s.txt", b"JobID|Start|End\n1|Unknown|Unknown\n", 'format = "sacct"\n', ["s.txt: ", "AllocTRES"]),
    ],
)
def test_messages_say_where_and_what_to_do(empty: Shell, name: str, text: bytes, told: str, words: list[str]) -> None:
    (empty.folder / name).write_bytes(text)
    columns = "" if "sacct" in told else "[columns]\n" + mapping(JOBS).partition("[columns]\n")[2]
    (empty.folder / "m.toml").write_text(told + columns)
    line = refused(empty, "import", "jobs", name, "--mapping", "m.toml")
    assert all(word in line for word in words), line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[policy]\nidle = "usage"\n', "policies/p.toml: from: is missing: add `from = …`"),
        (
            'from = 2025-01-01\n[policy]\nidle = "nobody"\n',
            "policies/p.toml: policy.idle: 'nobody' is not known: write one of",
        ),
        (
            'from = 2025-01-01\n[policy]\nunallocated = "x"\n',
            "policy.unallocated: 'x' is not known: write one of owner, usage",
        ),
    ],
)
def test_policies_say_which_values_there_are(empty: Shell, text: str, said: str) -> None:
    (empty.folder / "policies" / "p.toml").write_text(text)
    assert said in refused(empty, "run")


def test_rows_that_cannot_be_read_are_told_in_our_words(empty: Shell) -> None:
    path = empty.folder / "bad.csv"
    head = b"accelerator,quantity,start,end\n"
    path.write_bytes(head + b'a,1\na,1,1,2,3\ncaf\xe9,1,1,2\na,"1"x,1,2\na,1,1,2\n')
    (empty.folder / "m.toml").write_text(mapping(head.decode()))
    assert ", 4 rejected" in empty("import", "jobs", "bad.csv", "--mapping", "m.toml").stdout
    rows = empty("query", "SELECT row, `column`, reason FROM quarantine ORDER BY row", "--format", "csv").stdout
    assert rows.splitlines()[1:] == [
        "1,start,too few columns: 2 where there should be 4",
        "2,,too many columns: 5 where there should be 4",
        '3,accelerator,"not UTF-8: say `encoding` in the mapping, or correct the text"',
        '4,quantity,"a quote inside a value: double it, or put the value in quotes"',
    ]


def test_capacity_that_adds_up_says_so(shell: Shell) -> None:
    """The same pool in a second file, forgotten --source: twice the accelerators."""
    again = shell(*shell.put("capacity", CAPACITY.replace(",4", ",5")))
    assert again.returncode == 0
    assert (
        "adds to what import 2 states of the same pools; if it replaces that, undo it, and use --source" in again.stdout
    )

    other = shell(*shell.put("capacity", CAPACITY.replace("train", "dev")))
    assert "adds to" not in other.stdout
