"""A day of a small cluster, as truth: what its commands tell of it, and what is to come out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fakes.slurm.cluster import Attempt, Cluster, Node, array, at

A100 = "billing=8,cpu=8,gres/gpu:a100={0},gres/gpu={0},mem=64G,node=1"

JOBS = [
    Attempt(101, at("08:00"), at("08:05"), at("10:30"), A100.format(4)),
    # Longer than all else, over two nodes.
    Attempt(102, at("08:10"), at("08:40"), at("13:00"), A100.format(8), nodes="cn[001-002]", state="TIMEOUT"),
    # Its node failed under it; submitted anew as it was requeued.
    Attempt(103, at("08:30"), at("08:31"), at("09:10"), A100.format(2), nodes="cn002", state="NODE_FAIL"),
    Attempt(103, at("09:10"), at("09:20"), at("11:00"), A100.format(2), nodes="cn001"),
    # Shorter than the time between two readings.
    Attempt(104, at("09:00:10"), at("09:00:12"), at("09:00:40"), A100.format(1), state="FAILED", user="bob"),
    # Withdrawn while it waited, and never of interest: no accelerators.
    Attempt(105, at("09:05"), None, at("09:50"), A100.format(8), nodes="", state="CANCELLED"),
    Attempt(106, at("09:05"), at("09:06"), at("12:00"), "billing=4,cpu=4,mem=8G,node=1"),
    # Of no type, on a node that has one only.
    Attempt(107, at("09:30"), at("09:31"), at("10:10"), "cpu=4,gres/gpu=1,node=1", nodes="cn003", partition="old"),
    *array(
        Attempt(1200, at("09:15"), None, None, A100.format(1), user="bob", account="bio", limit=3),
        {
            0: (at("09:16"), at("09:45")),
            1: (at("09:16"), at("10:02")),
            7: (at("09:45"), at("10:20")),
            8: (at("10:20"), at("11:11")),
        },
    ),
    Attempt(1301, at("10:00"), at("10:15"), at("10:50"), A100.format(2), het=1300, offset=0),
    Attempt(1302, at("10:00"), at("10:15"), at("10:50"), A100.format(4), nodes="cn002", het=1300, offset=1),
    # Of two kinds.
    Attempt(
        108, at("11:00"), at("11:05"), at("11:40"), "gres/gpu:a100=1,gres/gpu:v100=2,gres/gpu=3", nodes="cn[001,003]"
    ),
    Attempt(109, at("10:40"), None, None, A100.format(1), nodes="", reason="Dependency"),
    Attempt(110, at("11:30"), at("11:45"), None, A100.format(2), partition="gpu"),
]

NODES = [
    Node("cn001"),
    Node(
        "cn002",
        states=(
            (0, ("MIXED",)),
            (at("09:10"), ("DOWN", "NOT_RESPONDING")),
            (at("09:40"), ("IDLE",)),
            (at("11:00"), ("ALLOCATED", "DRAIN")),
            (at("11:30"), ("IDLE", "DRAIN")),
            (at("12:00"), ("IDLE",)),
        ),
    ),
    Node(
        "cn003", "gpu:v100:4(S:0)", ("old", "all"), ((0, ("IDLE",)), (at("11:00"), ("IDLE", "CLOUD", "POWERED_DOWN")))
    ),
    Node("cn004", "(null)", ("all",)),
]


def day(folder: Path, **more: Any) -> Cluster:  # noqa: ANN401 - whatever a cluster has
    """The cluster of the day."""
    return Cluster(folder, JOBS, NODES, **more)


_HELD = [
    ("101", "gpu", "cn001", "a100", 4, "08:05", "10:30", "COMPLETED"),
    ("102", "gpu", "", "a100", 8, "08:40", "13:00", "TIMEOUT"),
    ("103", "gpu", "cn002", "a100", 2, "08:31", "09:10", "NODE_FAIL"),
    ("103", "gpu", "cn001", "a100", 2, "09:20", "11:00", "COMPLETED"),
    ("104", "gpu", "cn001", "a100", 1, "09:00:12", "09:00:40", "FAILED"),
    ("107", "old", "cn003", "v100", 1, "09:31", "10:10", "COMPLETED"),
    ("1200_0", "gpu", "cn001", "a100", 1, "09:16", "09:45", "COMPLETED"),
    ("1200_1", "gpu", "cn001", "a100", 1, "09:16", "10:02", "COMPLETED"),
    ("1200_7", "gpu", "cn001", "a100", 1, "09:45", "10:20", "COMPLETED"),
    ("1200_8", "gpu", "cn001", "a100", 1, "10:20", "11:11", "COMPLETED"),
    ("1300+0", "gpu", "cn001", "a100", 2, "10:15", "10:50", "COMPLETED"),
    ("1300+1", "gpu", "cn002", "a100", 4, "10:15", "10:50", "COMPLETED"),
    ("108", "gpu", "", "a100", 1, "11:05", "11:40", "COMPLETED"),
    ("108", "gpu", "", "v100", 2, "11:05", "11:40", "COMPLETED"),
    ("110", "gpu", "cn001", "a100", 2, "11:45", "24:00", "RUNNING"),
]


def truth(until: int) -> set[tuple[Any, ...]]:
    """What was held up to an instant, Unix seconds, as `watching.held` has it."""
    return {
        (*who, at(start), min(at(end), until), at(end) <= until, state if at(end) <= until else "RUNNING")
        for *who, start, end, state in _HELD
        if at(start) < until
    }
