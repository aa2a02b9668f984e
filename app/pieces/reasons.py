"""Why nobody held it: each state with what it means and what it asks for, and a row for each pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from app import amounts
from app.amounts import hours, money
from app.pieces.figures import total
from app.pieces.notices import heading
from app.pieces.tables import Column, Line, extra, joined, swatch, table, two

REASONS = {
    "queued": (
        "Queued",
        "A waiting request would have fit.",
        "Look at the scheduler: priorities, quotas, node selectors.",
    ),
    "stranded": ("Stranded", "Too little was left for any usual request.", "Pack tighter, or offer smaller shares."),
    "reserved": ("Reserved", "It was bought as a reservation and nobody held it.", "Lend it out, or reserve less."),
    "free": ("Free", "Nobody asked for it.", "Scale down, or give it to preemptible work."),
    "unobserved": (
        "Not recorded",
        "Nothing says whether it was held: unknown, not waste.",
        "Import the cluster's job log, or run the agent on its nodes.",
    ),
}
COLORS = {"unobserved": "unlogged"}
Row = Mapping[str, Any]


def unallocated(rows: Sequence[Row], currency: str | None) -> str:
    """The block: the reasons that occur, and how much each pool had of them."""
    cells = {(row["cluster"], row["pool"], row["accelerator"], short(row["state"])): row for row in rows}
    found = [reason for reason in REASONS if any(key[3] == reason for key in cells)]
    pools = list(dict.fromkeys(key[:3] for key in cells))
    columns = (Column("Pool", wide=True), *(Column(REASONS[reason][0], figure=True) for reason in found))
    lines = [
        Line(
            (
                two(joined(pool, accelerator), cluster),
                *(_cell(cells.get((cluster, pool, accelerator, r)), currency) for r in found),
            )
        )
        for cluster, pool, accelerator in pools
    ]
    return (
        heading("Held by nobody, and why", "Accelerator-hours and their cost, by pool.")
        + f'<dl class="cl-reasons">{"".join(map(_reason, found))}</dl>'
        + table("Held by nobody", columns, lines, "Everything was held.")
    )


def short(state: str) -> str:
    """The reason of a state."""
    return state.removeprefix("unallocated_")


def _reason(reason: str) -> str:
    name, meaning, todo = REASONS[reason]
    color = COLORS.get(reason, reason)
    return f"<div><dt>{swatch(color)}{escape(name)}</dt><dd>{escape(meaning)} <em>{escape(todo)}</em></dd></div>"


def _cell(row: Row | None, currency: str | None) -> str:
    if row is None:
        return f'<span class="cl-mute">{amounts.UNKNOWN}</span>'
    name = f"unallocated_{row['cluster']}_{row['pool']}_{row['accelerator']}_{short(row['state'])}"
    cost: Decimal | None = row["cost"]
    under = "" if cost is None else f'<div class="cl-under">{escape(money(cost, currency))}</div>'
    hours_of = total(name, row["device_seconds"], hours(row["device_seconds"]))
    return hours_of + under + extra(row["unpriced_seconds"])
