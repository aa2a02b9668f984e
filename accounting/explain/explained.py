"""`explained`: a charge of a project with all that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import sql
from accounting.explain.activity import activity
from accounting.explain.allocation import allocation, capacity
from accounting.explain.arithmetic import agrees, arithmetic
from accounting.explain.bearer import bearer
from accounting.explain.corrected import correction, corrections, known
from accounting.explain.disputed import credited, of_charge
from accounting.explain.finding import find
from accounting.explain.line import bill
from accounting.explain.owner import owner
from accounting.explain.price import price
from accounting.explain.promised import is_promised, promised
from accounting.explain.scene import Charge, Scene, accounted
from accounting.explain.trace import Section, Trace
from accounting.explain.versions import versions
from accounting.pipeline import Progress
from accounting.project import Project
from accounting.stores import closing as closes
from accounting.stores.disputes import entries

STEPS = (arithmetic, price, bearer, owner, allocation, capacity, activity)
"""Sections of a charge of device time, in order."""


def _unheard(text: str, done: float | None) -> None: ...


def explained(project: Project, prefix: str, progress: Progress = _unheard) -> Trace:
    """The trace of the charge whose id begins with `prefix`; nothing is written.

    Raises `InputError` where there is no such charge, or several, or where the lake is on another host.
    """
    with closing(project.lake_reader()) as reader:
        charge = find(reader, prefix)
    if credited(charge):
        return Trace(charge, [*_first(project, charge), versions(project, charge, (), ())])
    if charge["corrects"] is not None:
        return _of_correction(project, charge, progress)
    if charge["cluster"] is None:
        return _of_month(project, charge)
    later = _rows(project, "corrections_of", {"charge_id": charge["charge_id"]})
    first = [*_first(project, charge), *([corrections(later)] if later else [])]
    return _of_time(project, charge, charge, first, progress)


def _rows(project: Project, name: str, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    with closing(project.lake_reader()) as reader:
        return reader.query(sql.read(f"commands/{name}"), given).to_dicts()


def _of_correction(project: Project, charge: Charge, progress: Progress) -> Trace:
    booked = _rows(project, "booked", {"charge_id": charge["corrects"], "month": charge["month"]})
    now = known(charge, booked)
    first = [*_first(project, charge), correction(charge, booked, now)]
    if charge["cluster"] is None:
        return Trace(charge, [*first, versions(project, charge, (), ())])
    return _of_time(project, charge, now, first, progress)


def _of_month(project: Project, charge: Charge) -> Trace:
    """A line that a commitment or a bill made."""
    what = "commitment" if is_promised(charge) else "bill"
    section, same = (promised if is_promised(charge) else bill)(project, charge)
    sections = [*_first(project, charge), section, versions(project, charge, section.imports, ())]
    closed = _closed(project, charge)
    why = "its month was closed" if closed else "this was published: next: chipledger run"
    return Trace(charge, sections, "" if same else f"the {what} changed since {why}", same)


def _of_time(project: Project, charge: Charge, subject: Charge, first: list[Section], progress: Progress) -> Trace:
    """`subject` is what the inputs should make: the charge, or the one that it corrects as it is known now."""
    day = accounted(project, subject["cluster"], subject["day"], progress)
    scene = day.scene(subject)
    sections = [*first, *(step(scene) for step in STEPS)] if scene else first
    seqs = {seq for section in sections for seq in section.imports}
    made = versions(project, charge, seqs, _digests(scene) if scene else [])
    gone = not subject["device_seconds"] and charge is not subject
    same = agrees(scene) if scene else gone
    closed = _closed(project, charge)
    notice = _notice(charge, "" if scene else "make no such charge", same=same, closed=closed, stale=day.stale)
    return Trace(charge, [*sections, made], notice, same, not (same or closed or day.stale))


def _closed(project: Project, charge: Charge) -> bool:
    return charge["month"] in closes.standing(closes.closes(project.lake))


def _digests(scene: Scene) -> list[str]:
    policies = scene.partition.policies
    return [policies[code].digest for code in scene.found.parts["policy"].unique().sort()]


def _notice(charge: Charge, gone: str, *, same: bool, closed: bool, stale: bool) -> str:
    if same and not stale:
        return ""
    if same:
        return (
            "inputs of this day changed since it was published, but not this charge: it is traced from the inputs as"
            " they are now; next: chipledger run"
        )
    gone = gone or "come to another amount, which is traced below"
    if stale:
        return f"inputs changed since this was published: as they are now they {gone}; next: chipledger run"
    if closed:
        return f"inputs changed since {charge['month']} was closed: as they are now they {gone}"
    return f"the inputs of its day {gone}, though none of them changed since: please report it"


def _first(project: Project, charge: Charge) -> list[Section]:
    return [_charge(charge), *of_charge(charge, entries(project.lake))]


def _charge(charge: Charge) -> Section:
    cost = "unpriced" if charge["cost"] is None else f"{charge['cost']:f} {charge['currency']}"
    what = charge["workload_id"] or charge["state"]
    where = "/".join(part for part in (charge["cluster"], charge["pool"]) if part)
    said = [
        f"{charge['team']} bears {cost} of {charge['charge_kind']} for {charge['day']} in {charge['month']}",
        ", ".join(str(part) for part in (what, charge["accelerator"], where) if part),
    ]
    return Section("charge", "Charge", [line for line in said if line])
