"""Statements: amounts that add up to the cent, one page in front, and no name that breaks it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
import typst

from accounting.close import close
from accounting.config import load_config, write_project
from accounting.inputs.importing import silent
from accounting.kinds import NAMES
from accounting.reports.month import Month, shelf
from accounting.reports.statement.figures import Figures, figures, team_lines
from accounting.reports.statement.page import page
from accounting.reports.statement.pdf import inputs, statement, template, typeset
from accounting.reports.statement.sums import Line
from accounting.stores.lake import Lake
from accounting.tables import KINDS
from tests.test_pipeline import FILES, NOW, Ledger

LATE = """workload_id,team,pool,accelerator,quantity,start,end
late,blue,train,H100-80GB,1,2025-01-31T20:00:00Z,2025-01-31T22:00:00Z
"""
MARKUP = '#panic("x") *b* $x$ <a> @ref \\ "q" // c [#read("/etc/passwd")] '
MONEY = pl.Decimal(38, 9)


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str | None], Month]:
    """A closed month and an open one with corrections of it, each of everybody and of every team."""
    ledger = Ledger(tmp_path_factory.mktemp("statement") / "p")
    Lake.create(load_config(write_project(ledger.folder)).lake)
    for kind, text in FILES.items():
        ledger.bring(kind, text)
    ledger.run()
    close(ledger.project, "2025-01", NOW, silent)
    ledger.bring("jobs", LATE)
    ledger.run()
    found: dict[tuple[str, str | None], Month] = {}
    with shelf(ledger.project) as known:
        for name in ("2025-01", "2025-02"):
            whole = known.month(name, None)
            found[name, None] = whole
            found |= {(name, team): known.month(name, team) for team in whole.charges["team"].unique()}
    return found


@pytest.fixture
def open_month(months: dict[tuple[str, str | None], Month]) -> Month:
    return months["2025-02", None]


@pytest.fixture
def closed_month(months: dict[tuple[str, str | None], Month]) -> Month:
    return months["2025-01", None]


def lists(found: Figures) -> Iterator[tuple[str, list[Line], Decimal | None]]:
    """Every list of lines, and what it has to add up to."""
    by_kind = {line.key[0]: line.cost for line in found.kinds}
    for name in ("kinds", "teams", "models", "workloads"):
        yield name, getattr(found, name), found.amount
    for name, kind in (("owners", "idle"), ("idle", "idle"), ("free", "unallocated"), ("corrections", "correction")):
        yield name, getattr(found, name), by_kind.get(kind)


def awkward(month: Month, teams: int) -> Month:
    """The month with every kind of charge, kinds without time, unpriced hours, long and hostile names, many teams."""
    row = pl.int_range(pl.len())
    long = pl.lit(MARKUP + "very/long.name-" * 12)
    kinds = pl.Series(list(NAMES), dtype=pl.String)
    many = pl.concat([month.charges] * 8).with_columns(
        charge_id=pl.format("{}-{}", "charge_id", row),
        team=pl.format("team-{}-{}", row % teams, long),
        workload_id=pl.format("{}{}", "workload_id", long),
        model=pl.format("m{}{}", row % 30, pl.lit("x" * 90)),
        cluster=pl.format("{}{}", "cluster", long),
        accelerator=pl.format("{}{}", "accelerator", pl.lit("Z" * 60)),
        charge_kind=pl.lit(kinds).gather(row % len(NAMES)),
    )
    timeless = pl.col("charge_kind").is_in(("credit", "reconciliation"))
    many = many.with_columns(
        owner_team="team",
        device_seconds=pl.when(~timeless).then("device_seconds"),
        state=pl.when(~timeless).then("state"),
        cluster=pl.when(~timeless).then("cluster"),
        accelerator=pl.when(~timeless).then("accelerator"),
        cost=pl.when(row % 11 != 3).then(pl.when(timeless).then(-pl.col("cost")).otherwise("cost")).cast(MONEY),
    )
    priced = many.filter(pl.col("cost").is_not_null())
    costs = dict(priced.group_by("team").agg(pl.col("cost").sum()).iter_rows())
    return replace(month, charges=many, teams=costs)


def first_page_ends(said: dict[str, Any]) -> int:
    """The page on which the tables begin."""
    told = typst.query(template(), "<details>", field="value", one=True, sys_inputs=inputs(said))
    return int(json.loads(told))


def test_every_list_adds_up_to_its_amount(months: dict[tuple[str, str | None], Month]) -> None:
    for month in months.values():
        for name, found, amount in lists(figures(month, None)):
            if found:
                assert sum(line.cost or 0 for line in found) == amount, (month.stem, name)
                assert amount is not None
                assert amount == amount.quantize(Decimal("0.01"))


def test_teams_pay_what_the_month_is_rounded_to(months: dict[tuple[str, str | None], Month]) -> None:
    for name in ("2025-01", "2025-02"):
        parts = [figures(month, None).amount or 0 for (one, team), month in months.items() if one == name and team]
        exact = months[name, None].charges["cost"].sum()

        assert len(parts) > 2
        assert sum(parts) == Decimal(exact).quantize(Decimal("0.01")) == figures(months[name, None], None).amount


def test_a_closed_month_says_what_was_issued(closed_month: Month, open_month: Month) -> None:
    issued = closed_month.period.statements
    told = page(closed_month, figures(closed_month, None))["head"]
    first = replace(issued[0], amount=issued[0].amount + Decimal("0.01"))
    otherwise = replace(closed_month, period=replace(closed_month.period, statements=(first, *issued[1:])))

    assert (first.team, first.amount) in {(x.key[0], x.cost) for x in team_lines(otherwise)}
    assert {line.key[0]: line.cost for line in figures(closed_month, None).teams} == {x.team: x.amount for x in issued}
    assert told["number"] == f"CL-000001 to CL-{len(issued):06d}"
    assert (told["draft"], page(open_month, figures(open_month, None))["head"]["draft"]) == (False, True)
    assert closed_month.period.sha256 is not None
    assert closed_month.period.sha256 in told["seal"]


def test_the_change_adds_up_and_corrections_are_apart(months: dict[tuple[str, str | None], Month]) -> None:
    open_month, closed_month = months["2025-02", "blue"], months["2025-01", "blue"]
    found = figures(open_month, closed_month)
    assert found.change is not None
    assert found.amount is not None
    parts = found.change.parts
    corrected = open_month.charges.filter(charge_kind="correction")["cost"].sum()

    assert parts.quantity + parts.price + parts.mix + parts.other == found.amount - found.change.before
    assert corrected
    assert abs(parts.other - Decimal(corrected)) < Decimal("0.01")


def test_without_a_price_nothing_is_said_to_be_zero(open_month: Month) -> None:
    nothing = pl.lit(None, MONEY)
    bare = replace(open_month, charges=open_month.charges.with_columns(cost=nothing, used_cost=nothing), teams={})
    found = figures(bare, None)
    said = page(bare, found)

    assert (found.amount, said["pay"]) == (None, "Not known")
    assert "accelerator-hours without a price" in said["unpriced"]
    assert "Bring a price" in said["actions"][0]
    assert first_page_ends(said) == 2


@pytest.mark.parametrize("teams", [1, 40])
def test_one_page_in_front_whatever_the_names(open_month: Month, teams: int) -> None:
    month = awkward(open_month, teams)
    found = figures(month, month)
    said = page(month, found)

    assert len(found.teams) == teams
    assert {
        name for name, listed, amount in lists(found) if listed and sum(x.cost or 0 for x in listed) != amount
    } == set()
    assert first_page_ends(said) == 2
    pictures = typeset(said, "png")
    assert len(pictures) > 2
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def test_the_same_month_is_the_same_file(open_month: Month, closed_month: Month) -> None:
    made = statement(open_month, closed_month)

    assert made.startswith(b"%PDF-")
    assert statement(open_month, closed_month) == made


def test_every_kind_of_charge_has_a_name() -> None:
    assert list(NAMES) == list(KINDS)
