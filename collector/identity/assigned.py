"""Devices that the kubelet has assigned to pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from collector.identity.devices import base_id, is_replica, resolved
from collector.identity.enquiry import Enquiry
from collector.identity.grpc import CallFailed
from collector.identity.held import WHOLE_PPM, Held
from collector.identity.podresources import DRA, Assignment, assignments, replicas
from collector.identity.pods import Pods
from collector.identity.workloads import of_pod
from collector.source import Instant
from collector.wire import UNKNOWN, Device, Workload

EVERY_NS = 5 * 10**9
REPLICAS_TURNS = 60
"""So many questions after the last time it is asked again how often devices are shared."""

_PASSING = {"DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}


class Assigned:
    """Asks the kubelet at `socket`, one question at a time and at most one every five seconds."""

    def __init__(self, socket: Path, pods: Pods, timeout_s: float = 5.0) -> None:
        self._socket = socket
        self._pods = pods
        self._timeout_s = timeout_s
        self._last: list[Assignment] = []
        self._replicas: dict[str, int] | None = None
        self._turns = 0
        self._unresolved: set[str] = set()
        self._enquiry: Enquiry[list[Assignment]] = Enquiry("podresources", self._ask, EVERY_NS)

    def held(self, devices: tuple[Device, ...], at: Instant) -> list[Held] | None:
        """What pods hold now; None: the kubelet does not tell, or not yet how devices are shared."""
        found = self._enquiry.answer(at)
        if found is None or (_is_shared(found) and self._replicas is None):
            return None
        self._unresolved = set()
        claims = Counter(name for assignment in found if assignment.resource == DRA for name in assignment.devices)
        return [held for assignment in found for held in self._of_container(assignment, devices, claims)]

    def status(self, at: Instant) -> tuple[str, str, str]:
        """Name, ok, warn or fail, and what is to be said of it."""
        name, state, text = self._enquiry.status(at)
        if state == "ok" and self._unresolved:
            return name, "warn", f"no device is known by {', '.join(sorted(self._unresolved)[:4])}"
        return name, state, text

    def _ask(self) -> list[Assignment]:
        if _is_shared(self._last) and (self._replicas is None or self._turns >= REPLICAS_TURNS):
            self._turns = 0
            self._ask_replicas()
            return self._last
        self._turns += 1
        self._last = assignments(self._socket, self._timeout_s)
        if _is_shared(self._last) and self._replicas is None:
            # Until it is known nothing is told, and processes would hold what was given to pods.
            self._ask_replicas()
        return self._last

    def _ask_replicas(self) -> None:
        try:
            self._replicas = replicas(self._socket, self._timeout_s)
        except CallFailed as error:
            if error.status in _PASSING:
                raise
            # An old kubelet does not tell at all: then shares are unknown.
            self._replicas = self._replicas or {}

    def _of_container(
        self, assignment: Assignment, devices: tuple[Device, ...], claims: Counter[str]
    ) -> Iterator[Held]:
        pod = self._pods.named(assignment.namespace, assignment.pod)
        if pod is not None and pod.ended:
            return
        workload = of_pod(pod, self._pods, assignment.container) if pod else _unnamed(assignment)
        for name, count in Counter(map(base_id, assignment.devices)).items():
            device = resolved(name, devices)
            if device is None:
                self._unresolved.add(name)
                continue
            share = WHOLE_PPM // claims[name] if assignment.resource == DRA else self._share(assignment, name, count)
            yield Held(uuid=device.uuid, workload=workload, share_ppm=share, start_ms=pod.start_ms if pod else None)

    def _share(self, assignment: Assignment, name: str, count: int) -> int:
        """The share that `count` replicas of a device are, or all of one that is not shared."""
        if name in assignment.devices:
            return WHOLE_PPM
        of = (self._replicas or {}).get(name)
        return min(WHOLE_PPM, count * WHOLE_PPM // of) if of else UNKNOWN


def _unnamed(assignment: Assignment) -> Workload:
    """A pod that the API server has not told of: the kubelet knows its name, but no uid and no labels."""
    return Workload(
        id=f"{assignment.namespace}/{assignment.pod}",
        kind="kubernetes",
        container=assignment.container,
        namespace=assignment.namespace,
    )


def _is_shared(found: list[Assignment]) -> bool:
    return any(is_replica(name) for assignment in found for name in assignment.devices)
