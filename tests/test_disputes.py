"""Disputes: what they need, what a credit moves and where, and that both stay on record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from accounting.close import close, reopen
from accounting.disputes import credits_of, dispute, resolve
from accounting.errors import InputError
from accounting.explain.explained import explained
from accounting.inputs.importing import silent
from accounting.stores import disputes
from accounting.stores.lake import Conflict
from accounting.verify import verified
from tests.test_pipeline import NOW, Ledger

JANUARY, FEBRUARY = "2025-01", "2025-02"
WHY = "the node was down"


def dearest(ledger: Ledger, month: str = JANUARY) -> dict[str, Any]:
    """The costliest charge of a team that is not the platform."""
    text = f"SELECT * FROM charges WHERE month = '{month}' AND team <> 'platform' ORDER BY cost DESC LIMIT 1"
    (row,) = ledger.project.query(text).to_dicts()
    return row


def costs(ledger: Ledger, month: str) -> dict[str, Decimal]:
    text = f"SELECT team, SUM(cost) AS cost FROM charges WHERE month = '{month}' GROUP BY team"
    return dict(ledger.project.query(text).iter_rows())


def booked(ledger: Ledger, columns: str) -> pl.DataFrame:
    return ledger.project.query(f"SELECT {columns} FROM charges WHERE borne_by_rule = 'dispute:1'")


def settle(ledger: Ledger, charge: str, credit: str | None) -> disputes.Entry:
    dispute(ledger.project, charge, WHY, NOW)
    amount = None if credit is None else Decimal(credit)
    return resolve(ledger.project, charge, "seen in its log", amount, NOW)


def test_a_credit_moves_cost_to_the_platform_and_the_month_stays_the_same(ledger: Ledger) -> None:
    charge, before = dearest(ledger), costs(ledger, JANUARY)
    settle(ledger, charge["charge_id"], "1.25")
    assert costs(ledger, JANUARY) == before
    ledger.run()
    after = costs(ledger, JANUARY)

    assert after[charge["team"]] == before[charge["team"]] - Decimal("1.25")
    assert after.get("platform", Decimal(0)) == before.get("platform", Decimal(0)) + Decimal("1.25")
    assert sum(after.values()) == sum(before.values())
    lines = booked(ledger, "team, cost, charge_kind, device_seconds")
    assert sorted(lines.iter_rows()) == sorted(
        [(charge["team"], Decimal("-1.25"), "credit", None), ("platform", Decimal("1.25"), "credit", None)]
    )


def test_what_is_rejected_costs_what_it_did(ledger: Ledger) -> None:
    charge = dearest(ledger)
    before = costs(ledger, JANUARY)
    settle(ledger, charge["charge_id"], None)

    assert ledger.run().publication is None
    assert costs(ledger, JANUARY) == before
    found = ledger.project.query("SELECT action, state, who, reason FROM disputes ORDER BY seq")
    assert found["action"].to_list() == ["open", "reject"]
    assert found["state"].to_list() == ["rejected", "rejected"]
    assert found["reason"].to_list() == [WHY, "seen in its log"]


def test_of_a_closed_month_the_credit_is_in_the_open_one(ledger: Ledger) -> None:
    charge = dearest(ledger)
    opened = dispute(ledger.project, charge["charge_id"][:8], WHY, NOW)
    close(ledger.project, JANUARY, NOW, silent)
    january, february = costs(ledger, JANUARY), costs(ledger, FEBRUARY)
    answer = resolve(ledger.project, charge["charge_id"], "yes", Decimal(1), NOW)
    ledger.run()

    assert (opened.number, answer.number, answer.booked) == (1, 1, FEBRUARY)
    assert costs(ledger, JANUARY) == january
    after = costs(ledger, FEBRUARY)
    assert after[charge["team"]] == february.get(charge["team"], Decimal(0)) - 1
    assert sum(after.values()) == sum(february.values())
    assert verified(ledger.lake) == []


def test_a_booked_credit_is_closed_with_its_month_and_outlives_a_reopening(ledger: Ledger) -> None:
    settle(ledger, dearest(ledger)["charge_id"], "2")
    with pytest.raises(InputError, match="wait for a run"):
        close(ledger.project, JANUARY, NOW, silent)
    ledger.run()
    before = costs(ledger, JANUARY)
    close(ledger.project, JANUARY, NOW, silent)
    assert costs(ledger, JANUARY) == before
    assert ledger.run().publication is None
    reopen(ledger.project, JANUARY, "again", NOW)
    ledger.run()

    assert costs(ledger, JANUARY) == before


def test_credits_of_one_charge_are_at_most_what_it_costs(ledger: Ledger) -> None:
    charge = dearest(ledger)
    settle(ledger, charge["charge_id"], f"{charge['cost'] - 1:f}")
    dispute(ledger.project, charge["charge_id"], "all of it", NOW)

    with pytest.raises(InputError, match=r"at most the 1\.0+ that the charge costs now"):
        resolve(ledger.project, charge["charge_id"], "ok", Decimal("1.01"), NOW)
    resolve(ledger.project, charge["charge_id"], "ok", Decimal(1), NOW)
    with pytest.raises(InputError, match="nothing to dispute"):
        dispute(ledger.project, charge["charge_id"], "more", NOW)
    assert sum(one.amount for one in credits_of(ledger.project.lake)) == charge["cost"]


Act = Callable[[Ledger, str], object]


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda ledger, charge: dispute(ledger.project, "zzzzzz", WHY, NOW), "zzzzzz"),
        (lambda ledger, charge: dispute(ledger.project, charge, " ", NOW), "--reason is empty"),
        (lambda ledger, charge: dispute(ledger.project, charge, WHY, NOW), "the charge is disputed already"),
        (lambda ledger, charge: resolve(ledger.project, "zzzzzz", WHY, None, NOW), "no open disputes are of"),
        (lambda ledger, charge: resolve(ledger.project, charge, "", None, NOW), "--reason is empty"),
        (lambda ledger, charge: resolve(ledger.project, charge, WHY, Decimal(0), NOW), "has to be above 0"),
        (lambda ledger, charge: resolve(ledger.project, charge, WHY, Decimal("1e9"), NOW), "at most the"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(ledger: Ledger, act: Act, said: str) -> None:
    charge = dearest(ledger)["charge_id"]
    dispute(ledger.project, charge, WHY, NOW)

    with pytest.raises(InputError, match=said):
        act(ledger, charge)
    assert len(disputes.entries(ledger.project.lake)) == 1


def test_the_platform_does_not_credit_itself(ledger: Ledger) -> None:
    text = "SELECT charge_id FROM charges WHERE team = 'platform' AND cost > 0 LIMIT 1"
    (charge,) = ledger.project.query(text).rows()
    dispute(ledger.project, charge[0], WHY, NOW)

    with pytest.raises(InputError, match="there is nobody else"):
        resolve(ledger.project, charge[0], WHY, Decimal("0.01"), NOW)


def test_lines_never_change_and_two_answers_are_one(ledger: Ledger) -> None:
    answer = settle(ledger, dearest(ledger)["charge_id"], None)
    with pytest.raises(InputError, match="there is no such open dispute"):
        disputes.write(ledger.project.lake, replace(answer, seq=0))
    with ledger.project.lake.catalog() as connection:
        for text in ("UPDATE disputes SET reason = ''", "DELETE FROM disputes"):
            with pytest.raises(sqlite3.IntegrityError, match="lines of disputes never"):
                connection.execute(text)


def test_explain_tells_the_dispute_of_a_charge_and_of_its_credit(ledger: Ledger) -> None:
    charge = dearest(ledger)["charge_id"]
    settle(ledger, charge, "1")
    ledger.run()
    credit = booked(ledger, "charge_id, cost").sort("cost")["charge_id"][0]
    of_charge, of_credit = (explained(ledger.project, one) for one in (charge, credit))

    for trace in (of_charge, of_credit):
        assert trace.agrees
        (section,) = (one for one in trace.sections if one.name == "disputes")
        assert [row["action"] for row in section.grids[0].records] == ["open", "credit"]
    assert any(charge in line for section in of_credit.sections for line in section.said)


def test_a_catalog_of_before_disputes_has_them_now(ledger: Ledger) -> None:
    with ledger.project.lake.catalog() as connection:
        guards = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'disputed_%'").fetchall()
        for (name,) in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DROP VIEW disputed")
        connection.execute("DROP TABLE disputes")
        connection.execute("UPDATE meta SET value = '3' WHERE key = 'version'")

    assert isinstance(ledger.project.query("SELECT * FROM disputes"), pl.DataFrame)
    assert dispute(ledger.project, dearest(ledger)["charge_id"], WHY, NOW).number == 1


def test_no_credit_is_lost_where_its_month_is_closed_meanwhile(ledger: Ledger) -> None:
    charge = dearest(ledger)["charge_id"]
    dispute(ledger.project, charge, WHY, NOW)

    def answer(text: str, done: float | None) -> None:
        if text == "checking":
            resolve(ledger.project, charge, "yes", Decimal(1), NOW)

    with pytest.raises(Conflict, match="a dispute was credited meanwhile"):
        close(ledger.project, JANUARY, NOW, answer)
    with pytest.raises(InputError, match="wait for a run"):
        close(ledger.project, JANUARY, NOW, silent)
    ledger.run()
    close(ledger.project, JANUARY, NOW, silent)
    (*_, line) = disputes.entries(ledger.lake)
    dispute(ledger.project, charge, "again", NOW)
    with pytest.raises(InputError, match="the month of the credit is closed"):
        disputes.write(ledger.lake, replace(line, seq=0, number=3))
