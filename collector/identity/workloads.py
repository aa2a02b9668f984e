"""Workloads out of what was found: their ids, and which fields they have.

| kind | id | other fields |
|---|---|---|
| kubernetes | `namespace/pod`; `pod:<uid>` while its name is not known | uid, namespace, container (its name; its id while that is not known), owner `Kind/name`, claims |
| slurm | the JobID that sacct shows: `1234`, `1234_7`, `1234+1`; the raw number while no more is known | uid: the raw number, user, account, namespace: the partition |
| docker, podman, containerd | `docker:<first 12 digits>@node`; rootless `podman:<user>/<12 digits>@node` | container, user |
| lxc, nspawn, libvirt | `lxc:<name>@node` | container: its name |
| systemd | `systemd:<unit>@node` | user |
| user | `user:<name>@node` | user |
"""  # noqa: E501 - a table

from __future__ import annotations

from collector.identity.pods import Pod, Pods
from collector.identity.processes import Process
from collector.identity.slurm import Job
from collector.wire import Workload


def of_pod(pod: Pod, pods: Pods, container: str, hints: dict[str, str] | None = None) -> Workload:
    """The workload of a container of a pod, `container` being its id or name."""
    return Workload(
        id=f"{pod.namespace}/{pod.name}",
        kind="kubernetes",
        uid=pod.uid,
        container=pod.containers.get(container, container),
        namespace=pod.namespace,
        owner=pod.owner,
        claims=pods.claims(pod),
        hints=hints or {},
    )


def of_job(number: str, job: Job | None, user: str, hints: dict[str, str] | None = None) -> Workload:
    """The workload of a Slurm job; `job` None: only its number is known, and who runs it."""
    return Workload(
        id=job.id if job else number,
        kind="slurm",
        uid=number,
        user=(job.user if job else "") or user,
        account=job.account if job else "",
        namespace=job.partition if job else "",
        hints=hints or {},
    )


def in_kubernetes(process: Process, pods: Pods, node: str) -> Workload:
    """The workload of a process of a pod, whether or not the API server has told of the pod."""
    cgroup = process.cgroup
    pod = pods.of_cgroup(cgroup.pod) if cgroup.pod else pods.of_container(cgroup.container)
    if pod is not None:
        return of_pod(pod, pods, cgroup.container, process.hints)
    # Of a neighbor in the agent's own pod a private cgroup namespace shows the container alone.
    name = f"pod:{cgroup.pod}" if cgroup.pod else f"container:{cgroup.container[:12]}@{node}"
    return Workload(id=name, kind="kubernetes", uid=cgroup.pod, container=cgroup.container, hints=process.hints)


def on_host(process: Process, node: str) -> Workload:
    """The workload of a process that no scheduler placed."""
    cgroup = process.cgroup
    kind = "user" if cgroup.kind == "host" else cgroup.kind
    # A rootless container's id is the user's own word: it counts among this user's only.
    owned = f"{process.user}/" if kind == "podman" and cgroup.user is not None else ""
    name = {"user": process.user, "systemd": cgroup.unit}.get(kind) or cgroup.container[:12] or cgroup.machine
    return Workload(
        id=f"{kind}:{owned}{name}@{node}",
        kind=kind,
        container=cgroup.container or cgroup.machine,
        user=process.user,
        hints=process.hints,
    )
