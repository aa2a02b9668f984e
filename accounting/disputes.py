"""Disputes of charges: a team says why, somebody answers with a credit or without, and both stay on record."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from contextlib import closing as closed_after
from dataclasses import replace
from decimal import Decimal
from typing import Any

import sql
from accounting.billed import platform_of
from accounting.core.credited import Credited
from accounting.errors import InputError
from accounting.explain.finding import find
from accounting.project import Project
from accounting.stores import closing, disputes
from accounting.stores.disputes import CREDIT, OPEN, REJECT, Entry
from accounting.stores.lake import Lake


def dispute(project: Project, prefix: str, reason: str, now: int) -> Entry:
    """Opens a dispute of the charge whose id begins with `prefix`.

    Raises `InputError` where there is no such charge, it costs nothing, or it is disputed already.
    """
    charge, cost = _charge(project, prefix)
    if cost <= 0:
        raise InputError(f"charge {charge['charge_id']} costs {cost:f} {charge['currency'] or ''}: nothing to dispute")
    line = Entry(
        action=OPEN,
        charge_id=charge["charge_id"],
        month=charge["month"],
        team=charge["team"],
        cost=f"{cost:f}",
        currency=charge["currency"],
        made_at=now,
        who=getpass.getuser(),
        reason=_said(reason),
    )
    return disputes.write(project.lake, line)


def resolve(project: Project, prefix: str, reason: str, credit: Decimal | None, now: int) -> Entry:
    """Answers the open dispute of that charge: with a credit, or without.

    The credit is charged to the platform team, in the charge's month, or in the open one where that is closed. Raises
    `InputError` where no open dispute is of such a charge, or the credit is more than the charge still costs.
    """
    opened = _opened(project.lake, prefix)
    answer = replace(opened, seq=0, action=REJECT, made_at=now, who=getpass.getuser(), reason=_said(reason))
    if credit is None:
        return disputes.write(project.lake, answer)
    charge, cost = _charge(project, opened.charge_id)
    if not 0 < credit <= cost:
        raise InputError(
            f"the credit is {credit:f} {opened.currency}: it has to be above 0, and at most the {cost:f} that the"
            " charge costs now"
        )
    booked = _booked(project, opened)
    payer = platform_of(project.config, booked)
    if payer == charge["team"]:
        raise InputError(f"{payer} bears the charge, and would bear the credit too: there is nobody else")
    given = replace(answer, action=CREDIT, cost=f"{cost:f}", credit=f"{credit:.9f}", payer=payer, booked=booked)
    return disputes.write(project.lake, given)


def credits_of(lake: Lake) -> list[Credited]:
    """What was credited, in order."""
    return [
        Credited(one.number, one.booked, one.team, one.payer, Decimal(one.credit), one.currency)
        for one in disputes.entries(lake)
        if one.booked and one.payer and one.credit
    ]


def _said(reason: str) -> str:
    if not reason.strip():
        raise InputError("--reason is empty: say why; it stays on record")
    return reason.strip()


def _charge(project: Project, prefix: str) -> tuple[dict[str, Any], Decimal]:
    """The charge, and what it comes to with its corrections and less what was credited before."""
    with closed_after(project.lake_reader()) as reader:
        charge = dict(find(reader, prefix))
        later = reader.query(sql.read("commands/corrections_of"), {"charge_id": charge["charge_id"]})
    costs = [charge["cost"], *later["cost"]]
    if None in costs:
        raise InputError(f"charge {charge['charge_id']} has no price yet: import one, and dispute what it costs then")
    return charge, sum(costs, Decimal(0)) - _credited(disputes.entries(project.lake), charge["charge_id"])


def _credited(lines: Sequence[Entry], charge_id: str) -> Decimal:
    return sum((Decimal(one.credit) for one in lines if one.credit and one.charge_id == charge_id), Decimal(0))


def _opened(lake: Lake, prefix: str) -> Entry:
    standing = disputes.standing(disputes.entries(lake))
    found = [one for one in standing if one.charge_id.startswith(prefix)]
    if len(found) != 1:
        ids = ", ".join(one.charge_id for one in standing) or "none"
        raise InputError(f"{len(found) or 'no'} open disputes are of a charge {prefix!r}; disputed are: {ids}")
    return found[0]


def _booked(project: Project, opened: Entry) -> str:
    closed = closing.standing(closing.closes(project.lake))
    return max(opened.month, closing.following(max(closed))) if closed else opened.month
