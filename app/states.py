"""What a page says where there is nothing to show, where it is not whole, or where it is old."""

from __future__ import annotations

from datetime import date, timedelta

from accounting.errors import ChipledgerError
from accounting.status import Status
from app import amounts
from app.filters import Bill, Filter, month_days, refused
from app.pieces.notices import notice, state
from app.source import Look
from app.view import View

PATIENCE = 3.0
"""Seconds that a page waits, when all else is shown, to hear what waits for a run."""


def cannot(error: ChipledgerError) -> str:
    """There is no project or no lake, or its settings are wrong."""
    text = str(error)
    if "no lake" in text or "not found" in text:
        return state(
            "no-project",
            "No project here yet",
            text,
            ("chipledger init mycluster", "chipledger --config mycluster app"),
        )
    return state("error", "This could not be read", text, ("chipledger doctor",))


def failed(error: ChipledgerError) -> str:
    """The store failed, and there is no earlier result."""
    return state("error", "This could not be answered", str(error), ("chipledger doctor",))


def unpublished(status: Status | None) -> str:
    """Nothing is published: what to do next; `status` is None where that is for another host."""
    if status is None:
        return state(
            "nothing-published",
            "Nothing is published yet",
            "The host that imports has brought no day to BigQuery; this page shows the first ones on the next click.",
        )
    if not status.imports:
        return state(
            "nothing-imported",
            "Nothing is imported yet",
            "Import your job log, capacity and prices, then run; this page shows the result on the next click.",
            ("chipledger import jobs FILE --mapping MAP.toml", "chipledger run"),
        )
    days = len(status.waiting)
    text = (
        f"{days} cluster-days are imported and wait for a run."
        if days
        else "What is imported makes no day yet: it has no job, sample or capacity with a time."
    )
    return state(
        "nothing-published", "Nothing is published yet", text, ("chipledger run",) if days else ("chipledger status",)
    )


def refusals(view: View, asked_for: dict[str, str]) -> str:
    """What the address asked for and there is not, with what is shown instead."""
    return "".join(notice("unknown-filter", text) for text in refused(view.choices, asked_for))


def no_rows(filter_said: str, view: View) -> str:
    """A filter that nothing fits."""
    there = amounts.days(view.first, view.last)
    return state(
        "no-rows",
        "Nothing in this filter",
        f"Nothing is published for {filter_said}. Published are {there}; choose another period or clear a filter.",
    )


def stale(look: Look, view: View) -> str:
    """What keeps the figures from being the newest; empty if they are."""
    if look.problem is not None:
        old = amounts.age(view.now, view.published_at)
        return notice(
            "last-good",
            f"The project cannot be read now ({look.problem}). Shown is the last good result, published {old}.",
            tone="warn",
        )
    try:
        status = look.book.status(PATIENCE)
    except ChipledgerError as error:
        return notice("unclear", f"Whether this is up to date could not be told: {error}", "chipledger status", "warn")
    waiting = status.waiting if status else []
    if not waiting:
        return ""
    days = len({day.day for day in waiting})
    said = f"{days} day{'s' * (days != 1)} wait{'s' * (days == 1)}"
    span = amounts.days(min(d.day for d in waiting), max(d.day for d in waiting))
    return notice("stale", f"Inputs are newer than these figures: {said} for a run ({span}).", "chipledger run", "warn")


def partial(view: View, asked: Filter) -> str:
    """Which days of a period are not published; empty if all are."""
    lines = [
        f"{row['cluster']} {_missing(asked, row['first_day'], row['last_day'])}"
        for row in view.published
        if asked.scope.cluster in (None, row["cluster"])
        and not (row["first_day"] <= asked.first and row["last_day"] >= asked.last)
    ]
    if not lines:
        return ""
    ends = {(row["first_day"], row["last_day"]) for row in view.published}
    if len(ends) == 1:
        first, last = next(iter(ends))
        return notice("partial", f"A part of the period: published {_missing(asked, first, last)}.")
    return notice("partial", f"A part of the period is not published: {'; '.join(lines)}.")


def unequal(view: View, bill: Bill, first: date, before: date | None) -> str:
    """Whether a month or the one before it is there in part only; `first` and `before`: their first billed days."""
    said = [
        f"{amounts.month(month)} is published from {amounts.day(since)} only"
        for month, since in ((bill.month, first), (bill.before.month, before))
        if since is not None and since > month_days(month)[0] + timedelta(1)
    ]
    if view.last < month_days(bill.month)[1]:
        said.insert(0, f"{amounts.month(bill.month)} is not over: published up to {amounts.day(view.last)}")
    return notice("partial", f"{'; '.join(said)}. Parts of months are not compared.") if said else ""


def calendar(view: View, chosen: Filter) -> str:
    """That a calendar month is not the billing month, where a provider bills in another zone."""
    month = month_days(f"{chosen.first:%Y-%m}") == (chosen.first, chosen.last)
    if not month or not view.zones:
        return ""
    return notice("calendar", f"This is the calendar month in UTC; Chargeback has the billing month ({view.zones}).")


def _missing(asked: Filter, first: date, last: date) -> str:
    if last < asked.first or first > asked.last:
        return "has none of these days"
    said = [f"from {amounts.day(first)}"] if first > asked.first else []
    return " ".join([*said, *([f"up to {amounts.day(last)}"] if last < asked.last else [])])
