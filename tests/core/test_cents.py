"""Whole cents: what adds up, and what does not depend on any order."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from accounting.core.cents import CENT, in_cents
from accounting.core.journal import Accounts, entries
from accounting.core.movement import Movement, Spent, movement, told

AMOUNTS = st.integers(-(10**15), 10**15).map(lambda nano: Decimal(nano).scaleb(-9))
TEAMS = st.sampled_from(["a", "b", "c", "d", "e", "unowned"])
PARTS = st.dictionaries(TEAMS, AMOUNTS, min_size=1)
SPENT = st.dictionaries(
    st.tuples(st.sampled_from(["H100", "A100", "TPU"])),
    st.builds(
        Spent,
        st.integers(0, 10**9).map(lambda ms: Decimal(ms).scaleb(-3)),
        st.integers(0, 10**14).map(lambda n: Decimal(n).scaleb(-9)),
    ),
)


def half_even(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_EVEN)


@given(PARTS)
def test_parts_add_up_to_the_rounded_whole(parts: dict[str, Decimal]) -> None:
    split = in_cents(parts)

    assert sum(split.values()) == half_even(sum(parts.values(), Decimal(0)))
    assert all(abs(split[key] - part) < CENT for key, part in parts.items())
    assert all(split[key] == 0 for key, part in parts.items() if part == 0)
    assert in_cents(dict(reversed(parts.items()))) == split


def test_of_equal_remainders_the_first_key_gets_the_cent() -> None:
    third = Decimal("0.333333333")

    assert in_cents({"b": third, "a": third, "c": Decimal("0.333333334")}) == {
        "a": Decimal("0.33"),
        "b": Decimal("0.33"),
        "c": Decimal("0.34"),
    }
    assert in_cents({"b": Decimal("0.005"), "a": Decimal("0.005")}) == {"a": CENT, "b": Decimal(0)}


@given(st.dictionaries(TEAMS, st.dictionaries(st.sampled_from(["x", "y", "z"]), AMOUNTS, min_size=1), min_size=1))
def test_lines_of_a_team_add_up_to_its_share_of_the_month(lines: dict[str, dict[str, Decimal]]) -> None:
    teams = in_cents({team: sum(parts.values(), Decimal(0)) for team, parts in lines.items()})

    for team, parts in lines.items():
        assert sum(in_cents(parts, teams[team]).values()) == teams[team]


@given(SPENT, SPENT, AMOUNTS)
def test_a_movement_adds_up_to_the_difference(
    before: dict[tuple[str, ...], Spent], now: dict[tuple[str, ...], Spent], other: Decimal
) -> None:
    found = movement(before, now, other)
    then, later = (sum((one.cost for one in month.values()), Decimal(0)) for month in (before, now))
    difference = half_even(later + other) - half_even(then)

    assert found.quantity + found.price + found.mix + found.other == later - then + other
    said = told(found, difference)
    assert said.quantity + said.price + said.mix + said.other == difference


def test_each_part_of_a_movement_alone() -> None:
    def month(*rows: tuple[str, int, str]) -> dict[tuple[str, ...], Spent]:
        return {(sku,): Spent(Decimal(hours), Decimal(cost)) for sku, hours, cost in rows}

    zero = Decimal(0)
    both = month(("H100", 10, "100"), ("L4", 10, "10"))

    assert movement(both, month(("H100", 20, "200"), ("L4", 20, "20")), zero) == Movement(
        Decimal(110), zero, zero, zero
    )
    assert movement(both, month(("H100", 10, "90"), ("L4", 10, "10")), zero) == Movement(zero, Decimal(-10), zero, zero)
    assert movement(both, month(("H100", 15, "150"), ("L4", 5, "5")), zero) == Movement(zero, zero, Decimal(45), zero)
    assert movement(both, month(("H100", 10, "100"), ("B200", 10, "50")), zero).mix == 40
    assert movement(both, both, Decimal(-3)) == Movement(zero, zero, zero, Decimal(-3))
    assert movement({}, both, zero) == Movement(Decimal(110), zero, zero, zero)
    assert movement(both, {}, zero) == Movement(Decimal(-110), zero, zero, zero)


@given(st.dictionaries(st.tuples(TEAMS, st.sampled_from(["", "cc1"]), st.sampled_from(["usage", "credit"])), AMOUNTS))
def test_a_journal_balances_and_adds_up_by_team(costs: dict[tuple[str, str, str], Decimal]) -> None:
    teams: dict[str, Decimal] = {}
    for (team, _, _), cost in costs.items():
        teams[team] = teams.get(team, Decimal(0)) + cost
    amounts = in_cents(teams)

    lines = entries(costs, amounts, Accounts("6100", "6900", "platform", {"credit": "6101"}))

    assert sum(line.debit for line in lines) == sum(line.credit for line in lines)
    assert all((line.debit > 0) != (line.credit > 0) and min(line.debit, line.credit) == 0 for line in lines)
    for team, amount in amounts.items():
        mine = [line for line in lines if line.description.startswith(f"{team}: ")]
        assert sum(line.debit - line.credit for line in mine) == amount
