"""Pods of a node as the API server describes them: what is kept, and how it is found."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from collector.identity.config import Keys

MOST_GONE = 512
"""So many pods are remembered after they were deleted: their processes may end later, and be asked for."""

MOST_OWNER = 256

_CONFIG_HASH = "kubernetes.io/config.hash"
_ENDED = {"Succeeded", "Failed"}


class Pod(Struct, frozen=True, kw_only=True):
    """`claims` are what its labels say; `containers` are names by container id; `owner` is Kind/name of its controller.

    `manifest` is the hash of its manifest, which is in its cgroup instead of its uid if it is a static pod.
    """

    uid: str
    manifest: str
    namespace: str
    name: str
    owner: str
    claims: dict[str, str]
    containers: dict[str, str]
    ended: bool
    start_ms: int | None


class _Owner(Struct):
    kind: str
    name: str
    controller: bool = False


class Metadata(Struct, rename="camel"):
    """What is read of an object's metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None


class _Container(Struct):
    name: str
    container_id: str = msgspec.field(default="", name="containerID")


class _Status(Struct, rename="camel"):
    phase: str = ""
    start_time: str | None = None
    container_statuses: list[_Container] | None = None
    init_container_statuses: list[_Container] | None = None
    ephemeral_container_statuses: list[_Container] | None = None


class PodObject(Struct):
    """A pod as the API has it, as far as it is read."""

    metadata: Metadata
    status: _Status = msgspec.field(default_factory=_Status)


class PodList(Struct):
    """The answer to a LIST, of the API server or of the kubelet."""

    items: list[PodObject]
    metadata: Metadata = msgspec.field(default_factory=Metadata)


def pod_of(item: PodObject, labels: Keys) -> Pod:
    """What is kept of a pod; `labels` are the keys of its claims."""
    meta, status = item.metadata, item.status
    owners = [owner for owner in meta.owner_references or [] if owner.controller]
    hashed = (meta.annotations or {}).get(_CONFIG_HASH, "")
    annotated = {**(meta.annotations or {}), **(meta.labels or {})}
    return Pod(
        uid=meta.uid,
        manifest=hashed if re.fullmatch("[0-9a-f]{32}", hashed) else "",
        namespace=meta.namespace,
        name=meta.name,
        owner=_said(f"{owners[0].kind}/{owners[0].name}") if owners else "",
        claims=labels.found(annotated),
        containers=dict(_containers(status)),
        ended=status.phase in _ENDED,
        start_ms=_milliseconds(status.start_time),
    )


def _said(owner: str) -> str:
    """A reference to an owner is checked by nobody: whoever makes the pod may write anything there, and much of it."""
    return owner[:MOST_OWNER] if owner.isprintable() else ""


def _containers(status: _Status) -> Iterator[tuple[str, str]]:
    for some in (status.init_container_statuses, status.container_statuses, status.ephemeral_container_statuses):
        for container in some or []:
            if container.container_id:
                yield container.container_id.rpartition("//")[2], container.name


def _milliseconds(text: str | None) -> int | None:
    return int(datetime.fromisoformat(text).timestamp() * 1000) if text else None


class Pods:
    """One thread writes, any may read: what is read is replaced as a whole."""

    def __init__(self) -> None:
        self._pods: dict[str, Pod] = {}
        self._gone: OrderedDict[str, Pod] = OrderedDict()
        self._by_key: dict[str, Pod] = {}
        self._by_name: dict[tuple[str, str], Pod] = {}
        self._by_container: dict[str, Pod] = {}
        self.namespaces: dict[str, dict[str, str]] = {}

    def replace(self, pods: Iterable[Pod]) -> None:
        """These are all pods that there are."""
        now = {pod.uid: pod for pod in pods}
        for uid in self._pods.keys() - now.keys():
            self._forget(self._pods[uid])
        self._pods = now
        self._index()

    def put(self, pod: Pod) -> None:
        """A pod is new, or has changed."""
        self._pods = {**self._pods, pod.uid: pod}
        self._index()

    def remove(self, uid: str) -> None:
        """A pod was deleted."""
        if uid in self._pods:
            self._forget(self._pods[uid])
            self._pods = {other: pod for other, pod in self._pods.items() if other != uid}
            self._index()

    def of_cgroup(self, key: str) -> Pod | None:
        """The pod with this uid (of a static pod: hash) in its cgroup, also for a while after its end."""
        return self._by_key.get(key)

    def of_container(self, container: str) -> Pod | None:
        """The pod that has this container id."""
        return self._by_container.get(container)

    def named(self, namespace: str, name: str) -> Pod | None:
        """The pod that has this name now: another may have had it before."""
        return self._by_name.get((namespace, name))

    def claims(self, pod: Pod) -> dict[str, str]:
        """What a pod's labels say, team and cost center as its namespace has them: those only admins can set."""
        of_namespace = self.namespaces.get(pod.namespace, {})
        return {**pod.claims, **{key: of_namespace[key] for key in ("team", "cost_center") if key in of_namespace}}

    def _forget(self, pod: Pod) -> None:
        self._gone[pod.uid] = pod
        while len(self._gone) > MOST_GONE:
            self._gone.popitem(last=False)

    def _index(self) -> None:
        known = [*self._gone.values(), *self._pods.values()]
        # Anyone may annotate a pod with a hash: a uid stands over it.
        self._by_key = {pod.manifest: pod for pod in known if pod.manifest} | {pod.uid: pod for pod in known}
        self._by_container = {container: pod for pod in known for container in pod.containers}
        self._by_name = {(pod.namespace, pod.name): pod for pod in self._pods.values()}
