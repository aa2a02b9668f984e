"""Jobs of Slurm on this node and the devices that they have, by squeue and by files of a prolog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from collector.identity.devices import by_minor
from collector.identity.enquiry import Enquiry
from collector.identity.held import WHOLE_PPM, Held
from collector.identity.prolog import Entry, entries
from collector.identity.slurm import Gres, Job
from collector.identity.squeue import EVERY_NS, Squeue
from collector.identity.users import Users
from collector.identity.workloads import of_job
from collector.source import Instant
from collector.wire import UNKNOWN, Device

_MIG = re.compile(r"\d+g\.\d+gb.*")


class Jobs:
    """`squeue` None: there is none, or it shall not be asked; `prolog` is the folder of a prolog's files."""

    def __init__(self, squeue: Squeue | None, prolog: Path, prolog_owner: int, users: Users) -> None:
        self._prolog = prolog
        self._prolog_owner = prolog_owner
        self._users = users
        self._enquiry = Enquiry("slurm", squeue.jobs, EVERY_NS) if squeue else None
        self._unresolved: set[str] = set()
        self._wrong: list[str] = []

    def job(self, number: str, at: Instant) -> Job | None:
        """What squeue says of a job, by the number in its cgroup."""
        return {job.number: job for job in self._jobs(at) or []}.get(number)

    def held(self, devices: tuple[Device, ...], at: Instant) -> list[Held] | None:
        """What jobs hold now; None: neither squeue nor a prolog tells."""
        jobs = self._jobs(at)
        written, self._wrong = entries(self._prolog, self._prolog_owner)
        if jobs is None and written is None:
            return None
        self._unresolved = set()
        held = [one for job in jobs or [] if job.holds for one in self._of_job(job, devices)]
        taken = {(one.uuid, one.workload.uid) for one in held}
        return held + [
            one
            for entry in written or []
            if self._is_news(entry, jobs, at)
            for one in self._of_entry(entry, jobs or [], devices)
            if (one.uuid, one.workload.uid) not in taken
        ]

    def status(self, at: Instant) -> list[tuple[str, str, str]]:
        """Of squeue and of the prolog: name, ok, warn or fail, and what is to be said of it."""
        found: list[tuple[str, str, str]] = []
        if self._enquiry:
            found.append(self._enquiry.status(at))
        if self._wrong:
            found.append(("prolog", "warn", "; ".join(self._wrong[:4])))
        if self._unresolved:
            found.append(("slurm devices", "warn", f"no device is known by {', '.join(sorted(self._unresolved)[:4])}"))
        return found

    def _jobs(self, at: Instant) -> list[Job] | None:
        return self._enquiry.answer(at) if self._enquiry else None

    def _is_news(self, entry: Entry, jobs: list[Job] | None, at: Instant) -> bool:
        """Whether squeue cannot know better: a file is left behind where an epilog did not run."""
        if jobs is None or any(job.number == entry.job and job.holds for job in jobs):
            return True
        answered_ns = self._enquiry.answered_ns if self._enquiry else None
        return answered_ns is None or entry.since_ms >= at.wall_ms - (at.boot_ns - answered_ns) // 10**6

    def _of_job(self, job: Job, devices: tuple[Device, ...]) -> Iterator[Held]:
        if job.gres is None:
            self._unresolved.add(f"job {job.id}")
            return
        workload = of_job(job.number, job, "")
        shares: dict[str, int] = {}
        for some in job.gres:
            for device in self._devices(some, devices):
                shares[device.uuid] = max(shares.get(device.uuid, UNKNOWN), _share(some))
        for uuid, share in shares.items():
            yield Held(uuid=uuid, workload=workload, share_ppm=share, start_ms=job.start_ms)

    def _devices(self, some: Gres, devices: tuple[Device, ...]) -> Iterator[Device]:
        """By minor number; of MIG instances Slurm's index is the place in gres.conf: found if there is one only."""
        parts = [device for device in devices if device.parent and device.profile.endswith(some.type)]
        for index in some.indexes:
            is_part = _MIG.fullmatch(some.type) is not None
            device = (parts[0] if len(parts) == 1 else None) if is_part else by_minor(index, devices)
            if device is None:
                self._unresolved.add(f"{some.name}:{some.type}({index})")
            else:
                yield device

    def _of_entry(self, entry: Entry, jobs: list[Job], devices: tuple[Device, ...]) -> Iterator[Held]:
        exact = next((device for device in devices if device.uuid == entry.device), None)
        device = exact or (by_minor(int(entry.device), devices) if entry.device.isdecimal() else None)
        if device is None:
            self._unresolved.add(entry.device)
            return
        job = next((job for job in jobs if job.number == entry.job), None)
        workload = of_job(entry.job, job, self._users.name(entry.uid))
        share = WHOLE_PPM if entry.alone else UNKNOWN
        yield Held(uuid=device.uuid, workload=workload, share_ppm=share, start_ms=entry.since_ms)


def _share(some: Gres) -> int:
    return WHOLE_PPM if some.name == "gpu" else UNKNOWN
