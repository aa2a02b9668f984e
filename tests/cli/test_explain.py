"""chipledger explain, as people and programs read it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.cli.conftest import Shell, refused

Find = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def find(shell: Shell) -> Find:
    def asked(where: str) -> list[dict[str, Any]]:
        text = f"SELECT * FROM charges WHERE {where} ORDER BY charge_id"
        found: list[dict[str, Any]] = json.loads(shell("query", text, "--format", "json").stdout)
        return found

    return asked


def test_people_read_what_adds_up(shell: Shell, find: Find) -> None:
    (charge,) = find("workload_id = 'j1'")
    done = shell("explain", charge["charge_id"][:8])

    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "unowned bears 40.000000000 USD of usage for 2025-01-01 in 2025-01",
        "2.000000000 × 72,000.000 s ÷ 3600 = 40.000000000; rounding of 10 place-hours",
        "row 1 of prices.csv (import 3)",
        "unowned: what is held is borne by who held it",
        "1 row of jobs.csv",
        "no sample tells of this time",
    ):
        assert line in done.stdout
    titles = [line for line in done.stdout.splitlines() if re.fullmatch(r"[A-Z× ]+", line)]
    assert titles == [
        *("CHARGE", "PRICE × TIME", "PRICE", "WHO BEARS IT", "WHOSE WORKLOAD IT IS", "WHO HELD IT"),
        *("THAT IT WAS THERE", "WHAT IT DID", "VERSIONS"),
    ]


def test_programs_get_exact_amounts_and_all_rows(shell: Shell, find: Find) -> None:
    charge = find("state = 'unallocated_free' AND day = DATE '2025-01-01'")[0]
    done = shell("explain", charge["charge_id"], "--format", "json")
    found = json.loads(done.stdout)

    assert (found["agrees"], found["notice"]) == (True, "")
    facts = found["sections"]["arithmetic"]["facts"]
    assert facts["traced_cost"] == facts["published_cost"] == "98.000000000"
    rows = found["sections"]["arithmetic"]["tables"]["rows"]
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal(98) == charge["cost"]
    digests = {row["file"]: row["sha256"] for row in found["sections"]["versions"]["tables"]["imports"]}
    assert re.fullmatch("[0-9a-f]{64}", digests["prices.csv"])


def test_long_tables_are_cut_and_said_so(shell: Shell, find: Find) -> None:
    shell(*shell.put("samples", SAMPLES))
    assert shell("run").returncode == 0
    charge = find("workload_id = 'j2' AND charge_kind = 'idle'")[0]
    assert "(116 more)" in shell("explain", charge["charge_id"]).stdout
    assert "more)" not in shell("explain", charge["charge_id"], "--all").stdout


SAMPLES = "cluster,workload_id,start,end,busy\n" + "".join(
    f"east,j2,{start}:{minute:02d}:00Z,{start}:{minute + 2:02d}:00Z,{minute // 4 % 2 * 90}\n"
    for start in (f"2025-01-01T{hour:02d}" for hour in range(3, 23))
    for minute in range(0, 56, 2)
)


def test_a_day_that_waits_says_so(shell: Shell, find: Find) -> None:
    (charge,) = find("workload_id = 'j1'")
    shell(*shell.put("prices", "accelerator,price_per_hour,start\nH100-80GB,3,2025-01-01T12:00:00Z\n", name="more"))
    done = shell("explain", charge["charge_id"])
    assert done.returncode == 0
    assert done.stdout.startswith("inputs of this day changed since it was published, but not this charge")

    shell(*shell.put("teams", "selector,team\naccount=ml-a,nlp\n"))
    done = shell("explain", charge["charge_id"])
    assert done.returncode == 0
    assert done.stdout.startswith("inputs changed since this was published: as they are now they make no such charge")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("abcde", "give at least 6 characters of it; ids are in the column charge_id of"),
        ("zzzzzz", "no charge of what is published has an id that begins with 'zzzzzz'"),
    ],
)
def test_what_is_no_charge_is_refused(shell: Shell, given: str, why: str) -> None:
    assert why in refused(shell, "explain", given)


def test_what_is_published_nowhere_is_refused(empty: Shell) -> None:
    assert "no charge of what is published" in refused(empty, "explain", "abcdef")


def test_without_a_lake_it_says_who_can(shell: Shell) -> None:
    toml = shell.folder / "chipledger.toml"
    toml.write_text(toml.read_text() + '\n[bigquery]\nproject = "p"\ndataset = "d"\n')
    (shell.folder / "lake").rename(shell.folder / "elsewhere")
    done = shell("explain", "abcdef")
    assert done.returncode == 2
    assert "ask this on the host that imports" in done.stderr
