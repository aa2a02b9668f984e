"""A bill against charges: whatever was billed, the lines make up the difference to the nano-unit."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounting.bill_tables import RECONCILIATION, STATUSES
from accounting.core.committed import LINES
from accounting.core.overhead import Rule
from accounting.core.reconcile import Reconciled, Scope, reconcile
from accounting.core.shares import shares
from accounting.tables import ADJUSTMENTS, CHARGES, INPUT_INVOICE

SCOPE = Scope("2026-10", "gcp", "USD", "platform")
FIRST, SECOND = date(2026, 10, 5), date(2026, 10, 6)


def at(day: date, hour: int = 0) -> int:
    return int(datetime(day.year, day.month, day.day, hour, tzinfo=UTC).timestamp()) * 1000


def billed(cost: str, day: date = FIRST, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - cells of any column
    """A line of an hour of an H100, bought on demand."""
    return {
        "import_seq": 1, "row": 1, "provider": "gcp", "invoice_month": "2026-10", "sku": "H", "cost": Decimal(cost),
        "usage_start_ms": at(day), "usage_end_ms": at(day, 1), "quantity": None, "credits": Decimal(0),
        "currency": "USD",
        "commitment_credits": Decimal(0), "fee_offset": Decimal(0), "accelerator": "H100-80GB", "purchase": "on_demand",
        "charge_type": "usage", "project": "ml",
    } | more  # fmt: skip


def charge(team: str, cost: str, hours: int, day: date = FIRST, accelerator: str = "H100-80GB") -> dict[str, Any]:
    return {"team": team, "cost": Decimal(cost), "device_seconds": Decimal(hours * 3600), "day": day,
            "accelerator": accelerator}  # fmt: skip


def done(
    bill: list[dict[str, Any]],
    charges: list[dict[str, Any]],
    scope: Scope = SCOPE,
    committed: Sequence[tuple[object, ...]] = (),
) -> Reconciled:
    invoice = pl.DataFrame(
        [[row.get(n) for n in INPUT_INVOICE.names] for row in bill], INPUT_INVOICE.schema, orient="row"
    )
    computed = pl.DataFrame([[row.get(n) for n in CHARGES.names] for row in charges], CHARGES.schema, orient="row")
    return reconcile(invoice, computed, pl.DataFrame(committed, LINES, orient="row"), scope)


def lines(found: Reconciled) -> list[tuple[str, str, Decimal]]:
    return sorted((row["charge_kind"], row["team"], row["cost"]) for row in found.lines.iter_rows(named=True))


def status(found: Reconciled) -> list[str]:
    return found.rows["status"].to_list()


def test_a_bill_that_matches_needs_no_line() -> None:
    found = done([billed("20", quantity=Decimal(2))], [charge("a", "10", 1), charge("b", "10", 1)])

    assert status(found) == ["matched"]
    assert found.lines.is_empty()
    assert found.rows["difference"].item() == 0


def test_another_price_is_spread_over_those_who_used_it() -> None:
    found = done([billed("23", quantity=Decimal(2))], [charge("a", "5", 1), charge("b", "15", 1)])

    assert status(found) == ["priced_differently"]
    assert lines(found) == [("reconciliation", "a", Decimal("0.75")), ("reconciliation", "b", Decimal("2.25"))]
    assert (found.rows["quantity_effect"].item(), found.rows["price_effect"].item()) == (0, 3)


def test_more_hours_are_told_from_another_price() -> None:
    (row,) = done([billed("33", quantity=Decimal(3))], [charge("a", "20", 2)]).rows.to_dicts()

    assert row["status"] == "quantity_differs"
    assert (row["quantity_effect"], row["price_effect"], row["difference"]) == (10, 3, 13)


def test_what_nobody_saw_is_the_platforms_and_what_was_not_billed_goes_back() -> None:
    later = charge("a", "99", 1, SECOND)
    found = done([billed("7", project="lost", accelerator="L4")], [charge("a", "20", 2), later])

    assert dict(zip(found.rows["accelerator"], found.rows["status"], strict=True)) == {
        "H100-80GB": "seen_not_billed",
        "L4": "billed_not_seen",
    }
    assert lines(found) == [("reconciliation", "a", Decimal(-20)), ("reconciliation", "platform", Decimal(7))]
    assert found.rows.filter(accelerator="L4")["projects"].item() == "lost"


def test_the_unused_part_of_a_commitment_is_its_owners() -> None:
    """Google's worked example of an hour that uses too little: 0.216 of fees, of which 0.1929929 are offset."""
    fee: dict[str, Any] = {"charge_type": "commitment_fee", "purchase": "committed"}
    found = done(
        [
            billed("0.022994", **fee, label_team="a"),
            billed("0.125637", credits=Decimal("-0.1256348"), fee_offset=Decimal("-0.1256348"), **fee),
            billed("0.067369", credits=Decimal("-0.0673581"), fee_offset=Decimal("-0.0673581"), **fee),
            billed("0.193006", quantity=Decimal(2), purchase="committed"),
        ],
        [charge("a", "0.193006", 2)],
    )

    assert lines(found) == [
        ("commitment_unused", "a", Decimal("0.022994")),
        ("commitment_unused", "platform", Decimal("0.0000131")),
    ]
    assert status(found) == ["matched"]


