"""Running Slurm's commands on a node."""

from __future__ import annotations

import shutil
from pathlib import Path

from collector.identity.enquiry import Unanswered
from collector.identity.slurm import Job, scontrol_job, squeue_jobs

EVERY_NS = 30 * 10**9
"""Every node asks slurmctld: not more often than this."""

MOST_JOBS = 16
"""So many jobs are asked for one by one where squeue cannot write JSON."""

TIMEOUT_S = 20


class Squeue:
    """squeue and scontrol of one node; `folder` None: those on the search path."""

    def __init__(self, node: str, folder: Path | None = None) -> None:
        self._node = node
        self._folder = str(folder) if folder else None
        self._json = True

    def is_there(self) -> bool:
        """Whether this machine has squeue."""
        return shutil.which("squeue", path=self._folder) is not None

    def jobs(self) -> list[Job]:
        """The jobs on the node; raises `Unanswered`."""
        if self._json:
            code, output, errors = self._run("squeue", "-w", self._node, "--json")
            if code == 0:
                return squeue_jobs(output, self._node)
            if b"json" not in errors.lower() and b"serializer" not in errors.lower():
                raise Unanswered(f"squeue: {_line(errors) or f'exit {code}'}")
            # This Slurm was built without JSON, and will not learn it while the agent runs.
            self._json = False
        return [job for number in self._numbers() if (job := self._job(number)) is not None]

    def _numbers(self) -> list[str]:
        code, output, errors = self._run("squeue", "-h", "-w", self._node, "-t", "R,S,CG", "-o", "%A")
        if code:
            raise Unanswered(f"squeue: {_line(errors) or f'exit {code}'}")
        numbers = output.decode("utf-8", "replace").split()
        if len(numbers) > MOST_JOBS:
            raise Unanswered(f"squeue: {len(numbers)} jobs, and no --json to ask for all at once")
        return numbers

    def _job(self, number: str) -> Job | None:
        code, output, errors = self._run("scontrol", "show", "job", "-d", number)
        if b"Invalid job id" in errors:
            return None  # it has ended between the two questions
        if code:
            raise Unanswered(f"scontrol show job {number}: {_line(errors) or f'exit {code}'}")
        return scontrol_job(output.decode("utf-8", "replace"), self._node)

    def _run(self, name: str, *words: str) -> tuple[int, bytes, bytes]:
        import subprocess  # only where Slurm is: it is not small

        program = shutil.which(name, path=self._folder)
        if program is None:
            raise Unanswered(f"{name}: not found")
        try:
            # By a shell: starting a program waits, and all threads with it, until the program is read from its disk,
            # which for Slurm is often a network's. The shell is this node's.
            through = ["/bin/sh", "-c", 'exec "$0" "$@"', program, *words]
            done = subprocess.run(through, capture_output=True, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unanswered(f"{name}: no answer within {TIMEOUT_S} s") from error
        except OSError as error:
            raise Unanswered(f"{name}: {error.strerror or error}") from error
        return done.returncode, done.stdout, done.stderr


def _line(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().partition("\n")[0]
