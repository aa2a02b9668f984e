"""What the simulated teams object to: an idle charge that is half credited, and another that waits for an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from accounting.disputes import dispute, resolve
from accounting.project import Project
from accounting.stores import disputes

CREDITED, WAITING = "the job hung on storage that was down", "nobody of ours ran this"
ANSWER = "storage was slow for half of it"
_IDLE = """
SELECT charge_id, cost FROM charges
WHERE charge_kind = 'idle' AND cost > 0 AND team NOT IN ('platform', 'unowned')
  AND month = (SELECT MIN(month) FROM charges)
ORDER BY cost DESC, charge_id LIMIT 2
"""


def object_to(project: Project, now: int) -> None:
    """Takes the steps that are missing: after a kill it goes on."""
    steps = (_first, _answer, _second)
    charges = project.query(_IDLE).to_dicts()
    if len(charges) == 2:
        for step in steps[len(disputes.entries(project.lake)) :]:
            step(project, charges, now)


Charges = list[dict[str, Any]]


def _first(project: Project, charges: Charges, now: int) -> None:
    dispute(project, charges[0]["charge_id"], CREDITED, now)


def _answer(project: Project, charges: Charges, now: int) -> None:
    half: Decimal = round(charges[0]["cost"] / 2, 2)
    resolve(project, charges[0]["charge_id"], ANSWER, half, now)


def _second(project: Project, charges: Charges, now: int) -> None:
    dispute(project, charges[1]["charge_id"], WAITING, now)
