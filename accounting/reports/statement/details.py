"""The pages behind the first one: tables whose lines add up to the amount."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from accounting.core.movement import Spent
from accounting.kinds import NAMES
from accounting.reports.month import Month
from accounting.reports.statement.figures import Change, Figures
from accounting.reports.statement.sums import ZERO, Line, first, whole
from accounting.reports.statement.texts import NOTHING, amount, count, hours, short

Json = dict[str, Any]
MOST = 15
NAME = 60
SUMS = ("Hours", "Unpriced hours", "Used basis", "Amount")


def details(month: Month, found: Figures) -> list[Json]:
    """Tables, as title, note, columns (name, whether of figures), rows and the total (empty: none)."""
    return list(_tables(month, found))


def _tables(month: Month, found: Figures) -> Iterator[Json]:
    by_kind = [_named(line, NAMES.get(line.key[0], line.key[0])) for line in found.kinds]
    yield _table("By kind of charge", "", ("Kind",), by_kind, found.kinds)
    if month.team is None:
        yield _table("By team", "What each pays.", ("Team",), [_named(x, *x.key) for x in found.teams], found.teams)
    models = first(found.models, MOST)
    yield _table("By model", "", ("Model", "Purpose"), [_model(line) for line in models], found.models)
    workloads = first(found.workloads, MOST)
    yield _table(
        "Dearest workloads", "Used and idle time of each; time that nobody held is the line without a name.",
        ("Workload", "Cluster", "Team"), [_workload(line) for line in workloads], found.workloads,
    )  # fmt: skip
    if found.change is not None:
        yield _skus(found.change)
    if found.corrections:
        rows = [_named(line, *_folded(line, 3)) for line in first(found.corrections, MOST)]
        yield _table("Corrections of closed months", "By the day that they correct.", ("Day", "Team", "Accelerator"),
                     rows, found.corrections)  # fmt: skip
    if found.without_price:
        rows = [_named(line, *_folded(line, 4)) for line in first(found.without_price, MOST)]
        yield _table("Hours without a price", "Nothing is known of their cost; it is not 0.",
                     ("Accelerator", "Provider", "Region", "Purchase"), rows, found.without_price)  # fmt: skip


def _named(line: Line, *names: str) -> list[str]:
    used = NOTHING if line.used is None else amount(line.used)
    unpriced = count(line.unpriced) if line.unpriced else ""
    return [*(short(name, NAME) or NOTHING for name in names), hours(line.hours), unpriced, used, amount(line.cost)]


def _folded(line: Line, width: int) -> Sequence[str]:
    return (f"{line.more} more", *[""] * (width - 1)) if line.more else line.key


def _model(line: Line) -> list[str]:
    model, purpose = _folded(line, 2)
    return _named(line, model or "no model", purpose)


def _workload(line: Line) -> list[str]:
    workload, cluster, owner, *_ = _folded(line, 4)
    return _named(line, workload or "held by nobody", cluster, owner)


def _table(title: str, note: str, names: Sequence[str], rows: list[list[str]], found: Sequence[Line]) -> Json:
    total = Line(
        (),
        whole([line.cost for line in found]),
        sum((line.hours for line in found), ZERO),
        sum((line.unpriced for line in found), ZERO),
        whole([line.used for line in found]),
    )
    columns: list[Any] = [
        *({"name": name, "figures": False} for name in names),
        *({"name": n, "figures": True} for n in SUMS),
    ]
    last = _named(total, "Total", *[" "] * (len(names) - 1))
    if not total.unpriced:
        empty = len(names) + SUMS.index("Unpriced hours")
        columns, last, *rows = (cells[:empty] + cells[empty + 1 :] for cells in (columns, last, *rows))
    return {"title": title, "note": note, "columns": columns, "rows": rows, "total": last}


def _skus(change: Change) -> Json:
    names = ("Hours before", "Hours now", "Per hour before", "Per hour now", "Before", "Now")
    rows = []
    for sku, before, now in change.skus:
        spent = (before, now)
        rows.append(
            [
                short(" ".join(filter(None, sku)), NAME),
                *(hours(one.hours) if one else NOTHING for one in spent),
                *(_rate(one) for one in spent),
                *(amount(one.cost) if one else NOTHING for one in spent),
            ]
        )
    columns = [{"name": "SKU", "figures": False}, *({"name": name, "figures": True} for name in names)]
    note = "Hours with a price, without corrections; costs of a SKU are rounded each on its own."
    return {"title": "Prices and hours of both months", "note": note, "columns": columns, "rows": rows, "total": []}


def _rate(spent: Spent | None) -> str:
    return f"{spent.cost / spent.hours:,.4f}" if spent is not None and spent.hours > Decimal(0) else NOTHING
