"""Whose a process is, and who holds a device: all sources of this node behind one door."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from collector.identity.assigned import Assigned
from collector.identity.config import Config
from collector.identity.held import Held
from collector.identity.jobs import Jobs
from collector.identity.pods import Pods
from collector.identity.processes import Processes
from collector.identity.squeue import Squeue
from collector.identity.users import Users
from collector.identity.workloads import in_kubernetes, of_job, on_host
from collector.source import Instant
from collector.wire import Device, Workload

if TYPE_CHECKING:
    from collector.identity.kubernetes import Watch

__all__ = ["Held", "Resolver"]


class Resolver:
    """Works without any scheduler; a source that is not there, or does not answer, costs at most 0.3 s of waiting."""

    def __init__(self, config: Config) -> None:
        users = Users()
        socket = Path(config.podresources)
        self._node = config.node
        self._processes = Processes(Path(config.proc), config.environment, users, config.kubelet_roots)
        self._pods = Pods()
        self._watch = _watch(config, self._pods)
        self._assigned = Assigned(socket, self._pods) if config.kubernetes != "off" and socket.exists() else None
        self._jobs = Jobs(_squeue(config), Path(config.prolog), config.prolog_owner, users)

    def workload(self, pid: int, at: Instant) -> Workload | None:
        """Who a process belongs to; None: it cannot be told, since it was gone before anyone looked."""
        process = self._processes.find(pid, at)
        if process is None:
            return None
        if process.cgroup.kind == "kubernetes":
            return in_kubernetes(process, self._pods, self._node)
        if process.cgroup.kind == "slurm":
            number = process.cgroup.job
            return of_job(number, self._jobs.job(number, at), process.user, process.hints)
        return on_host(process, self._node)

    def started_ms(self, pid: int, at: Instant) -> int | None:
        """When a process began (Unix milliseconds, to a clock tick); None: it cannot be told."""
        process = self._processes.find(pid, at)
        return process.started_ms if process else None

    def held(self, devices: tuple[Device, ...], at: Instant) -> list[Held] | None:
        """Who holds which of the node's devices, by the kubelet and Slurm; None: no source tells.

        `devices` are all of the node, in the driver's order. Calls are answered from what was learned last.
        """
        of_pods = self._assigned.held(devices, at) if self._assigned else None
        of_jobs = self._jobs.held(devices, at)
        if of_pods is None and of_jobs is None:
            return None
        return (of_pods or []) + (of_jobs or [])

    def status(self, at: Instant) -> list[tuple[str, str, str]]:
        """Of each source: name, ok, warn or fail, and what is to be said of it."""
        found = [_seen(self._processes)]
        found += [source.status(at) for source in (self._watch, self._assigned) if source is not None]
        return found + self._jobs.status(at)

    def close(self) -> None:
        """Ends what runs in the background."""
        if self._watch is not None:
            self._watch.close()


def _seen(processes: Processes) -> tuple[str, str, str]:
    if processes.refused:
        return "processes", "warn", f"not allowed to read {processes.refused} times: the agent needs root"
    if processes.lost and not processes.found:
        return "processes", "fail", "none of a device is there: the agent needs the host's pids (hostPID)"
    return "processes", "ok", "readable"


def _squeue(config: Config) -> Squeue | None:
    if config.slurm == "off":
        return None
    squeue = Squeue(
        config.slurm_node or config.node.partition(".")[0], Path(config.slurm_bin) if config.slurm_bin else None
    )
    return squeue if squeue.is_there() else None


def _watch(config: Config, pods: Pods) -> Watch | None:
    account = Path(config.service_account)
    if config.kubernetes == "off" or (config.kubernetes == "auto" and not (account / "token").exists()):
        return None
    # TLS and HTTP are not small, and not needed elsewhere.
    from collector.identity.api import Api
    from collector.identity.kubernetes import Watch

    api = Api(config.kubernetes_url, account)
    watch = Watch(api, config.node, config.labels, pods, kubelet=config.kubernetes == "kubelet")
    watch.start()
    return watch
