"""The text of /proc/<pid>/cgroup → whose a process is: pod, job, container, service or user.

A user manager (`user@UID.service`) and many containers own their part of the tree and can make a folder there with any
name. So a path is read from its root: only roots that the kubelet, Slurm, the container engines and systemd make are
known, the outermost component decides, and an identifier counts only as a whole component. What lies below belongs
to the component above it.

A path that begins with `/..` is seen from inside a cgroup namespace. It starts at an ancestor of the agent's own
cgroup, where only root can make a folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

KUBELET_ROOTS = ("", "kubelet")
"""cgroupRoot of the kubelet: none, and what kind and kubeadm-in-docker use."""

_ORDER = (
    "host",
    "systemd",
    "user",
    "libvirt",
    "nspawn",
    "lxc",
    "containerd",
    "podman",
    "docker",
    "kubernetes",
    "slurm",
)

_ID = r"(?P<container>[0-9a-f]{64})"
_UID = r"pod(?P<pod>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})"
_QOS = r"(?:burstable|besteffort|guaranteed)"
_END = r"(?=/|$)"
_RUNTIME = r"(?:cri-containerd|crio|docker|cri-dockerd|cri-o)"
_IN_POD = (
    rf"{_END}(?:/(?:{_RUNTIME}-{_ID}\.scope|{_RUNTIME}-(?P<other>[0-9a-f]{{64}})|(?P<bare>[0-9a-f]{{64}})){_END})?"
)
_ENGINE = r"(?:containerd|crio|k3s|k3s-agent|rke2-agent|rke2-server)\.service"

_PATTERNS = (
    (
        "slurm",
        r"/slurm(?:_[\w.-]+)?/uid_(?P<user>\d+)/job_(?P<job>\d+)(?:/step_(?P<step>[\w.+-]+))?(?=/|$)",
        r"/system\.slice/(?:[\w.-]+_)?slurmstepd\.scope/job_(?P<job>\d+)(?:/step_(?P<step>[\w.+-]+))?(?=/|$)",
    ),
    (
        "kubernetes",
        rf"/system\.slice/{_ENGINE}/kubepods(?:-{_QOS})?-{_UID}\.slice:(?:{_RUNTIME}):{_ID}{_END}",
        # Siblings of the agent's own cgroup, of its pod and of its class of service.
        rf"(?:/\.\.)+/(?:[a-z]+-)?kubepods(?:-{_QOS})?-{_UID}\.slice{_IN_POD}",
        rf"(?:/\.\.)+/(?:[a-z]+-)?kubepods-(?P<qos>{_QOS})\.slice/(?:[a-z]+-)?kubepods-(?P=qos)-{_UID}\.slice{_IN_POD}",
        rf"(?:/\.\.)+/(?:{_QOS}/)?{_UID}{_IN_POD}",
        rf"(?:/\.\.)+/{_RUNTIME}-{_ID}\.scope{_END}",
    ),
    ("docker", rf"/docker/{_ID}{_END}", rf"/system\.slice/docker-{_ID}\.scope{_END}"),
    (
        "podman",
        rf"/machine\.slice/(?:machine-libpod_pod_[0-9a-f]+\.slice/)?libpod-{_ID}\.scope{_END}",
        rf"/libpod_parent/(?:[0-9a-f]{{64}}/)?libpod-{_ID}{_END}",
        # Rootless: the container's name is the user's own word, the user is the kernel's.
        (
            r"/user\.slice/user-(?P<user>\d+)\.slice/user@(?P=user)\.service/(?:[\w.@-]+\.slice/)*"
            rf"libpod-{_ID}\.scope{_END}"
        ),
    ),
    (
        "containerd",
        rf"/system\.slice/(?:nerdctl|containerd)-{_ID}\.scope{_END}",
        rf"/(?:default|nerdctl|containerd|k8s\.io)/{_ID}{_END}",
    ),
    ("lxc", r"/lxc(?:/|\.payload[./])(?P<machine>[^/]+)"),
    ("libvirt", r"/machine\.slice/machine-qemu\\x2d(?P<machine>[^/]+)\.scope(?=/|$)"),
    (
        "nspawn",
        r"/machine\.slice/machine-(?P<machine>[^/]+)\.scope(?=/|$)",
        r"/machine\.slice/systemd-nspawn@(?P<machine>[^/]+)\.service(?=/|$)",
    ),
    ("user", r"/user\.slice/user-(?P<user>\d+)\.slice(?:/(?P<unit>[^/]+))?(?=/|$)"),
    (
        "systemd",
        r"/system\.slice/(?:[^/]+\.slice/)*(?P<unit>[^/]+\.(?:service|scope))(?=/|$)",
        # Below a slice of the administrator's own, names may be somebody else's: the slice stays part of the unit.
        r"/(?!(?:user|system|kubepods|machine)\.slice)(?P<unit>[^/]+\.slice(?:/[^/]+\.service)?|init\.scope)(?=/|$)",
    ),
)


class Cgroup(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a process runs; '' and None: the path does not tell.

    `kind`: kubernetes, slurm, docker, podman, containerd, lxc, nspawn, libvirt, user, systemd or host. `pod` is a uid
    as the kubelet has it (of a static pod: 32 hex digits), `container` 64 hex digits, `user` a numeric user id.
    """

    kind: str = "host"
    pod: str = ""
    job: str = ""
    step: str = ""
    container: str = ""
    machine: str = ""
    unit: str = ""
    user: int | None = None


