"""What a page is asked about: days or a billing month, and a cluster, a team, an accelerator."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from app import amounts

RECENT = {"last 7 days": 7, "last 14 days": 14, "last 28 days": 28, "last 91 days": 91}
USUAL = "last 14 days"
CUSTOM = "custom"
SCOPE = ("cluster", "team", "accelerator")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose and which accelerators; None is all."""

    cluster: str | None = None
    team: str | None = None
    accelerator: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        return {"cluster": self.cluster, "team": self.team, "accelerator": self.accelerator}

    @property
    def said(self) -> str:
        """The scope in words, for a caption; empty where it is everything."""
        chosen = {name: value for name, value in self.parameters.items() if value is not None}
        return " · ".join(f"{name} {value}" for name, value in chosen.items())


@dataclass(frozen=True, slots=True)
class Filter:
    """The days from `first` to `last`, both inclusive, of a scope."""

    first: date
    last: date
    scope: Scope = Scope()

    @property
    def parameters(self) -> dict[str, Any]:
        """By the names in sql/app."""
        return {"from": self.first, "to": self.last, **self.scope.parameters}

    @property
    def length(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> Filter:
        """As many days, just before."""
        return replace(self, first=self.first - timedelta(self.length), last=self.first - timedelta(1))

    def upto(self, last: date) -> Filter:
        """Without the days after `last`."""
        return replace(self, last=max(self.first, min(self.last, last)))


@dataclass(frozen=True, slots=True)
class Bill:
    """A billing month (`YYYY-MM`) of a scope; `model` narrows the workloads alone, `workload` the charges."""

    month: str
    scope: Scope = Scope()
    model: str | None = None
    workload: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """By the names in sql/app."""
        return {"month": self.month, "model": self.model, "workload": self.workload, **self.scope.parameters}

    @property
    def before(self) -> Bill:
        """The month before."""
        year, number = map(int, self.month.split("-"))
        return replace(self, month=f"{year - (number == 1)}-{(number - 2) % 12 + 1:02d}")


def periods(months: list[str]) -> list[str]:
    """What a period can be, as it stands in the address: the usual first, then months from the latest, then custom."""
    return [USUAL, *(name for name in RECENT if name != USUAL), *sorted(months, reverse=True), CUSTOM]


def period(chosen: str, custom: tuple[date, ...], last: date) -> tuple[date, date]:
    """The first and last day of a period of `periods`; `last` is the last day that is published."""
    if chosen == CUSTOM and custom:
        return custom[0], custom[-1]
    if chosen in RECENT or chosen == CUSTOM:
        return last - timedelta(RECENT.get(chosen, RECENT[USUAL]) - 1), last
    return month_days(chosen)


def month_days(month: str) -> tuple[date, date]:
    """The first and last calendar day of `YYYY-MM`."""
    year, number = map(int, month.split("-"))
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])


def refused(choices: Mapping[str, list[str]], asked_for: Mapping[str, str]) -> list[str]:
    """What the address asked for that there is not, with what is shown instead."""
    latest = amounts.month(max(choices["month"])) if choices["month"] else "nothing"
    instead = {name: f"all {name}s are shown" for name in SCOPE} | {"month": f"{latest} is shown"}
    known = {**choices, "period": periods(choices["month"])}
    instead["period"] = f"{USUAL} are shown"
    return [
        f"There is no {name} “{asked_for[name]}”: {what}."
        for name, what in instead.items()
        if asked_for.get(name) and asked_for[name] not in known[name]
    ]


def address(page: str, chosen: dict[str, Any]) -> str:
    """A page's address with a filter in it; what is None stands for itself."""
    query = urlencode({name: value for name, value in chosen.items() if value is not None})
    return f"./{page}" + (f"?{query}" if query else "")
