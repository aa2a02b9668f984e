"""A month's statement: a row for each team and the total, and each team's models folded below it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from app import amounts
from app.amounts import hours, money
from app.pieces.figures import total
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, extra, link, table, text, two

Row = Mapping[str, Any]
APART = {"unowned": "no rule and no claim names a team", "platform": "what nobody held or could use, and nobody owns"}
KINDS = {
    "Usage": "usage_cost",
    "Idle": "idle_cost",
    "Unallocated": "unallocated_cost",
    "Overhead": "overhead_cost",
    "Adjustments": "adjusted_cost",
}
RARE = ("overhead_cost", "adjusted_cost")
"""Shown only where there is any."""


def kinds(rows: Sequence[Row]) -> dict[str, str]:
    """The kinds of cost that make a total, by name, and their columns; the rare ones only where there is any."""
    found = {column for column in RARE for row in rows if row[column] is not None}
    return {name: column for name, column in KINDS.items() if column in found or column not in RARE}


def teams(
    rows: Sequence[Row],
    earlier: Mapping[str, Row],
    now: Row,
    before: Row,
    currency: str | None,
    href: Callable[[str], str],
    month: str,
) -> str:
    """The statement's table; a team that had nothing last month is new. Without a cost `before` nothing is compared."""
    compared = before["cost"] is not None
    columns = (
        Column("Team", wide=True),
        Column("Hours", figure=True, slim=True),
        *(Column(kind, figure=True, slim=True) for kind in kinds([now])),
        Column("Total", figure=True),
        Column("Used basis", figure=True, slim=True, help="the busy part of what was observed"),
        *([Column(f"vs {amounts.month(month)}", figure=True)] if compared else []),
    )

    def moved(now: Row, then: Row) -> list[str]:
        return [_moved(now["cost"], then.get("cost"), currency)] if compared else []

    lines = [
        Line(
            (
                link(row["team"], href(row["team"])) + _apart(row["team"]) + extra(row["unpriced_seconds"]),
                *_figures(row, f"team_{row['team']}", currency, kinds([now])),
                *moved(row, earlier.get(row["team"], {})),
            ),
            "apart" if row["team"] in APART else "",
        )
        for row in rows
    ]
    name = "Total" + extra(now["unpriced_seconds"])
    last = Line((name, *_figures(now, "sum", currency, kinds([now])), *moved(now, before)), "total")
    return table("Statement by team", columns, [*lines, last])


def closing(now: Row, currency: str | None) -> str:
    """The statement's total and how many lines make it."""
    unpriced = amounts.unpriced(now["unpriced_seconds"])
    more = f' <span class="cl-extra">{escape(unpriced)}</span>' if unpriced else ""
    lines = total("statement_lines", Decimal(now["lines"]), format(now["lines"], ","))
    amount = total("statement_total", now["cost"], money(now["cost"], currency))
    return (
        f'<p class="cl-closing">Statement total {amount}{more} '
        f"from {lines} lines: the sum of the column cost in both files.</p>"
    )


def models(rows: Sequence[Row], found: Sequence[Row], currency: str | None) -> str:
    """Each team's models and purposes, folded under the team; the first is open."""
    shown = kinds(found)
    columns = (
        Column("Model", wide=True),
        Column("Hours", figure=True, slim=True),
        *(Column(kind, figure=True, slim=True) for kind in shown),
        Column("Total", figure=True),
        Column("Used basis", figure=True, slim=True),
    )
    blocks: list[str] = []
    for team in found:
        mine = [row for row in rows if row["team"] == team["team"]]
        lines = [
            Line((_model(row) + extra(row["unpriced_seconds"]), *_figures(row, "", currency, shown))) for row in mine
        ]
        opened = "" if blocks else " open"
        inside = table(f"Models of {team['team']}", columns, lines)
        blocks.append(
            f'<details class="cl-team"{opened}><summary><span>{escape(team["team"])}</span>'
            f"<b>{escape(money(team['cost'], currency))}</b></summary>{inside}</details>"
        )
    return heading(
        "By model", "Open a team to see its models; idle and free capacity is with the team that bears it."
    ) + "".join(blocks)


def _model(row: Row) -> str:
    if row["model"] is None and row["purpose"] is None:
        nobodys = row["usage_cost"] is None and row["idle_cost"] is None
        broken = "" if row["overhead_cost"] is None else " or could use"
        more = "" if row["adjusted_cost"] is None else ", adjustments"
        return text(None, f"capacity that nobody held{broken}{more}" if nobodys else "no model")
    return two(row["model"] or "no model", row["purpose"])


def _figures(row: Row, name: str, currency: str | None, shown: Mapping[str, str]) -> list[str]:
    values = [("hours", row["device_seconds"], hours(row["device_seconds"], ""))]
    values += [(key, row[key], money(row[key], currency)) for key in (*shown.values(), "cost", "used_cost")]
    return [total(f"{name}_{key}", value, said) if name else escape(said) for key, value, said in values]


def _apart(team: str) -> str:
    return f'<div class="cl-under">{escape(APART[team])}</div>' if team in APART else ""


def _moved(now: Decimal | None, before: Decimal | None, currency: str | None) -> str:
    if now is None or before is None:
        return f'<span class="cl-mute">{amounts.UNKNOWN}</span>'
    grown = amounts.change(now, before)
    under = f'<div class="cl-under">{amounts.signed_percent(grown)}</div>' if grown is not None else ""
    return escape(amounts.signed_money(now - before, currency)) + under
