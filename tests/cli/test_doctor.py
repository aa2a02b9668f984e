from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import JOBS, Shell


def lines(shell: Shell, *args: str) -> tuple[int, dict[str, str]]:
    done = shell("doctor", *args)
    found = [line.partition("  ")[::2] for line in done.stdout.splitlines()]
    return done.returncode, {text.strip().partition(":")[0]: f"{level.strip()} {text.strip()}" for level, text in found}


def test_a_sound_project_has_no_failure(shell: Shell) -> None:
    status, found = lines(shell, "--deep")

    assert status == 0, found
    assert not [line for line in found.values() if line.startswith("fail")]
    wanted = (
        "python, polars, duckdb, time zones, settings, policies, lake, catalog, files, orphans, disk, writing, engine, "
        "clock, prices, currency, teams"
    )
    assert set(wanted.split(", ")) <= found.keys()


def test_without_a_project_it_says_how_to_make_one(shell: Shell, tmp_path: Path) -> None:
    done = shell("doctor", cwd=tmp_path)

    assert done.returncode == 1
    assert "fail  settings: " in done.stdout
    assert "chipledger init" in done.stdout


def test_a_damaged_file_is_found_by_size_and_deep_by_digest(shell: Shell) -> None:
    one = next((shell.folder / "lake" / "data" / "usage").iterdir())
    data = bytearray(one.read_bytes())
    data[16] ^= 1  # in a page of values: the footer, at the end, is read by every question
    one.write_bytes(data)
    assert lines(shell)[0] == 0
    status, found = lines(shell, "--deep")
    assert (status, found["files"].partition("the first")[0]) == (
        1,
        "fail files: 1 of 13 files that count are damaged, ",
    )

    one.write_bytes(data[:100])
    assert "has 100 bytes" in lines(shell)[1]["files"]
    one.unlink()
    assert "No such file" in lines(shell)[1]["files"]


def test_bad_settings_and_policies_are_told_apart(shell: Shell) -> None:
    (shell.folder / "policies" / "late.toml").write_text('from = "soon"\n')
    assert lines(shell)[1]["policies"].startswith("fail policies: policies/late.toml: from:")

    (shell.folder / "chipledger.toml").write_text("[lak]\n")
    status, found = lines(shell)
    assert status == 1
    assert "did you mean lake?" in found["settings"]


def test_orphans_and_times_ahead_are_warnings(shell: Shell) -> None:
    (shell.folder / "lake" / "data" / "usage" / "left.partial").write_bytes(b"x")
    soon = (datetime.now(UTC) + timedelta(days=3)).date()
    assert shell(*shell.put("jobs", JOBS.replace("2025-01-02T04", f"{soon}T04"))).returncode == 0

    status, found = lines(shell)

    assert status == 0
    assert found["orphans"].startswith("warn orphans: 1 files")
    assert "watermark of east" in found["clock"]


@pytest.mark.parametrize(
    ("kind", "csv", "line"),
    [
        ("prices", "accelerator,price_per_hour,currency\nB200,3,EUR\n", "currency"),
        ("prices", "accelerator,price_per_hour,region\nH100-80GB,3,eu\nmine,4,eu\n", "prices"),
        ("teams", "selector,team\nuser=ca*,a\nuser=*at,b\n", "teams"),
    ],
)
def test_inputs_that_contradict_each_other_fail(shell: Shell, kind: str, csv: str, line: str) -> None:
    assert shell(*shell.put(kind, csv, "more")).returncode == 0
    if line == "prices":
        (shell.folder / "chipledger.toml").write_text('[accelerators]\nmine = "H100-80GB"\n')
        capacity = "cluster,pool,accelerator,quantity,region\neu,train,H100-80GB,4,eu\n"
        assert shell(*shell.put("capacity", capacity, "eu")).returncode == 0

    status, found = lines(shell)

    assert status == 1, found
    assert found[line].startswith(f"fail {line}: ")


def test_a_damaged_catalog_fails(shell: Shell) -> None:
    catalog = shell.folder / "lake" / "catalog.sqlite"
    with sqlite3.connect(catalog) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    catalog.write_bytes(catalog.read_bytes()[:4096] + b"\0" * 8192)

    status, found = lines(shell)

    assert status == 1
    assert any(line.startswith("fail") for line in found.values())