def test_a_fee_that_credits_pay_back_says_not_what_was_used() -> None:
    """Google's older example: fees of 0.072, and credits instead of offsets."""
    found = done(
        [
            billed("0.072", charge_type="commitment_fee"),
            billed("0.268064", commitment_credits=Decimal("-0.1"), credits=Decimal("-0.1")),
        ],
        [charge("a", "0.24", 1)],
    )
    assert lines(found) == [("reconciliation", "a", Decimal("0.000064"))]


def test_a_resource_commitment_half_used() -> None:
    found = done(
        [
            billed("12", quantity=Decimal(2), charge_type="commitment_fee", label_team="a"),
            billed("10", quantity=Decimal(1), credits=Decimal(-10), commitment_credits=Decimal(-10)),
        ],
        [charge("b", "6", 1)],
    )

    assert lines(found) == [("commitment_unused", "a", Decimal(6))]
    assert status(found) == ["matched"]


def test_credits_and_what_is_no_accelerator() -> None:
    found = done(
        [
            billed("20", quantity=Decimal(2), credits=Decimal(-3)),
            billed("8", sku="CPU", accelerator=None, purchase=None),
            billed("1", sku="DISK", accelerator=None, purchase=None, label_team="b"),
            billed("0.01", sku="TAX", accelerator=None, purchase=None, charge_type="tax"),
        ],
        [charge("a", "5", 1), charge("b", "15", 1)],
    )

    assert lines(found) == [
        ("credit", "a", Decimal("-0.75")),
        ("credit", "b", Decimal("-2.25")),
        ("overhead", "a", Decimal(2)),
        ("overhead", "b", Decimal(1)),
        ("overhead", "b", Decimal(6)),
        ("reconciliation", "a", Decimal("0.0025")),
        ("reconciliation", "b", Decimal("0.0075")),
    ]


def test_a_monthly_line_is_held_against_the_month() -> None:
    monthly: dict[str, Any] = {"usage_end_ms": at(date(2026, 11, 1)), "usage_start_ms": at(date(2026, 10, 1))}
    found = done([billed("20", quantity=Decimal(2), **monthly)], [charge("a", "10", 1), charge("b", "10", 1, SECOND)])

    assert status(found) == ["matched"]
    assert found.rows["day"].item() == date(2026, 10, 1)


MONEY = st.integers(-5_000_000_000, 90_000_000_000).map(lambda nano: Decimal(nano).scaleb(-9))
HOURS = st.none() | st.integers(0, 50_000_000_000).map(lambda nano: Decimal(nano).scaleb(-9))
BILLS = st.lists(
    st.fixed_dictionaries(
        {
            "cost": MONEY,
            "credits": st.sampled_from([Decimal(0), Decimal("-1.000000001"), Decimal("-0.333333333")]),
            "kind": st.sampled_from(["usage", "commitment_fee", "tax", "rounding"]),
            "day": st.sampled_from([FIRST, SECOND]),
            "accelerator": st.sampled_from(["H100-80GB", "L4", None]),
            "quantity": HOURS,
            "commits": st.booleans(),
            "label": st.sampled_from([None, "a", "z"]),
            "sku": st.sampled_from(["x", "y"]),
        }
    ),
    min_size=1,
    max_size=12,
)
CHARGED = st.lists(
    st.tuples(
        st.sampled_from("abc"), MONEY.filter(lambda x: x >= 0), st.integers(0, 50), st.sampled_from([FIRST, SECOND]),
        st.sampled_from(["H100-80GB", "L4"]),
    ),
    max_size=8,
)  # fmt: skip


