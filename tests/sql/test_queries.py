"""Every question of sql/queries over a company whose answers are known."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlglot import exp

import sql
from accounting import questions
from accounting.errors import InputError
from accounting.project import Project, open_project
from accounting.questions import OPENING, Value
from accounting.stores.lint import lint
from accounting.stores.subset import parse
from tests.sql.questions import CASES, Case, company

DECLARING = (
    "-- @day DATE: a day\n-- @n INT64 = 3: at least\n-- @x NUMERIC = NULL: more than\n-- @who STRING: who\nSELECT 1"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return open_project(company(tmp_path_factory.mktemp("questions") / "p"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.given[0]}")
def test_a_question_has_its_answer(project: Project, case: Case) -> None:
    text = questions.read(case.name)
    found = project.query(text, questions.values(text, case.given))

    assert found.columns == case.columns.split()
    assert found.rows() == list(case.rows)


def test_every_question_is_asked() -> None:
    assert {case.name for case in CASES} == set(questions.names())
    assert all(case.rows for case in CASES)


@pytest.mark.parametrize("name", questions.names())
def test_a_question_keeps_to_the_subset_and_declares_what_it_takes(name: str) -> None:
    text = sql.read(f"queries/{name}")
    taken = {node.name for node in parse(text).find_all(exp.Parameter)}

    assert lint(text) == []
    assert re.fullmatch(re.escape(OPENING) + r".+\?", text.partition("\n")[0])
    assert {one.name for one in questions.parameters(text)} == taken
    assert len(re.findall(r"(?m)^-- @", text)) == len(taken)


def test_the_age_counts_from_today(project: Project) -> None:
    text = questions.read("freshness")
    behind = project.query(text, questions.values(text, ()))["days_behind"].to_list()

    assert behind == [(datetime.now(UTC).date() - date(2026, 3, 2)).days] * 2


def test_a_value_has_the_declared_type() -> None:
    given = ("day=2026-03-01", "who=a=b", "x=-0.5")
    want: dict[str, Value] = {"day": date(2026, 3, 1), "n": 3, "x": Decimal("-0.5"), "who": "a=b"}

    assert questions.values(DECLARING, given) == want
    assert questions.values(DECLARING, (*given[:2], "n=-7")) == want | {"n": -7, "x": None}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["day=2026-03-01"], "give --set who=… (who)"),
        ([], "give --set day=… (a day), --set who=… (who)"),
        (["day"], "--set day: write --set NAME=VALUE"),
        (["dya=2026-03-01"], "no parameter 'dya': it has day, n, x, who"),
        (["day=20260301", "who=a"], "is no DATE: write YYYY-MM-DD"),
        (["day=2026-02-30", "who=a"], "day is out of range for month: write YYYY-MM-DD"),
        (["day=2026-03-01", "who=a", "n=1.5"], "is no INT64: write a whole number"),
        (["day=2026-03-01", "who=a", "x=1e3"], "is no NUMERIC: write a number with at most 9 decimals"),
    ],
)
def test_a_wrong_value_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        questions.values(DECLARING, given)
    assert message in str(caught.value)


def test_a_name_that_is_none_is_told_with_what_is_near() -> None:
    with pytest.raises(InputError, match="'idle_owner': did you mean idle_owners"):
        questions.read("idle_owner")
    with pytest.raises(InputError, match="'x': chipledger query --list has them"):
        questions.read("x")
    with pytest.raises(InputError, match=r"no question is called '\.\./commands/held'"):
        questions.read("../commands/held")


def test_the_product_asks_in_files_of_its_own(root: Path) -> None:
    code = [file.read_text("utf-8") for package in ("accounting", "app") for file in (root / package).rglob("*.py")]
    assert not any('read("queries/' in text or 'read(f"queries/' in text for text in code)
