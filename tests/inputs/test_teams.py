from __future__ import annotations

import pytest

from accounting.errors import InputError
from tests.inputs.conftest import Desk

MAP = '[columns]\nselector = "sel"\nteam = "team"\nstart = "s"\nend = "e"\npriority = "p"\n'
HEAD = "sel,team,s,e,p\n"


def test_rules(desk: Desk) -> None:
    outcome = desk.bring("teams", HEAD + "account=ml-*,ml,,,\nacount=x,y,,,\nuser=a,,,,\nuser=b,b,,,1.5\n", MAP)

    assert desk.taken("teams").select("selector", "team", "priority").rows() == [("account=ml-*", "ml", 0)]
    assert [column for _, column, _ in desk.rejected()] == ["selector", "team", "priority"]
    assert outcome.record.rejected == 3


def test_two_teams_cannot_claim_one_selector_at_once(desk: Desk) -> None:
    desk.bring("teams", HEAD + "account=x cluster=c,one,,100,\n", MAP, "a.csv")
    desk.bring(
        "teams", HEAD + "cluster=c & account=x,two,100,,\nuser=z,one,,,\nuser=z,one,,,\nuser=z,two,,,5\n", MAP, "b.csv"
    )
    with pytest.raises(
        InputError, match=r"two teams claim 'account=x cluster=c': row 1 of a.csv .one. and row 1 of c.csv"
    ):
        desk.bring("teams", HEAD + "cluster=c account=x,three,50,60,\n", MAP, "c.csv")

    assert desk.effective("teams").height == 4


def test_two_teams_in_one_file(desk: Desk) -> None:
    with pytest.raises(InputError, match=r"row 1 of file.csv .a. and row 2 of file.csv .b."):
        desk.bring("teams", HEAD + "user=z,a,,,\nuser=z,b,,,\n", MAP)