HOST = Cgroup()


def _pods_below(root: str) -> tuple[str, str]:
    """Patterns of the systemd and the cgroupfs driver with this cgroupRoot."""
    name = re.escape(root)
    top, prefix, folder = (f"/{name}\\.slice", f"{name}-", f"/{name}") if root else ("", "", "")
    return (
        (
            rf"{top}/{prefix}kubepods\.slice(?:/{prefix}kubepods-(?P<qos>{_QOS})\.slice)?"
            rf"/{prefix}kubepods(?(qos)-(?P=qos))-{_UID}\.slice{_IN_POD}"
        ),
        rf"{folder}/kubepods(?:/{_QOS})?/{_UID}{_IN_POD}",
    )


@lru_cache(maxsize=4)
def _compiled(roots: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    kubepods = [("kubernetes", pattern) for root in roots for pattern in _pods_below(root)]
    listed = [(kind, pattern) for kind, *patterns in _PATTERNS for pattern in patterns]
    # Relative forms name their `..` themselves; the others may lie behind any number of them.
    return [
        (kind, re.compile(pattern if pattern.startswith("(?:/\\.\\.)+") else r"(?:/\.\.)*" + pattern))
        for kind, pattern in kubepods + listed
    ]


def classify(path: str, roots: tuple[str, ...] = KUBELET_ROOTS) -> Cgroup:
    """Whose a cgroup is; `roots` are the cgroupRoots that kubelets of this node may have."""
    for kind, pattern in _compiled(roots):
        if found := pattern.match(path.removesuffix(" (deleted)")):
            return _cgroup(kind, found.groupdict(default=""))
    return HOST


def _cgroup(kind: str, part: dict[str, str]) -> Cgroup:
    user = part.get("user", "")
    return Cgroup(
        kind=kind,
        pod=part.get("pod", "").replace("_", "-"),
        job=part.get("job", ""),
        step=part.get("step", ""),
        container=part.get("container") or part.get("other") or part.get("bare") or "",
        machine=part.get("machine", ""),
        unit=part.get("unit", ""),
        user=int(user) if user else None,
    )


def _paths(text: str) -> Iterator[str]:
    # Not splitlines: a folder may be named with what it takes for the end of a line, all but a line feed.
    for line in text.split("\n"):
        if line.count(":") >= 2:
            yield line.split(":", 2)[2]


@lru_cache(maxsize=1024)
def parse(text: str, roots: tuple[str, ...] = KUBELET_ROOTS) -> Cgroup:
    """Whose a process is, of the text of its /proc/<pid>/cgroup.

    Version 1 has a line per controller, a hybrid tree both: the most specific of all lines tells, since each line is
    safe by itself.
    """
    found = (classify(path, roots) for path in _paths(text))
    return max(found, key=lambda c: (_ORDER.index(c.kind), bool(c.container), bool(c.step)), default=HOST)
