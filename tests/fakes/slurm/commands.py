"""sacct, squeue and scontrol over a script of a cluster, `cluster.json` beside this file; installed under those names.

Shapes are those of captures of Slurm 23.02 (data_parser v0.0.39) and of 24.05 and 24.11 (v0.0.41, v0.0.42): 23.02 has
`meta.plugins` and `meta.Slurm`, states as a text and times of squeue as numbers; later ones have `meta.plugin` and
`meta.slurm`, states as a list and times of squeue as {set, infinite, number}. sacct's times are numbers in all.
"""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

HERE = Path(__file__).resolve().parent
SAID: Row = json.loads((HERE / "cluster.json").read_text("utf-8"))
OLD = SAID["parser"] == "v0.0.39"
NOW: int = SAID["now"]


def main(name: str, words: list[str]) -> None:
    with (HERE / "asked").open("a", encoding="utf-8") as asked:
        asked.write(f"{name} {' '.join(words)}\n")
    if "-M" in words and words[words.index("-M") + 1] != SAID["name"]:
        fail(f"{name}: error: No cluster '{words[words.index('-M') + 1]}' known by database.")
    {"sacct": sacct, "squeue": squeue, "scontrol": scontrol}[name](words)


def fail(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.exit(1)


def needs_json(name: str) -> None:
    if not SAID["parser"]:
        fail(f"{name}: fatal: Unable to find plugin: serializer/json")


def answer(**rows: list[Row]) -> None:
    parser, release = f"data_parser/{SAID['parser']}", {"release": SAID["release"]}
    meta = {"plugins": {"data_parser": parser}, "Slurm": release}
    if not OLD:
        meta = {"plugin": {"type": "", "name": "", "data_parser": parser}, "slurm": release}
    sys.stdout.write(json.dumps({"meta": meta, "errors": [], "warnings": [], **rows}))


def number(value: int | None, infinite: bool = False) -> Row:
    return {"set": value is not None, "infinite": infinite, "number": value or 0}


def time(value: int | None) -> int | Row:
    return (value or 0) if OLD else number(value or 0)


def state(text: str) -> str | list[str]:
    return text if OLD else [text]


def as_of(at: int) -> list[Row]:
    """Attempts that had been submitted, with what had happened by then; tasks that wait are one record."""
    found: list[Row] = []
    arrays: dict[tuple[int, int | None], Row] = {}
    for job in SAID["jobs"]:
        if job["submit"] > at:
            continue
        started = job["start"] is not None and job["start"] <= at
        ended = job["end"] is not None and job["end"] <= at
        one = {**job, "start": job["start"] if started else None, "end": job["end"] if ended else None}
        one["state"] = job["state"] if ended else "RUNNING" if started else "PENDING"
        one["nodes"] = job["nodes"] if started else ""
        if job["task"] is None or started:
            found.append(one)
        else:
            meta = arrays.setdefault((job["array"], one["end"]), {**one, "tasks": []})
            meta["tasks"].append(job["task"])
            meta |= {"number": job["array"], "task": None}
    return found + list(arrays.values())


def listed(tasks: list[int], limit: int) -> str:
    """`1-10,12%4`; as Slurm writes it."""
    runs: list[list[int]] = []
    for task in tasks:
        if runs and task == runs[-1][1] + 1:
            runs[-1][1] = task
        else:
            runs.append([task, task])
    text = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
    return f"{text}%{limit}" if limit else text


def sacct(words: list[str]) -> None:
    if SAID["database_down"]:
        fail("sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:db:6819")
    if "--json" in words:
        needs_json("sacct")
    assert {"-a", "-X", "-D"} <= set(words)
    options = dict(word.removeprefix("--").split("=", 1) for word in words if "=" in word)
    rows = [job for job in as_of(NOW - SAID["late"]) if _asked(job, options)]
    if "--json" in words:
        answer(jobs=[record(job) for job in rows])
    else:
        for job in rows:
            sys.stdout.write("|".join(fields(job)[name] for name in options["format"].split(",")) + "\n")


def _asked(job: Row, options: dict[str, str]) -> bool:
    if "jobs" in options:
        return str(job["number"]) in options["jobs"].split(",")
    start, end = (seconds(options[name]) for name in ("starttime", "endtime"))
    return bool(job["submit"] < end and (job["end"] is None or job["end"] >= start))


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def tres(text: str) -> list[Row]:
    rows: list[Row] = [{"type": "cpu", "name": "", "id": 1, "count": 8}, {"type": "energy", "name": "", "count": -2}]
    for name, count in re.findall(r"gres/([^=,]+)=(\d+)", text):
        rows.append({"type": "gres", "name": name, "id": 1001, "count": int(count)})
    return rows if text else []


def record(job: Row) -> Row:
    waits = job.get("tasks")
    return {
        "account": job["account"],
        "comment": {"administrator": "", "job": "", "system": ""},
        "allocation_nodes": 1,
        "array": {
            "job_id": job["array"] or 0,
            "limits": {"max": {"running": {"tasks": job["limit"]}}},
            "task_id": number(job["task"]),
            "task": listed(waits, job["limit"]) if waits else "",
        },
        "association": {
            "account": job["account"],
            "cluster": SAID["name"],
            "partition": "",
            "user": job["user"],
            "id": 9,
        },
        "cluster": SAID["name"],
        "het": {"job_id": job["het"] or 0, "job_offset": number(job["offset"])},
        "job_id": job["number"],
        "name": "train|it",
        "nodes": job["nodes"] or "None assigned",
        "partition": job["partition"],
        "priority": number(job["priority"]),
        "qos": "normal",
        "state": {"current": state(job["state"]), "reason": "None"},
        "steps": [],
        "time": {
            "elapsed": 0,
            "eligible": job["submit"],
            "end": job["end"] or 0,
            "start": job["start"] or 0,
            "submission": job["submit"],
            "suspended": 0,
            "limit": number(None, infinite=True),
        },
        "tres": {"allocated": tres(job["tres"] if job["start"] else ""), "requested": tres(job["asked"])},
        "user": job["user"],
    }


def fields(job: Row) -> dict[str, str]:
    """As sacct -P prints them in UTC."""

    def when(value: int | None, none: str) -> str:
        return none if value is None else datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%S")

    shown = str(job["number"])
    if job.get("tasks"):
        shown = f"{job['array']}_[{listed(job['tasks'], job['limit'])}]"
    elif job["task"] is not None:
        shown = f"{job['array']}_{job['task']}"
    elif job["het"]:
        shown = f"{job['het']}+{job['offset']}"
    return {
        "JobID": shown,
        "JobIDRaw": str(job["number"]),
        "Cluster": SAID["name"],
        "User": job["user"],
        "Account": job["account"],
        "Partition": job["partition"],
        "Submit": when(job["submit"], ""),
        "Start": when(job["start"], "None" if job["end"] else "Unknown"),
        "End": when(job["end"], "Unknown"),
        "State": "CANCELLED by 7" if job["state"] == "CANCELLED" else job["state"],
        "NodeList": job["nodes"] or "None assigned",
        "AllocTRES": job["tres"] if job["start"] else "",
        "ReqTRES": job["asked"],
        "Priority": str(job["priority"]),
    }


def squeue(words: list[str]) -> None:
    if SAID["controller_down"]:
        fail("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    needs_json("squeue")
    answer(jobs=[queued(job) for job in as_of(NOW) if job["end"] is None or NOW - job["end"] < SAID["completing"]])


def queued(job: Row) -> Row:
    waits = job.get("tasks")
    pending = job["state"] == "PENDING"
    done = job["end"] is not None
    states = [job["state"], "COMPLETING"] if done else [job["state"]]
    return {
        "account": job["account"],
        "array_job_id": number(job["array"] or 0),
        "array_task_id": number(job["task"]),
        "array_task_string": listed(waits, job["limit"]) if waits else "",
        "cluster": SAID["name"],
        "end_time": time((job["start"] or NOW) + 86_400),
        "gres_detail": [],
        "het_job_id": number(job["het"] or 0),
        "het_job_offset": number(job["offset"] or 0),
        "job_id": job["number"],
        "job_state": states[-1] if OLD else states,
        "name": "train",
        "nodes": job["nodes"],
        "partition": job["partition"],
        "priority": number(job["priority"]),
        # Of a job that waits it is when the scheduler expects it to start.
        "start_time": time(NOW + 600 if pending else job["start"]),
        "state_reason": job["reason"] if pending else "None",
        "submit_time": time(job["submit"]),
        "tres_alloc_str": "" if pending else job["tres"],
        "tres_req_str": job["asked"],
        "user_id": 1000,
        "user_name": job["user"],
    }


def scontrol(words: list[str]) -> None:
    if SAID["controller_down"]:
        fail("slurm_load_node error: Unable to contact slurm controller (connect failure)")
    if words[-2:] == ["show", "config"]:
        for name, value in SAID["config"].items():
            sys.stdout.write(f"{name:<24}= {value}\n")
        return
    needs_json("scontrol")
    answer(nodes=[listed_node(node) for node in SAID["nodes"]])


def listed_node(node: Row) -> Row:
    states = next(states for since, states in reversed(node["states"]) if since <= NOW)
    return {
        "architecture": "x86_64",
        "boot_time": time(1),
        "cpus": 96,
        "gres": node["gres"],
        "gres_drained": "N/A",
        "gres_used": "gpu:a100:0(IDX:N/A)",
        "name": node["name"],
        "next_state_after_reboot": ["INVALID"],
        "partitions": node["partitions"],
        "reason": "",
        "state": states,
        "alloc_cpus": 0,
    }


main(Path(sys.argv[0]).name, sys.argv[1:])