def test_who_is_credited_more_than_charged_bears_no_difference() -> None:
    saved = (FIRST, "2026-10", "gcp", "H100-80GB", "c-1", "commitment:c-1", "z", "credit", -15 * 10**9, "USD")
    found = done([billed("30")], [charge("a", "10", 1), charge("z", "1", 1)], committed=[saved])

    assert lines(found) == [("reconciliation", "a", Decimal(34))]


PROMISED = st.lists(
    st.tuples(
        st.sampled_from([FIRST, SECOND]), st.sampled_from(["H100-80GB", "L4", None]),
        st.sampled_from([("c-1", None), ("c-2", "z")]), st.sampled_from(["credit", "commitment_unused"]),
        st.integers(1, 10**12),
    ).map(lambda one: (one[0], "2026-10", "gcp", one[1] or ("L4" if one[3] == "credit" else None), one[2][0],
                       f"commitment:{one[2][0]}", one[2][1], one[3], -one[4] if one[3] == "credit" else one[4], "USD")),
    max_size=4,
)  # fmt: skip


@given(bill=BILLS, charged=CHARGED, promised=PROMISED, turned=st.randoms(use_true_random=False))
def test_charges_and_lines_add_up_to_the_bill_in_any_order(
    bill: list[dict[str, Any]],
    charged: list[tuple[str, Decimal, int, date, str]],
    promised: list[tuple[Any, ...]],
    turned: random.Random,
) -> None:
    rows = [
        billed(
            str(one["cost"]), one["day"], credits=one["credits"], charge_type=one["kind"], quantity=one["quantity"],
            accelerator=one["accelerator"], label_team=one["label"], sku=one["sku"],
            commitment_credits=one["credits"] if one["commits"] and one["kind"] == "usage" else Decimal(0),
            fee_offset=one["credits"] if one["commits"] and one["kind"] == "commitment_fee" else Decimal(0),
        )
        for one in bill
    ]  # fmt: skip
    charges = [charge(team, str(cost), hours, day, kind) for team, cost, hours, day, kind in charged]
    scope = replace(SCOPE, told=frozenset({"c-1", "H100-80GB"}))
    found = done(rows, charges, scope, promised)

    whole = sum((row["cost"] + row["credits"] for row in rows), Decimal(0))
    last = max(one["day"] for one in bill)
    computed = sum((row["cost"] for row in charges if row["day"] <= last), Decimal(0))
    computed += sum((Decimal(line[-2]).scaleb(-9) for line in promised if line[0] <= last), Decimal(0))
    assert computed + sum(found.lines["cost"].to_list(), Decimal(0)) == whole
    assert found.lines["charge_id"].is_unique().all()
    assert set(status(found)) <= set(STATUSES)
    assert found.lines.columns == [name for name in ADJUSTMENTS.names if name != "publication"]
    assert found.rows.columns == [name for name in RECONCILIATION.names if name != "publication"]
    turned.shuffle(rows)
    turned.shuffle(charges)
    turned.shuffle(promised)
    again = done(rows, charges, scope, promised)
    assert again.lines.equals(found.lines)
    assert again.rows.drop("description").equals(found.rows.drop("description"))


@given(amount=st.integers(-(10**15), 10**15), weights=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**9)))
def test_shares_add_up_and_follow_the_weights(amount: int, weights: dict[str, int]) -> None:
    parts = shares(amount, weights)
    total = sum(weights.values())
    assert sum(parts.values()) == (amount if total else 0)
    assert all(abs(part * total - amount * weights[name]) <= 2 * total for name, part in parts.items())


