"""Questions and parameters of `chipledger query`."""

from __future__ import annotations

import pytest

from accounting import questions
from tests.cli.conftest import Shell, refused

ASKED = ("query", "--question", "team_bills")
OWN = "SELECT COUNT(*) AS n FROM charges WHERE charges.day >= @first\n-- @first DATE: first day"


def test_a_question_is_answered(shell: Shell) -> None:
    done = shell(*ASKED, "--set", "month=2025-01", "--format", "csv")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "team,charge_kind,hours,cost,unpriced_hours",
        "platform,unallocated,59.000,118.00,0.000",
    ]


def test_the_list_has_every_question_with_its_parameters(shell: Shell) -> None:
    listed = shell("query", "--list").stdout.splitlines()

    assert [line.partition(":")[0] for line in listed if not line.startswith(" ")] == questions.names()
    at = listed.index("idle_workloads: Which workloads held accelerators idle for long, and do they still?")
    assert listed[at + 2 : at + 4] == [
        "    --set to=… (DATE): last day",
        "    --set hours=… (NUMERIC, 8 if not set): accelerator-hours idle at least",
    ]


def test_a_query_of_ones_own_declares_parameters(shell: Shell) -> None:
    counts = [
        shell("query", OWN, "--set", f"first=2025-01-0{n}", "--format", "csv").stdout.split()[1] for n in (1, 2, 3)
    ]

    assert int(counts[0]) > int(counts[1]) > int(counts[2]) == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("query",), "give a query, - or --question NAME"),
        (("query", "SELECT 1", "--question", "faults"), "give a query, - or --question NAME"),
        (("query", "--question", "fault"), "no question is called 'fault': did you mean faults?"),
        (ASKED, "give --set month=… (billing month, YYYY-MM)"),
        ((*ASKED, "--set", "month"), "--set month: write --set NAME=VALUE"),
        ((*ASKED, "--set", "moth=2025-01"), "the query has no parameter 'moth': it has month"),
        (("query", "SELECT 1", "--set", "a=1"), "it declares none, as `-- @month STRING: meaning`"),
        (("query", OWN, "--set", "first=monday"), "is no DATE: write YYYY-MM-DD"),
        (("query", "SELECT @x AS x"), "no value is given for @x: write the value itself, or declare it"),
    ],
)
def test_a_question_that_cannot_be_asked_is_one_line(shell: Shell, args: tuple[str, ...], message: str) -> None:
    assert message in refused(shell, *args)
