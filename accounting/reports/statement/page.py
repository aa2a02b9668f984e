"""A statement as data for the template: texts, and lengths of bars in thousandths of a page's width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

from accounting.kinds import NAMES
from accounting.reports.month import Month, number
from accounting.reports.statement.advice import actions
from accounting.reports.statement.details import details
from accounting.reports.statement.figures import Change, Figures
from accounting.reports.statement.sums import ZERO, Line, first
from accounting.reports.statement.texts import NOTHING, amount, days, hours, month_name, percent, short, signed

Json = dict[str, Any]


def page(month: Month, found: Figures) -> Json:
    """Everything that the template prints."""
    currency = next(iter(month.charges["currency"].drop_nulls()), "")
    return {
        "head": _head(month, currency),
        "pay": "Not known" if found.amount is None else f"{amount(found.amount)} {currency}",
        "unpriced": _unpriced(found),
        "figures": _figures(found, currency),
        "change": _change(found, month.period.month),
        "bridge": _bridge(found, month.period.month),
        "kinds": _kinds(found),
        "paying": _paying(month, found),
        "idle": _idle(found, everyone=month.team is None),
        "actions": actions(found, currency, everyone=month.team is None),
        "details": details(month, found),
        "rows": f"{month.charges.height:,} charges, each a row of {month.stem}-charges.csv",
    }


def _head(month: Month, currency: str) -> Json:
    mine = [one.number for one in month.period.statements if month.team in (None, one.team)]
    issued = month.period.closed_at
    numbers = number(mine[0]) + (f" to {number(mine[-1])}" if len(mine) > 1 else "") if mine else "Draft"
    return {
        "month": month_name(month.period.month),
        "who": short(month.team or "All teams", 40),
        "number": numbers,
        "issued": f"issued {issued:%Y-%m-%d}" if issued else "the month is open: amounts may still change",
        "draft": month.period.open,
        "seal": f"SHA-256 of the close {month.period.sha256}" if month.period.sha256 else "not closed",
        "currency": currency,
    }


def _unpriced(found: Figures) -> str:
    if not found.unpriced:
        return "Every hour has a price."
    return f"+ {found.unpriced:,.3f} accelerator-hours without a price: their cost is not known, and not in any amount."


def _figures(found: Figures, currency: str) -> list[Json]:
    kinds = {line.key[0]: line for line in found.kinds}
    idle, free = kinds.get("idle"), kinds.get("unallocated")
    change = signed(found.amount - found.change.before) if found.change and found.amount is not None else NOTHING
    return [
        {"label": "Against the month before", "value": change, "note": _compared(found)},
        {"label": "Accelerator-hours", "value": hours(found.hours), "note": f"on {days(found.days)}"},
        _figure("Held, but idle", idle, found),
        _figure("Held by nobody", free, found),
    ]


def _figure(label: str, line: Line | None, found: Figures) -> Json:
    if line is None:
        return {"label": label, "value": "0.00", "note": "no hours"}
    note = f"{hours(line.hours)} h, {percent(line.cost, found.amount)} of the amount"
    return {"label": label, "value": amount(line.cost), "note": note}


def _compared(found: Figures) -> str:
    if found.change is None or found.amount is None:
        return "not compared"
    return percent(found.amount - found.change.before, found.change.before)


def _change(found: Figures, month: str) -> str:
    change = found.change
    if change is None or found.amount is None:
        return found.not_compared
    grown = found.amount - change.before
    named = {"quantity": "more hours" if change.parts.quantity > 0 else "fewer hours", "price": "other prices",
             "mix": "dearer accelerators" if change.parts.mix > 0 else "cheaper accelerators",
             "other": "corrections, credits and other lines"}  # fmt: skip
    largest = max(named, key=lambda name: abs(getattr(change.parts, name)))
    why = f", most of it by {named[largest]} ({signed(getattr(change.parts, largest))})" if grown else ""
    said = f"{signed(grown)} against {month_name(change.month)}{why}."
    if change.days != found.days:
        said += f" Charges are on {days(found.days)} of {month_name(month)},"
        said += f" on {change.days} of {month_name(change.month)}."
    if found.unpriced or change.unpriced:
        said += " Only hours with a price are compared."
    return said


def _bridge(found: Figures, month: str) -> list[Json]:
    """Bars of the way from one month's amount to the other's."""
    if found.change is None or found.amount is None:
        return []
    change: Change = found.change
    steps = [
        ("Quantity: hours", change.parts.quantity),
        ("Price: per hour", change.parts.price),
        ("Mix: which accelerators", change.parts.mix),
        ("Other: corrections, credits", change.parts.other),
    ]
    reached = list(accumulate((step for _, step in steps), initial=change.before))
    low, high = min(*reached, ZERO), max(*reached, ZERO)
    scale = (high - low) or Decimal(1)

    def bar(label: str, said: str, start: Decimal, end: Decimal, kind: str) -> Json:
        edges = sorted(round((edge - low) / scale * 1000) for edge in (start, end))
        edges[1] += start != end and edges[0] == edges[1]
        return {"label": label, "amount": said, "from": edges[0], "to": edges[1], "kind": kind}

    return [
        bar(short(month_name(change.month), 24), amount(change.before), ZERO, change.before, "month"),
        *(
            bar(label, signed(step), start, start + step, "up" if step > 0 else "down")
            for (label, step), start in zip(steps, reached, strict=False)
        ),
        bar(month_name(month), amount(found.amount), ZERO, found.amount, "month"),
    ]


def _kinds(found: Figures) -> list[Json]:
    """Parts of the amount; bars only of what is above 0."""
    above = sum((line.cost for line in found.kinds if line.cost and line.cost > 0), ZERO)
    return [
        {
            "kind": line.key[0],
            "name": NAMES.get(line.key[0], line.key[0]),
            "amount": amount(line.cost),
            "share": percent(line.cost, found.amount),
            "length": int(line.cost / above * 1000) if line.cost and line.cost > 0 else 0,
        }
        for line in found.kinds
    ]


def _paying(month: Month, found: Figures) -> Json:
    """The dearest teams; of one team its dearest models."""
    listed, title = (found.teams, "Who pays") if month.team is None else (found.models, "What for")
    shown = first(listed, 6)
    most = max((line.cost for line in shown if line.cost), default=ZERO)

    def name(line: Line) -> str:
        if line.more:
            return f"{line.more} more"
        return short(", ".join(filter(None, line.key)) or "held by nobody, or no model", 34)

    rows = [
        {
            "name": name(line),
            "amount": amount(line.cost),
            "share": percent(line.cost, found.amount),
            "length": int(line.cost / most * 1000) if line.cost and line.cost > 0 else 0,
        }
        for line in shown
    ]
    return {"title": title, "rows": rows}


def _idle(found: Figures, *, everyone: bool) -> Json:
    return {
        "unobserved": (
            f"{hours(found.unobserved)} hours were not observed: nobody knows whether they were idle."
            if found.unobserved
            else ""
        ),
        "workloads": _ranked(found.idle, lambda line: short(line.key[0] or "no workload", 30)),
        "beside": "By team" if everyone else "By pool, held by nobody",
        "owners": _ranked(found.owners, lambda line: short(line.key[0] or "nobody", 30))
        if everyone
        else _ranked(found.free, lambda line: short("/".join(filter(None, line.key)), 30)),
    }


def _ranked(found: Sequence[Line], name: Callable[[Line], str]) -> list[Json]:
    return [
        {
            "name": f"{line.more} more" if line.more else name(line),
            "hours": hours(line.hours),
            "amount": amount(line.cost),
        }
        for line in first(found, 4)
    ]
