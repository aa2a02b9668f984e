"""Nodes: what they have, whether it can be used, and which pool it is of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from collector.slurm import gres
from collector.slurm.fields import states

_OFF = {"FUTURE", "DYNAMIC_FUTURE", "POWERED_DOWN", "POWERING_DOWN", "INVALID"}
_ABSENT = {"UNKNOWN", *_OFF}
_BUSY = {"ALLOCATED", "MIXED", "COMPLETING"}
_BROKEN = {"DOWN", "ERROR", "NOT_RESPONDING"}


class Node(Struct, frozen=True, kw_only=True):
    """`accelerators` counts them by type; `parts`: which of shard and mps it has.

    `condition` is one of `wire.CONDITIONS`, or None where it is not there; `off`: that much is known.
    """

    name: str
    partitions: tuple[str, ...]
    accelerators: dict[str, int]
    condition: str | None
    parts: frozenset[str] = frozenset()
    off: bool = False


class Listed(Struct):
    """A node in the answer of `scontrol show nodes --json`."""

    name: str
    state: Any
    state_flags: list[str] = []
    partitions: list[str] | str | None = None
    gres: str | None = None


def node(listed: Listed) -> Node:
    """What is told of a node."""
    named = listed.partitions or ()
    now = {*states(listed.state), *states(listed.state_flags)}
    return Node(
        name=listed.name,
        partitions=tuple(named.split(",") if isinstance(named, str) else named),
        accelerators=gres.of_node(listed.gres),
        condition=condition(now),
        parts=frozenset(gres.parts_of_node(listed.gres)),
        off=bool(now & _OFF),
    )


def condition(state: set[str]) -> str | None:
    """One of `wire.CONDITIONS` for a node's states; None: it is not there, or its cloud has switched it off.

    Maintenance is what Slurm calls so, and a node that is drained. One that drains, or is about to fail, is ready
    while it has jobs.
    """
    if state & _ABSENT:
        return None
    has_jobs = bool(state & _BUSY)
    if state & {"MAINT", "MAINTENANCE", "DRAINED"} or ("DRAIN" in state and not has_jobs):
        return "maintenance"
    if state & _BROKEN or ("FAIL" in state and not has_jobs):
        return "unhealthy"
    return "ready"


def pools(nodes: Iterable[Node]) -> dict[str, str]:
    """The pool of each node by its name: of its partitions the one with the fewest nodes, then the first by name.

    A partition that spans others (all nodes, to be preempted) so takes nothing from them. Jobs are pooled by the
    partition that they were sent to: where partitions overlap, one of them seems to hold more than it has, and a
    fixed pool is right.
    """
    known = list(nodes)
    sizes = Counter(partition for one in known for partition in one.partitions)
    return {one.name: min(one.partitions, key=lambda p: (sizes[p], p), default="") for one in known}
