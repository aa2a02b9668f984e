"""What Slurm's commands say of jobs and of the devices that they have on one node."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from collector.identity.enquiry import Unanswered
from collector.slurm.fields import hosts, job_id, number, states

_GRES = re.compile(r"(?P<name>gpu|shard|mps)(?::(?P<type>[\w.+-]+?))?:(?P<count>\d+)\(IDX:(?P<indexes>[\d,-]+)\)")
_FIELD = re.compile(r"(?:^|\s)(\w+)=(\S*)")
_LIVE = {"RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "STOPPED", "SIGNALING", "STAGE_OUT"}
_HELD = {"RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "SIGNALING", "STAGE_OUT"}


class Gres(Struct, frozen=True):
    """Devices of one kind: `indexes` count as gres.conf does, which is the minor number of /dev/nvidia<minor>.

    `name` is gpu, or shard or mps for a part of each device; `type` '' is none.
    """

    name: str
    type: str
    indexes: tuple[int, ...]


class Job(Struct, frozen=True, kw_only=True):
    """A job on one node. `number` is in its cgroup (sacct's JobIDRaw), `id` is what sacct shows (`1234_7`, `1234+1`).

    `start_ms` None: not told. `gres` None: the devices are not told; (): it has none.
    """

    number: str
    id: str
    user: str = ""
    account: str = ""
    partition: str = ""
    qos: str = ""
    holds: bool = True
    start_ms: int | None = None
    gres: tuple[Gres, ...] | None = None


def gres(text: str) -> tuple[Gres, ...]:
    """Devices of a node of `gpu:a100:2(IDX:0-1),gpu:v100:1(IDX:4)`."""
    return tuple(
        Gres(found["name"], found["type"] or "", tuple(_numbers(found["indexes"]))) for found in _GRES.finditer(text)
    )


def _numbers(text: str) -> list[int]:
    found: list[int] = []
    for piece in filter(None, text.split(",")):
        first, _, last = piece.partition("-")
        found += range(int(first), min(int(last or first), int(first) + 1024) + 1)
    return found


def squeue_jobs(output: bytes, node: str) -> list[Job]:
    """The jobs of `squeue -w NODE --json` that are on the node; raises `Unanswered` where it is none."""
    try:
        jobs = msgspec.json.decode(output)["jobs"]
        return [_squeue_job(job, node) for job in jobs if _LIVE.intersection(states(job["job_state"]))]
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unanswered(f"squeue --json: not understood: {type(error).__name__}: {error}") from error


def _squeue_job(job: dict[str, Any], node: str) -> Job:
    raw = str(number(job["job_id"]))
    start = number(job.get("start_time"))
    array, het = job.get("array_job_id"), job.get("het_job_id")
    return Job(
        number=raw,
        id=job_id(raw, (array, job.get("array_task_id")), (het, job.get("het_job_offset"))),
        user=job.get("user_name") or "",
        account=job.get("account") or "",
        partition=job.get("partition") or "",
        qos=job.get("qos") or "",
        holds=bool(_HELD.intersection(states(job["job_state"]))),
        start_ms=start * 1000 if start else None,
        gres=_squeue_gres(job, node),
    )


def _squeue_gres(job: dict[str, Any], node: str) -> tuple[Gres, ...] | None:
    """`gres_detail` has a text per node, in the order of the job's nodes."""
    detail = job.get("gres_detail")
    if detail is None:
        return None
    names = _nodes(job)
    if node not in names or names.index(node) >= len(detail):
        return None if detail else ()
    return gres(detail[names.index(node)])


def _nodes(job: dict[str, Any]) -> list[str]:
    """Since 23.11 `job_resources.nodes.allocation[].name`, before it `job_resources.allocated_nodes[].nodename`."""
    resources = job.get("job_resources") or {}
    nodes, older = resources.get("nodes"), resources.get("allocated_nodes")
    if isinstance(nodes, dict) and nodes.get("allocation"):
        return [node["name"] for node in nodes["allocation"]]
    if older:
        return [node["nodename"] for node in (older.values() if isinstance(older, dict) else older)]
    return hosts(job.get("nodes") or "")


def scontrol_job(output: str, node: str) -> Job:
    """The job of `scontrol show job -d ID`; raises `Unanswered` where it is none.

    Its times have no zone: the start is not told. A job's name and comment are its user's and may hold what looks like
    a field or a line of others: fields count by their place, and a line that is there twice spoils the answer.
    """
    lines = _lines(output)
    first = dict(_FIELD.findall(lines["JobId"].partition(" JobName=")[0]))
    who = dict(_FIELD.findall(lines.get("Priority", "")))
    return Job(
        number=first["JobId"],
        id=_scontrol_shown(first),
        user=lines.get("UserId", "").removeprefix("UserId=").partition("(")[0],
        account=_known(who.get("Account", "")),
        partition=lines.get("Partition", "").removeprefix("Partition=").partition(" ")[0],
        qos=_known(who.get("QOS", "")),
        holds=lines.get("JobState", "").removeprefix("JobState=").partition(" ")[0] in _HELD,
        gres=_scontrol_gres(output, node),
    )


def _lines(output: str) -> dict[str, str]:
    """The lines by their first field, without those of single nodes; each once."""
    lines: dict[str, str] = {}
    for line in filter(None, map(str.strip, output.split("\n"))):
        key = line.partition("=")[0]
        if key in lines:
            raise Unanswered(f"scontrol show job: {key} is there twice")
        if key != "Nodes":
            lines[key] = line
    if not lines.get("JobId", "").removeprefix("JobId=").partition(" ")[0].isdecimal():
        raise Unanswered(f"scontrol show job: not understood: {output[:80]!r}")
    return lines


def _scontrol_shown(first: dict[str, str]) -> str:
    if first.get("ArrayTaskId", "").isdecimal():
        return f"{first.get('ArrayJobId')}_{first['ArrayTaskId']}"
    if "HetJobOffset" in first:
        return f"{first.get('HetJobId')}+{first['HetJobOffset']}"
    return first["JobId"]


def _known(text: str) -> str:
    return "" if text in {"(null)", "N/A"} else text


def _scontrol_gres(output: str, node: str) -> tuple[Gres, ...]:
    """The lines of nodes stand between Socks/Node and MinCPUsNode."""
    section = output.partition("Socks/Node=")[2].partition("MinCPUsNode=")[0]
    lines = (dict(_FIELD.findall(line)) for line in section.split("\n") if line.strip().startswith("Nodes="))
    return next((gres(line.get("GRES", "")) for line in lines if node in hosts(line.get("Nodes", ""))), ())
