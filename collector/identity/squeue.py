"""Running Slurm's commands on a node."""

from __future__ import annotations

from pathlib import Path

from collector.identity.enquiry import Unanswered
from collector.identity.slurm import Job, scontrol_job, squeue_jobs
from collector.slurm.programs import Failed, Programs, Ran

EVERY_NS = 30 * 10**9
"""Every node asks slurmctld: not more often than this."""

MOST_JOBS = 16
"""So many jobs are asked for one by one where squeue cannot write JSON."""

TIMEOUT_S = 20


class Squeue:
    """squeue and scontrol of one node; `folder` None: those on the search path."""

    def __init__(self, node: str, folder: Path | None = None) -> None:
        self._node = node
        self._programs = Programs(folder=str(folder) if folder else None, timeout_s=TIMEOUT_S)
        self._json = True

    def is_there(self) -> bool:
        """Whether this machine has squeue."""
        return self._programs.find("squeue") is not None

    def jobs(self) -> list[Job]:
        """The jobs on the node; raises `Unanswered`."""
        if self._json:
            ran = self._run("squeue", "-w", self._node, "--json")
            if ran.code == 0:
                return squeue_jobs(ran.output, self._node)
            if not ran.lacks_json:
                raise Unanswered(f"squeue: {ran.complaint}")
            # This Slurm was built without JSON, and will not learn it while the agent runs.
            self._json = False
        return [job for number in self._numbers() if (job := self._job(number)) is not None]

    def _numbers(self) -> list[str]:
        ran = self._run("squeue", "-h", "-w", self._node, "-t", "R,S,CG", "-o", "%A")
        if ran.code:
            raise Unanswered(f"squeue: {ran.complaint}")
        numbers = ran.output.decode("utf-8", "replace").split()
        if len(numbers) > MOST_JOBS:
            raise Unanswered(f"squeue: {len(numbers)} jobs, and no --json to ask for all at once")
        return numbers

    def _job(self, number: str) -> Job | None:
        ran = self._run("scontrol", "show", "job", "-d", number)
        if b"Invalid job id" in ran.errors:
            return None  # it has ended between the two questions
        if ran.code:
            raise Unanswered(f"scontrol show job {number}: {ran.complaint}")
        return scontrol_job(ran.output.decode("utf-8", "replace"), self._node)

    def _run(self, name: str, *words: str) -> Ran:
        try:
            return self._programs.run(name, *words)
        except Failed as error:
            raise Unanswered(str(error)) from error
