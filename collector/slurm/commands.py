"""sacct, squeue and scontrol of one cluster."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from collector.central.findings import Span, Unanswered
from collector.slurm.answers import A, Nodes, Queue, Records, decoded
from collector.slurm.jobs import FORMAT, Job, lines, recorded
from collector.slurm.nodes import Node, node
from collector.slurm.programs import Failed, Programs, Ran

SETTING = (
    "export TZ=UTC SLURM_TIME_FORMAT=standard SLURM_BITSTR_LEN=0; "
    "unset SLURM_CLUSTERS SACCT_FEDERATION SACCT_FORMAT SACCT_LOCAL SQUEUE_CLUSTERS SQUEUE_PARTITION SQUEUE_STATES; "
)
"""Times in UTC, all tasks of an array by name, and nothing left out by what the user of this machine has set."""

JOBS_AT_ONCE = 500
"""So many jobs are asked for by number in one command."""

_ALL = ("-a", "-X", "-D")


class Commands:
    """`cluster` '' is the one that this machine belongs to. What asks raises `Unanswered`."""

    def __init__(self, folder: str | None, timeout_s: float, cluster: str) -> None:
        self._programs = Programs(folder=folder, timeout_s=timeout_s, setting=SETTING)
        self._cluster = ("-M", cluster) if cluster else ()
        self._accounts_json = True

    def find(self, name: str) -> str | None:
        """The path of a command; None: it is not there."""
        return self._programs.find(name)

    def queue(self) -> Queue:
        """All jobs that slurmctld knows, in partitions that are hidden too."""
        return self._json(Queue, "squeue", "-a")

    def nodes(self) -> list[Node]:
        """All nodes, in partitions that are hidden too."""
        return [node(listed) for listed in self._json(Nodes, "scontrol", "-a", "show", "nodes").nodes]

    def accounts(self, span: Span) -> list[Job]:
        """The attempts that slurmdbd knows of a span, also of jobs that wait."""
        start, end = (_time(ms) for ms in (span.start_ms, span.end_ms + 999))
        return self._accounts(f"--starttime={start}", f"--endtime={end}")

    def attempts(self, numbers: Sequence[str]) -> list[Job]:
        """All attempts that slurmdbd knows of some jobs, by JobIDRaw."""
        some = [numbers[i : i + JOBS_AT_ONCE] for i in range(0, len(numbers), JOBS_AT_ONCE)]
        return [job for part in some for job in self._accounts(f"--jobs={','.join(part)}")]

    def accounts_have_json(self) -> bool:
        """Whether sacct's JSON was last seen to be one that is read; else its lines are."""
        return self._accounts_json

    def settings(self) -> dict[str, str]:
        """The settings of `scontrol show config` by name."""
        text = _output("scontrol", self._run("scontrol", "show", "config"))
        pairs = (line.partition("=") for line in text.decode("utf-8", "replace").split("\n") if "=" in line)
        return {name.strip(): value.strip() for name, _, value in pairs}

    def _accounts(self, *words: str) -> list[Job]:
        if self._accounts_json:
            ran = self._run("sacct", *_ALL, *words, "--json")
            answer = None if ran.lacks_json else decoded(Records, "sacct", _output("sacct", ran))
            if answer is not None and answer.parser:
                return [job for record in answer.jobs for job in recorded(record)]
            # This Slurm was built without JSON, or is older than 23.02, whose JSON has another time as the start.
            self._accounts_json = False
        text = _output("sacct", self._run("sacct", *_ALL, *words, "-P", "-n", f"--format={FORMAT}"))
        try:
            return lines(text.decode("utf-8", "replace"))
        except ValueError as error:
            raise Unanswered(f"sacct -P: not understood: {error}") from error

    def _json(self, kind: type[A], name: str, *words: str) -> A:
        ran = self._run(name, *words, "--json")
        if ran.lacks_json:
            raise Unanswered(
                f"{name}: {ran.complaint}; install Slurm's JSON plugins (built with libjson-c), or import what sacct -P"
                " prints"
            )
        return decoded(kind, name, _output(name, ran))

    def _run(self, name: str, *words: str) -> Ran:
        if self.find(name) is None:
            raise Unanswered(f"{name}: not found; set `folder` to where Slurm's commands are")
        try:
            return self._programs.run(name, *self._cluster, *words)
        except Failed as error:
            raise Unanswered(str(error)) from error


def _output(name: str, ran: Ran) -> bytes:
    if ran.code:
        raise Unanswered(f"{name}: {ran.complaint}")
    return ran.output


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
