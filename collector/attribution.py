"""From the processes and allocations of one look at the node to holdings and what each did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from collector.holders import WHOLE, Hold, Holders, Share
from collector.sharing import Use
from collector.source import Ended, Instant, Process
from collector.wire import UNKNOWN, Device, Workload

ROUNDED_MS = 20
"""By which the kernel's clock ticks and the driver's milliseconds may be apart."""


class Allocation(Protocol):
    """A device that a scheduler or the kubelet gave to a workload."""

    @property
    def uuid(self) -> str: ...
    @property
    def workload(self) -> Workload: ...
    @property
    def share_ppm(self) -> int: ...
    @property
    def start_ms(self) -> int | None: ...


class Identities(Protocol):
    """Who processes belong to, and what was allocated; None where nobody tells."""

    def workload(self, pid: int, at: Instant) -> Workload | None: ...
    def started_ms(self, pid: int, at: Instant) -> int | None: ...
    def held(self, devices: tuple[Device, ...], at: Instant) -> Sequence[Allocation] | None: ...


class Seen(Struct):
    """What one look found: who holds what, and by device and workload id what its processes did.

    `strangers`: workloads that use a device which was allocated to others. `nameless`: processes that nobody could
    name.
    """

    shares: list[Share] = []
    uses: dict[str, dict[str, Use]] = {}
    strangers: list[tuple[Device, Workload]] = []
    nameless: int = 0


class _Running(Struct):
    """Processes of one workload on one device."""

    workload: Workload
    start_ms: int | None
    use: Use


class Attribution:
    """Keeps the workload of every process seen, for when the driver tells of one that is gone."""

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._known: dict[tuple[str, int], Workload] = {}
        self._looked_at: frozenset[str] = frozenset()

    def look(
        self,
        devices: tuple[Device, ...],
        processes: Iterable[Process],
        at: Instant,
        since_ms: int,
    ) -> Seen:
        """Who holds and uses what at an instant; `since_ms` is the length of time that activity is a mean of.

        A process that is new on a device came after the look before, however long ago it began.
        """
        before_ms = at.wall_ms - since_ms
        seen = Seen([], {}, [], 0)
        running = self._running(processes, at, since_ms, seen)
        allocated = self.allocated(devices, at)
        for device in devices:
            given = [share for share in allocated if share.device.uuid == device.uuid]
            here = running.get(device.uuid, {})
            least = before_ms if device.uuid in self._looked_at else 0
            seen.shares += given or [_by_process(device, r, least) for r in here.values()]
            seen.uses[device.uuid] = {name: found.use for name, found in here.items()}
            seen.strangers += [(device, r.workload) for r in here.values() if given and _is_stranger(r.workload, given)]
        self._looked_at = frozenset(device.uuid for device in devices)
        return seen

    def allocated(self, devices: tuple[Device, ...], at: Instant) -> list[Share]:
        """What the kubelet or a scheduler says is held; empty where none of them tells.

        Who shares a device by parts that nobody tells has all of it: accounting divides by the sum.
        """
        by_uuid = {device.uuid: device for device in devices}
        return [
            Share(by_uuid[one.uuid], one.workload, WHOLE if one.share_ppm == UNKNOWN else one.share_ppm, one.start_ms)
            for one in self._identities.held(devices, at) or ()
            if one.uuid in by_uuid
        ]

    def ended(
        self,
        gone: Iterable[Ended],
        seen: Seen,
        devices: Mapping[str, Device],
        holders: Holders,
        before_ms: int,
        at: Instant,
    ) -> None:
        """What the driver tells of processes that ended: when, what they did since the last look at `before_ms`.

        A process that no look had met is a holding of its own.

        Where the kubelet or a scheduler gave the device to one workload, the process was its.
        """
        held = {(share.device.uuid, share.workload.id) for share in seen.shares}
        for one in gone:
            device = devices.get(one.uuid)
            workload, met = self._of_ended(one, holders, at)
            if device is None or workload is None:
                seen.nameless += 1
                continue
            key = (one.uuid, workload.id)
            if key in holders.open and key not in held:
                holders.end(key, one.end_ms)
            elif key not in held and not met:
                holders.add(_short(one, device, workload))
            if one.busy is not None:
                use = seen.uses.setdefault(one.uuid, {}).setdefault(workload.id, Use())
                use.busy_ms = (use.busy_ms or 0.0) + one.busy * max(0, one.end_ms - max(one.start_ms, before_ms))

    def _of_ended(self, one: Ended, holders: Holders, at: Instant) -> tuple[Workload | None, bool]:
        """Its workload, and whether a look had met it alive."""
        known = self._known.pop((one.uuid, one.pid), None)
        if known is not None:
            return known, True
        holds = holders.during(one.uuid, one.start_ms, one.end_ms)
        if len(holds) == 1:
            return holds[0].workload, True
        # A pid is used again: only a process that began before the context did can have had it.
        began = self._identities.started_ms(one.pid, at)
        fits = began is not None and began <= one.start_ms + ROUNDED_MS
        return (self._identities.workload(one.pid, at) if fits else None), False

    def _running(
        self, processes: Iterable[Process], at: Instant, since_ms: int, seen: Seen
    ) -> dict[str, dict[str, _Running]]:
        found: dict[str, dict[str, _Running]] = {}
        known: dict[tuple[str, int], Workload] = {}
        for process in processes:
            workload = self._identities.workload(process.pid, at)
            if workload is None:
                seen.nameless += 1
                continue
            known[process.uuid, process.pid] = workload
            here = found.setdefault(process.uuid, {})
            start_ms = self._identities.started_ms(process.pid, at)
            one = here.setdefault(workload.id, _Running(workload, start_ms, Use()))
            _add(one, process, start_ms, since_ms)
        self._known = {**self._known, **known} if len(self._known) < 10_000 else known
        return found


def _add(running: _Running, process: Process, start_ms: int | None, since_ms: int) -> None:
    """One more process of a workload: it holds the device since its first process began."""
    if start_ms is not None:
        running.start_ms = start_ms if running.start_ms is None else min(running.start_ms, start_ms)
    use = running.use
    if process.busy is not None:
        use.busy_ms = (use.busy_ms or 0.0) + process.busy * since_ms
    if process.memory_bytes is not None:
        use.memory_bytes = (use.memory_bytes or 0) + process.memory_bytes


def _by_process(device: Device, running: _Running, least_ms: int) -> Share:
    start_ms = None if running.start_ms is None else max(running.start_ms, least_ms)
    return Share(device, running.workload, start_ms=start_ms)


def _is_stranger(workload: Workload, given: Sequence[Share]) -> bool:
    """Whether a workload is none of those that were given a device.

    Where the API server does not tell, the kubelet knows a pod's name, and the process its uid: they may be one.
    """
    unnamed = any(share.workload.kind == "kubernetes" and not share.workload.uid for share in given)
    maybe = unnamed and workload.kind == "kubernetes" and workload.id.startswith("pod:")
    return not maybe and workload.id not in {share.workload.id for share in given}


def _short(one: Ended, device: Device, workload: Workload) -> Hold:
    return Hold(
        device=device,
        workload=workload,
        share_ppm=WHOLE,
        start_ms=one.start_ms,
        until_ms=one.end_ms,
        closed=True,
    )