@pytest.mark.parametrize("name", sorted(STATUSES))
def test_every_status_is_met(name: str) -> None:
    seen = {
        "matched": done([billed("20")], [charge("a", "20", 2)]),
        "priced_differently": done([billed("21", quantity=Decimal(2))], [charge("a", "20", 2)]),
        "quantity_differs": done([billed("21", quantity=Decimal(3))], [charge("a", "20", 2)]),
        "billed_not_seen": done([billed("21")], []),
        "seen_not_billed": done([billed("1", accelerator=None)], [charge("a", "20", 2)]),
        "overhead": done([billed("1", accelerator=None)], []),
    }
    assert name in status(seen[name])


BARE = Scope("2026-10", "gcp", "USD", "platform", frozenset({"bare"}))
HOSTED = [
    charge("a", "30", 3, accelerator="H200") | {"price_id": "bare"},
    charge("b", "10", 1, accelerator="H200") | {"price_id": "bare"},
    charge("c", "1", 4, accelerator="B200") | {"price_id": "bare"},
    charge("d", "59", 9, accelerator="A100-40GB") | {"price_id": "all-in"},
]


def host(description: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - cells of any column
    return billed("8", accelerator=None, sku="HOST", description=description, **more)


@pytest.mark.parametrize(
    ("description", "rule", "expected"),
    [
        ("A3Ultra Instance Core running in Americas", "overhead:time", {"a": "6", "b": "2"}),
        ("Spot Preemptible A4 Instance Ram running in Iowa", "overhead:time", {"c": "8"}),
        ("Custom Instance Core running in Americas", "overhead:time", {"a": "3", "b": "1", "c": "4"}),
        ("A2 Instance Core running in Americas", "overhead:cost", {"a": "2.4", "b": "0.8", "c": "0.08", "d": "4.72"}),
        ("Storage PD Capacity", "overhead:cost", {"a": "2.4", "b": "0.8", "c": "0.08", "d": "4.72"}),
    ],
)
def test_hosts_are_borne_with_the_accelerators_whose_price_leaves_them_out(
    description: str, rule: str, expected: dict[str, str]
) -> None:
    found = done([host(description)], HOSTED, BARE).lines.filter(charge_kind="overhead")

    assert set(found["borne_by_rule"]) == {rule}
    assert dict(found.select("team", "cost").iter_rows()) == {team: Decimal(cost) for team, cost in expected.items()}


def test_a_label_and_other_types_of_charge_stand_above_time() -> None:
    core = "A3Ultra Instance Core running in Americas"
    labelled = done([host(core, label_team="x")], HOSTED, BARE).lines.filter(price_id="sku:HOST")
    adjusted = done([host(core, charge_type="adjustment")], HOSTED, BARE).lines.filter(price_id="sku:HOST")

    assert labelled.select("team", "cost").rows() == [("x", Decimal(8))]
    assert set(adjusted["borne_by_rule"]) == {"reconciliation:cost"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule("*instance core*", team="x"), {"x": "8"}),
        (Rule("HOST", by="platform"), {"platform": "8"}),
        (Rule("A3Ultra*", by="cost"), {"a": "2.4", "b": "0.8", "c": "0.08", "d": "4.72"}),
        (Rule("*", by="time"), {"a": "1.411764706", "b": "0.470588235", "c": "1.882352941", "d": "4.235294118"}),
    ],
)
def test_a_rule_says_who_bears_a_sku(rule: Rule, expected: dict[str, str]) -> None:
    scope = replace(BARE, rules=(Rule("*nothing like it*", team="y"), rule, Rule("*", team="z")))
    found = done([host("A3Ultra Instance Core running in Americas")], HOSTED, scope).lines.filter(price_id="sku:HOST")

    assert set(found["borne_by_rule"]) == {"overhead:rule"}
    assert dict(found.select("team", "cost").iter_rows()) == {team: Decimal(cost) for team, cost in expected.items()}


def test_a_label_stands_above_a_rule() -> None:
    scope = replace(BARE, rules=(Rule("*", by="platform"),))
    found = done([host("Storage", label_team="x")], HOSTED, scope).lines.filter(price_id="sku:HOST")

    assert found.select("team", "borne_by_rule").rows() == [("x", "overhead:label")]
