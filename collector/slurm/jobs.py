"""Attempts of jobs: what sacct and squeue say of them, in JSON and in sacct's lines.

A job that is requeued is told once for each attempt, with a start of its own and a submission of its own. Steps are
not jobs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct, field

from collector.slurm import gres
from collector.slurm.fields import hosts, job_id, number, states, tasks

MOST_TASKS = 1000
"""So many tasks of an array that waits are told: more than would find devices if they were free."""

FORMAT = "JobID,JobIDRaw,User,Account,Partition,Submit,Start,End,State,NodeList,AllocTRES,ReqTRES,Priority"
"""Fields of sacct's lines, none of which can hold a `|`."""

_NONE = {"", "Unknown", "None", "None assigned", "(null)"}
_RUNNING = {"RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "CONFIGURING"}
_NOT_RUNNING = {"PENDING", "COMPLETING"}
_HELD_BACK = {
    "Dependency",
    "DependencyNeverSatisfied",
    "JobHeldUser",
    "JobHeldAdmin",
    "JobHoldMaxRequeue",
    "BeginTime",
    "JobArrayTaskLimit",
}


class Job(Struct, frozen=True, kw_only=True):
    """One attempt. `number` is sacct's JobIDRaw, '' of an array's task that has none yet; `id` is its JobID.

    Times are Unix ms: `start_ms` None: it has not started, `end_ms` None: it has not ended. `held` counts the
    accelerators by type that it holds, or asks for where it has not started.
    """

    number: str
    id: str
    user: str
    account: str
    partition: str
    submitted_ms: int | None
    start_ms: int | None = None
    end_ms: int | None = None
    nodes: tuple[str, ...] = ()
    held: dict[str, int] = {}
    state: str = ""
    priority: int | None = None


class _Array(Struct):
    job_id: Any = None
    task_id: Any = None
    task: str | None = None


class _Het(Struct):
    job_id: Any = None
    job_offset: Any = None


class _Association(Struct):
    user: str | None = None


class _Times(Struct):
    submission: Any = None
    start: Any = None
    end: Any = None


class _State(Struct):
    current: Any = None


class _Tres(Struct):
    allocated: list[gres.Tres] = []
    requested: list[gres.Tres] = []


class Recorded(Struct):
    """A job in the answer of `sacct --json`."""

    job_id: int
    time: _Times
    state: _State
    array: _Array = field(default_factory=_Array)
    het: _Het = field(default_factory=_Het)
    association: _Association = field(default_factory=_Association)
    user: str | None = None
    account: str | None = None
    partition: str | None = None
    nodes: str | None = None
    priority: Any = None
    tres: _Tres = field(default_factory=_Tres)


class Queued(Struct):
    """A job in the answer of `squeue --json`."""

    job_id: int
    job_state: Any
    array_job_id: Any = None
    array_task_id: Any = None
    array_task_string: str | None = None
    het_job_id: Any = None
    het_job_offset: Any = None
    user_name: str | None = None
    account: str | None = None
    partition: str | None = None
    nodes: str | None = None
    state_reason: str | None = None
    submit_time: Any = None
    start_time: Any = None
    priority: Any = None
    tres_req_str: str | None = None
    tres_alloc_str: str | None = None


def recorded(job: Recorded) -> list[Job]:
    """The attempt that a record of sacct tells; of tasks that wait together, one each."""
    start_ms = _ms(job.time.start)
    allocated = gres.of_entries(job.tres.allocated)
    one = Job(
        number=str(job.job_id),
        id=job_id(str(job.job_id), (job.array.job_id, job.array.task_id), (job.het.job_id, job.het.job_offset)),
        user=job.user or job.association.user or "",
        account=job.account or "",
        partition=job.partition or "",
        submitted_ms=_ms(job.time.submission),
        start_ms=start_ms,
        end_ms=_ms(job.time.end),
        nodes=_nodes(job.nodes),
        held=allocated or ({} if start_ms else gres.of_entries(job.tres.requested)),
        state=states(job.state.current)[0],
        priority=number(job.priority),
    )
    return _each(one, number(job.array.job_id), job.array.task)


def lines(output: str) -> list[Job]:
    """The attempts of `sacct -P -n` with FORMAT; raises `ValueError` where it is none."""
    return [job for line in filter(None, output.split("\n")) for job in _line(line.split("|"))]


def _line(values: list[str]) -> list[Job]:
    if len(values) != len(FORMAT.split(",")):
        raise ValueError(f"{len(values)} fields in {'|'.join(values)[:80]!r}")
    said = dict(zip(FORMAT.split(","), values, strict=True))
    if "." in said["JobID"]:
        return []
    start_ms = _utc_ms(said["Start"])
    shown, _, waiting = said["JobID"].partition("_[")
    one = Job(
        number=said["JobIDRaw"],
        id=shown,
        user=said["User"],
        account=said["Account"],
        partition=said["Partition"],
        submitted_ms=_utc_ms(said["Submit"]),
        start_ms=start_ms,
        end_ms=_utc_ms(said["End"]),
        nodes=_nodes(said["NodeList"]),
        held=gres.of_text(said["AllocTRES"]) or ({} if start_ms else gres.of_text(said["ReqTRES"])),
        state=said["State"].partition(" ")[0],
        priority=int(said["Priority"]) if said["Priority"].isdecimal() else None,
    )
    return _each(one, int(shown) if waiting else None, waiting.rstrip("]"))


def running(job: Queued) -> list[Job]:
    """The attempt of a job of squeue that holds its devices; none of any other.

    What completes has ended: sacct tells when.
    """
    now = set(states(job.job_state))
    start_ms = _ms(job.start_time)
    if not now & _RUNNING or now & _NOT_RUNNING or start_ms is None:
        return []
    return [_queued(job, start_ms=start_ms, nodes=_nodes(job.nodes), held=gres.of_text(job.tres_alloc_str))]


def waiting(job: Queued) -> list[Job]:
    """The requests of a job of squeue that waits for devices, one for each task of an array.

    What waits for another job, for its time or for being released does not wait for devices, and what its user keeps
    back (`--array=0-99%4`) does not either.
    """
    if "PENDING" not in states(job.job_state) or (job.state_reason or "") in _HELD_BACK:
        return []
    one = _queued(job, start_ms=None, nodes=(), held=gres.of_text(job.tres_req_str))
    return _each(one, number(job.array_job_id), job.array_task_string)


def _queued(job: Queued, *, start_ms: int | None, nodes: tuple[str, ...], held: dict[str, int]) -> Job:
    raw = str(job.job_id)
    return Job(
        number=raw,
        id=job_id(raw, (job.array_job_id, job.array_task_id), (job.het_job_id, job.het_job_offset)),
        user=job.user_name or "",
        account=job.account or "",
        partition=job.partition or "",
        submitted_ms=_ms(job.submit_time),
        start_ms=start_ms,
        nodes=nodes,
        held=held,
        state=states(job.job_state)[0],
        priority=number(job.priority),
    )


def _each(job: Job, array: int | None, text: str | None) -> list[Job]:
    """The job, or if it stands for tasks of an array that have not begun, each of them."""
    if not array or job.start_ms is not None or "_" in job.id or not text:
        return [job]
    return [msgspec.structs.replace(job, number="", id=f"{array}_{task}") for task in tasks(text)[:MOST_TASKS]]


def _nodes(text: str | None) -> tuple[str, ...]:
    return () if (text or "") in _NONE else tuple(hosts(text or ""))


def _ms(value: Any) -> int | None:  # noqa: ANN401 - whatever JSON has there
    seconds = number(value)
    return seconds * 1000 if seconds else None


def _utc_ms(text: str) -> int | None:
    if text in _NONE:
        return None
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000
